//! Given-when-then, and what holds whatever is asked.

use std::collections::HashMap;

use cqrs_es::test::AggregateTestExecutor;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::kernel::{
    ClinicAggregate as _, Contradiction, DataSubject, Identifier, PatientId, Personal, PractitionerId, Versioned,
    Wallet, testing,
};

fn given(events: Vec<ClaimsEvent>) -> AggregateTestExecutor<Versioned<Claims>> {
    testing::given(events)
}

fn patient(number: u128) -> DataSubject {
    DataSubject::Patient(PatientId::new(Uuid::from_u128(number)))
}

fn practitioner(number: u128) -> DataSubject {
    DataSubject::Practitioner(PractitionerId::new(Uuid::from_u128(number)))
}

fn identifier(value: &str) -> Identifier {
    Identifier {
        system: "https://clinic.test/mrn".to_owned(),
        value: value.to_owned(),
    }
}

fn called(value: &str) -> Name {
    Name::OfPatient(identifier(value))
}

fn wallet() -> Name {
    Name::Wallet(Wallet([7; 20]))
}

fn claim(name: Name, subject: DataSubject) -> Claim {
    Claim { name, subject }
}

fn claimed(name: Name, subject: DataSubject) -> ClaimsEvent {
    let claim = Personal::Known(claim(name, subject));
    ClaimsEvent::Claimed { claim }
}

fn released(name: Name, subject: DataSubject) -> ClaimsEvent {
    let claim = Personal::Known(claim(name, subject));
    ClaimsEvent::Released { claim }
}

fn to_claim(name: Name, subject: DataSubject) -> ClaimsCommand {
    ClaimsCommand::Claim(claim(name, subject))
}

fn to_release(name: Name, subject: DataSubject) -> ClaimsCommand {
    ClaimsCommand::Release(claim(name, subject))
}

#[test]
fn an_identifier_names_one_patient_and_to_claim_it_again_changes_nothing() {
    given(vec![])
        .when(to_claim(called("7"), patient(1)))
        .then_expect_events(vec![claimed(called("7"), patient(1))]);
    let known = || vec![claimed(called("7"), patient(1))];
    given(known())
        .when(to_claim(called("7"), patient(1)))
        .then_expect_events(vec![]);
    given(known())
        .when(to_claim(called("7"), patient(2)))
        .then_expect_error(ClaimsError::Identifier { names: patient(1) });
    given(known())
        .when(to_claim(called("8"), patient(2)))
        .then_expect_events(vec![claimed(called("8"), patient(2))]);
}

#[test]
fn a_patient_and_a_practitioner_may_be_called_alike() {
    let name = Name::OfPractitioner(identifier("7"));
    given(vec![claimed(called("7"), patient(1))])
        .when(to_claim(name.clone(), practitioner(1)))
        .then_expect_events(vec![claimed(name, practitioner(1))]);
}

#[test]
fn a_wallet_is_one_persons_whoever_they_are() {
    for other in [patient(2), practitioner(1)] {
        let bound = || vec![claimed(wallet(), patient(1))];
        given(bound())
            .when(to_claim(wallet(), other))
            .then_expect_error(ClaimsError::Wallet);
        // Nobody gives back what is another's.
        given(bound())
            .when(to_release(wallet(), other))
            .then_expect_events(vec![]);
    }
}

#[test]
fn what_is_released_by_whose_it_is_may_be_claimed_again() {
    given(vec![claimed(wallet(), patient(1))])
        .when(to_release(wallet(), patient(1)))
        .then_expect_events(vec![released(wallet(), patient(1))]);
    let free = || vec![claimed(wallet(), patient(1)), released(wallet(), patient(1))];
    given(free())
        .when(to_release(wallet(), patient(1)))
        .then_expect_events(vec![]);
    given(free())
        .when(to_claim(wallet(), patient(2)))
        .then_expect_events(vec![claimed(wallet(), patient(2))]);
}

#[test]
fn what_an_erased_patient_was_called_is_free() {
    let sealed = ClaimsEvent::Claimed {
        claim: Personal::Sealed,
    };
    given(vec![sealed])
        .when(to_claim(called("7"), patient(2)))
        .then_expect_events(vec![claimed(called("7"), patient(2))]);
}

#[test]
fn a_snapshot_names_nobody() {
    let mut claims = Claims::default();
    claims.apply(claimed(called("7"), patient(1)));
    assert_eq!(serde_json::to_string(&claims).unwrap(), "{}");
}

proptest! {
    /// Whoever asks for what, and whoever's events are sealed afterwards: a name is one subject's at most, and what is left of the log says of
    /// every other subject what it said before.
    #[test]
    fn to_seal_what_one_subject_claimed_changes_nothing_for_the_others(
        asked in prop::collection::vec((0..4_u8, 0..3_u128, any::<bool>()), 0..40),
        erased in 0..3_u128,
    ) {
        let (mut claims, mut events) = (Claims::default(), Vec::new());
        for (name, who, is_claim) in asked {
            let claim = claim(called(&name.to_string()), patient(who));
            let command = if is_claim { ClaimsCommand::Claim(claim) } else { ClaimsCommand::Release(claim) };
            for event in claims.decide(command).unwrap_or_default() {
                claims.apply(event.clone());
                events.push(event);
            }
        }
        let mut left = Claims::default();
        for event in events {
            let (ClaimsEvent::Claimed { claim } | ClaimsEvent::Released { claim }) = &event;
            let is_sealed = claim.known().is_none_or(|claim| claim.subject == patient(erased));
            left.apply(match event {
                ClaimsEvent::Claimed { .. } if is_sealed => ClaimsEvent::Claimed { claim: Personal::Sealed },
                ClaimsEvent::Released { .. } if is_sealed => ClaimsEvent::Released { claim: Personal::Sealed },
                event => event,
            });
        }
        let of = |claims: &Claims| -> HashMap<u8, DataSubject> {
            let whose = (0..4).filter_map(|name| Some((name, claims.whose(&called(&name.to_string()))?)));
            whose.filter(|(_, who)| *who != patient(erased)).collect()
        };
        prop_assert_eq!(of(&left), of(&claims));
        prop_assert!((0..4).all(|name| left.whose(&called(&u8::to_string(&name))) != Some(patient(erased))));
    }
}

#[test]
fn what_no_bucket_decides_contradicts_it() {
    let contradiction = testing::contradiction::<Claims>;
    let held = || vec![claimed(called("7"), patient(1))];
    let freed = || vec![claimed(called("7"), patient(1)), released(called("7"), patient(1))];
    let sealed = ClaimsEvent::Claimed {
        claim: Personal::Sealed,
    };
    for (given, event, expected) in [
        (vec![], claimed(called("7"), patient(1)), None),
        (held(), claimed(called("7"), patient(1)), Some(Contradiction::Twice)),
        (
            held(),
            claimed(called("7"), patient(2)),
            Some(Contradiction::NameOfAnother),
        ),
        (freed(), claimed(called("7"), patient(2)), None),
        // Whoever had it is erased.
        (vec![sealed.clone()], claimed(called("7"), patient(2)), None),
        (held(), sealed, None),
        (held(), released(called("7"), patient(1)), None),
        (
            held(),
            released(called("7"), patient(2)),
            Some(Contradiction::NotTheirsToRelease),
        ),
        (
            vec![],
            released(called("7"), patient(1)),
            Some(Contradiction::NotTheirsToRelease),
        ),
        (
            freed(),
            released(called("7"), patient(1)),
            Some(Contradiction::NotTheirsToRelease),
        ),
    ] {
        assert_eq!(contradiction(given.clone(), &event), expected, "{given:?} {event:?}");
    }
}
