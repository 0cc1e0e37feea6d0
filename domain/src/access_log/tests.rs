//! Given-when-then, and what holds whatever was read.

use proptest::prelude::*;
use uuid::Uuid;

use super::event::Alike;
use super::samples::reads;
use super::*;
use crate::consent::Purpose;
use crate::kernel::{Category, ClinicAggregate as _, Contradiction, Personal, PractitionerId, testing};
use crate::samples::values::time;

fn reading(grant: u128) -> Reading {
    Reading {
        reader: Reader::Practitioner(PractitionerId::new(Uuid::from_u128(1))),
        shown: Shown::Chart,
        categories: vec![Category::Summary],
        basis: Basis::Grants(Purpose::Treatment, vec![Prepared(Uuid::from_u128(grant))]),
    }
}

fn read(at: &str, grant: u128) -> Read {
    Read::new(time(at), reading(grant))
}

fn logged(reads: Vec<Alike>) -> AccessLogEvent {
    AccessLogEvent::ReadsLogged {
        reads: Personal::Known(Reads(reads)),
    }
}

fn alike(grant: u128, at: &[&str]) -> Alike {
    Alike {
        reading: reading(grant),
        at: at.iter().map(|at| time(at)).collect(),
    }
}

const EARLY: &str = "2026-03-01T08:00:00.001Z";
const LATE: &str = "2026-03-01T09:00:00Z";

#[test]
fn reads_that_differ_in_time_alone_are_told_together_in_order() {
    let reads = vec![read(LATE, 1), read(EARLY, 2), read(EARLY, 1), read(LATE, 1)];
    let expected = vec![alike(1, &[EARLY, LATE, LATE]), alike(2, &[EARLY])];
    testing::given::<AccessLog>(vec![])
        .when(AccessLogCommand::Log(reads))
        .then_expect_events(vec![logged(expected)]);
}

#[test]
fn nothing_is_logged_of_no_reads() {
    testing::given::<AccessLog>(vec![])
        .when(AccessLogCommand::Log(Vec::new()))
        .then_expect_events(vec![]);
}

#[test]
fn so_many_reads_fit_and_no_more() {
    let most = vec![read(EARLY, 1); Reads::MOST];
    let decided = AccessLog::default().decide(AccessLogCommand::Log(most)).unwrap();
    assert_eq!(decided.len(), 1);
    testing::given::<AccessLog>(vec![])
        .when(AccessLogCommand::Log(vec![read(EARLY, 1); Reads::MOST + 1]))
        .then_expect_error(AccessLogError::TooMany);
}

#[test]
fn what_nobody_logs_contradicts_what_is_there() {
    let sealed = AccessLogEvent::ReadsLogged {
        reads: Personal::Sealed,
    };
    for (event, expected) in [
        (logged(vec![alike(1, &[EARLY, LATE]), alike(2, &[EARLY])]), None),
        (sealed, None),
        (logged(vec![]), Some(Contradiction::Impossible)),
        (logged(vec![alike(1, &[])]), Some(Contradiction::Impossible)),
        (logged(vec![alike(1, &[LATE, EARLY])]), Some(Contradiction::Impossible)),
        (logged(vec![alike(2, &[EARLY]), alike(1, &[EARLY])]), None),
        (
            logged(vec![alike(1, &[EARLY]), alike(1, &[EARLY])]),
            Some(Contradiction::Impossible),
        ),
        (
            logged(vec![alike(1, &[EARLY; Reads::MOST + 1])]),
            Some(Contradiction::Impossible),
        ),
    ] {
        assert_eq!(testing::contradiction::<AccessLog>([], &event), expected);
    }
}

proptest! {
    /// Whatever was read: each read stands in the log exactly as often as it was noted.
    #[test]
    fn no_read_is_lost_and_none_is_added(mut noted in prop::collection::vec(reads(), 1..40)) {
        let decided = AccessLog::default().decide(AccessLogCommand::Log(noted.clone())).unwrap();
        let [event @ AccessLogEvent::ReadsLogged { reads: Personal::Known(reads) }] = decided.as_slice() else {
            return Err(TestCaseError::fail("there is one event, and it can be read"));
        };
        prop_assert_eq!(AccessLog::default().contradiction(event), None);
        prop_assert_eq!(reads.count(), noted.len());
        let mut logged: Vec<Read> = reads.iter().collect();
        logged.sort();
        noted.sort();
        prop_assert_eq!(logged, noted);
    }
}
