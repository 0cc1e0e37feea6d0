//! Given-when-then.

use cqrs_es::test::AggregateTestExecutor;
use uuid::Uuid;

use super::*;
use crate::kernel::{
    AccountId, AggregateRef, ClinicEvent, Contradiction, DataSubject, DecodeError, ErasureId, PatientId,
    PractitionerId, Versioned, testing,
};

fn given(events: Vec<ErasureEvent>) -> AggregateTestExecutor<Versioned<Erasure>> {
    testing::given(events)
}

fn erased(keys: &[u8]) -> ErasureEvent {
    ErasureEvent::Erased {
        keys: keys.iter().map(|byte| [*byte; 8]).collect(),
    }
}

fn erase(keys: &[u8]) -> ErasureCommand {
    ErasureCommand::Erase {
        keys: keys.iter().map(|byte| [*byte; 8]).collect(),
    }
}

#[test]
fn somebody_is_erased_with_all_their_keys() {
    given(vec![])
        .when(erase(&[1, 2]))
        .then_expect_events(vec![erased(&[1, 2])]);
}

#[test]
fn to_erase_somebody_again_changes_nothing() {
    for again in [erase(&[1]), erase(&[2]), erase(&[])] {
        given(vec![erased(&[1])]).when(again).then_expect_events(vec![]);
    }
}

#[test]
fn nobody_is_erased_of_whom_no_key_is_known() {
    given(vec![]).when(erase(&[])).then_expect_error(ErasureError::NoKey);
}

#[test]
fn an_erasure_stands_in_its_subjects_own_stream_and_is_sealed_under_nobodys_key() {
    let id = Uuid::from_u128(7);
    for subject in [
        DataSubject::Patient(PatientId::new(id)),
        DataSubject::Practitioner(PractitionerId::new(id)),
        DataSubject::Staff(AccountId::new(id)),
    ] {
        let of = AggregateRef::from(ErasureId(subject));
        assert_eq!(of.stream(), subject.aggregate());
        assert_eq!(erased(&[1]).subject(&of), None);
        assert_eq!(erased(&[1]).encode().unwrap().personal, None);
    }
}

#[test]
fn an_event_of_a_later_schema_is_refused() {
    let shared = erased(&[1]).encode().unwrap().shared;
    assert_eq!(
        ErasureEvent::decode(2, &shared, None),
        Err(DecodeError::UnknownSchema(2))
    );
}

#[test]
fn nobody_is_erased_twice_or_without_a_key() {
    let contradiction = testing::contradiction::<Erasure>;
    assert_eq!(contradiction(vec![], &erased(&[1])), None);
    assert_eq!(
        contradiction(vec![erased(&[1])], &erased(&[1])),
        Some(Contradiction::Twice)
    );
    assert_eq!(contradiction(vec![], &erased(&[])), Some(Contradiction::Impossible));
}
