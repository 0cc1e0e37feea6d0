//! Given-when-then.

use cqrs_es::test::AggregateTestExecutor;
use uuid::Uuid;

use super::*;
use crate::kernel::{
    AggregateRef, ChaptersId, ClinicAggregate, ClinicEvent, Contradiction, DecodeError, PatientId, Versioned, testing,
};

fn given(events: Vec<ChaptersEvent>) -> AggregateTestExecutor<Versioned<Chapters>> {
    testing::given(events)
}

const fn close(chapter: u16) -> ChaptersCommand {
    ChaptersCommand::Close { chapter }
}

#[test]
fn the_chapter_that_is_open_is_closed() {
    given(vec![])
        .when(close(0))
        .then_expect_events(vec![ChaptersEvent::Closed]);
    given(vec![ChaptersEvent::Closed])
        .when(close(1))
        .then_expect_events(vec![ChaptersEvent::Closed]);
}

#[test]
fn to_close_a_chapter_again_changes_nothing() {
    given(vec![ChaptersEvent::Closed, ChaptersEvent::Closed])
        .when(close(0))
        .then_expect_events(vec![]);
}

#[test]
fn a_chapter_that_has_not_begun_is_not_closed() {
    given(vec![]).when(close(1)).then_expect_error(ChaptersError::NotBegun);
}

#[test]
fn the_last_chapter_that_has_a_number_stays_open() {
    let chapters = testing::folded::<Chapters>(vec![ChaptersEvent::Closed; usize::from(u16::MAX)]);
    assert_eq!(chapters.closed(), u16::MAX);
    assert_eq!(chapters.decide(close(u16::MAX)), Err(ChaptersError::Last));
    assert_eq!(
        chapters.contradiction(&ChaptersEvent::Closed),
        Some(Contradiction::Impossible)
    );
}

#[test]
fn every_chapter_can_be_closed_once() {
    let contradiction = testing::contradiction::<Chapters>;
    assert_eq!(contradiction(vec![], &ChaptersEvent::Closed), None);
    assert_eq!(contradiction(vec![ChaptersEvent::Closed], &ChaptersEvent::Closed), None);
}

#[test]
fn a_closing_stands_in_its_patients_record_and_is_sealed_under_nobodys_key() {
    let patient = PatientId::new(Uuid::from_u128(7));
    let of = AggregateRef::from(ChaptersId(patient));
    assert_eq!(of.stream(), patient.into());
    assert_eq!(ChaptersEvent::Closed.subject(&of), None);
    assert_eq!(ChaptersEvent::Closed.encode().unwrap().personal, None);
}

#[test]
fn an_event_of_a_later_schema_is_refused() {
    let shared = ChaptersEvent::Closed.encode().unwrap().shared;
    assert_eq!(
        ChaptersEvent::decode(2, &shared, None),
        Err(DecodeError::UnknownSchema(2))
    );
}
