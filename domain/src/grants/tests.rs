//! Given-when-then, and what holds whatever is asked.

use std::collections::BTreeMap;

use chrono::DateTime;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::consent::{Details, Grant, Granted, Grantee, GranteeTag, Purpose, SignerId};
use crate::kernel::{Category, ClinicAggregate as _, Contradiction, Personal, PractitionerId, testing};

const PATIENT: SignerId = SignerId([1; 20]);
const OTHER: SignerId = SignerId([2; 20]);

fn doctor(number: u128) -> Grantee {
    Grantee::Practitioner(PractitionerId::new(Uuid::from_u128(number)))
}

fn proposal() -> Proposal {
    Proposal {
        grantee: doctor(1),
        categories: vec![Granted::Category(Category::Summary), Granted::Record],
        documents: Vec::new(),
        from: 0,
        until: 0,
        purpose: Purpose::Treatment,
        may_write: false,
        not_before: 0,
        expiry: 0,
    }
}

/// Asked at the second 500.
fn prepare(id: u128, proposal: Proposal, salt: u8, epochs: Epochs) -> GrantsCommand {
    prepare_for(PATIENT, id, proposal, salt, epochs)
}

fn prepare_for(patient: SignerId, id: u128, proposal: Proposal, salt: u8, epochs: Epochs) -> GrantsCommand {
    GrantsCommand::Prepare(Preparation {
        id: Uuid::from_u128(id),
        patient,
        proposal,
        name: "Dr. Blackwell".to_owned(),
        deadline: 1000,
        salts: Salts {
            grantee: [salt; 32],
            grant: [salt; 32],
        },
        epochs,
        now: DateTime::from_timestamp(500, 0).unwrap(),
    })
}

/// What is prepared under the id 1 with the salt 7, in an order of its own.
fn grant() -> Grant {
    let proposal = proposal();
    Grant {
        patient: PATIENT,
        details: Details {
            name: "Dr. Blackwell".to_owned(),
            grantee: proposal.grantee,
            categories: vec![Granted::Record, Granted::Category(Category::Summary)],
            documents: Vec::new(),
            from: 0,
            until: 0,
            purpose: Purpose::Treatment,
            may_write: false,
            grantee_salt: [7; 32],
            salt: [7; 32],
        },
        not_before: 0,
        expiry: 0,
        epoch: 0,
        grantee_epoch: 0,
        deadline: 1000,
    }
}

fn prepared(id: u128, grant: Grant) -> GrantsEvent {
    GrantsEvent::Prepared {
        id: Uuid::from_u128(id),
        grant: Personal::Known(grant),
    }
}

fn given(events: Vec<GrantsEvent>) -> cqrs_es::test::AggregateTestExecutor<crate::kernel::Versioned<Grants>> {
    testing::given(events)
}

#[test]
fn a_grant_is_prepared_once_with_what_it_names_in_order() {
    given(vec![])
        .when(prepare(1, proposal(), 7, Epochs::default()))
        .then_expect_events(vec![prepared(1, grant())]);
    // Whoever tries again comes with other salts.
    given(vec![prepared(1, grant())])
        .when(prepare(1, proposal(), 8, Epochs::default()))
        .then_expect_events(vec![]);
}

#[test]
fn what_is_named_twice_is_granted_once() {
    let twice = Proposal {
        categories: vec![Granted::Record, Granted::Category(Category::Summary), Granted::Record],
        ..proposal()
    };
    given(vec![])
        .when(prepare(1, twice, 7, Epochs::default()))
        .then_expect_events(vec![prepared(1, grant())]);
}

#[test]
fn all_grants_of_a_patient_to_somebody_hide_them_alike_and_those_of_others_otherwise() {
    let second = |patient, grantee, salt| {
        let mut second = grant();
        (second.patient, second.details.grantee) = (patient, grantee);
        (second.details.grantee_salt, second.details.salt) = (salt, [8; 32]);
        prepared(2, second)
    };
    for (patient, grantee, salt) in [
        (PATIENT, doctor(1), [7; 32]),
        (PATIENT, doctor(2), [8; 32]),
        (OTHER, doctor(1), [8; 32]),
    ] {
        let proposal = Proposal { grantee, ..proposal() };
        given(vec![prepared(1, grant())])
            .when(prepare_for(patient, 2, proposal, 8, Epochs::default()))
            .then_expect_events(vec![second(patient, grantee, salt)]);
    }
}

#[test]
fn a_grant_is_of_the_epochs_that_hold() {
    let tag = grant().details.grantee_tag();
    let epochs = Epochs {
        patient: 3,
        grantees: BTreeMap::from([(tag, 5), (GranteeTag([0; 32]), 9)]),
    };
    let expected = Grant {
        epoch: 3,
        grantee_epoch: 5,
        ..grant()
    };
    given(vec![])
        .when(prepare(1, proposal(), 7, epochs))
        .then_expect_events(vec![prepared(1, expected)]);
}

#[test]
fn what_grants_nothing_or_never_holds_is_refused() {
    let of = |change: fn(&mut Proposal)| {
        let mut changed = proposal();
        change(&mut changed);
        changed
    };
    for (proposal, error) in [
        (of(|it| it.categories.clear()), GrantsError::NoCategory),
        (of(|it| (it.from, it.until) = (8, 8)), GrantsError::PeriodEmpty),
        (of(|it| (it.not_before, it.expiry) = (700, 700)), GrantsError::Expired),
        (of(|it| it.expiry = 500), GrantsError::Expired),
    ] {
        given(vec![])
            .when(prepare(1, proposal, 7, Epochs::default()))
            .then_expect_error(error);
    }
    for proposal in [
        of(|it| it.from = 8),
        of(|it| it.until = 8),
        of(|it| it.expiry = 501),
        of(|it| it.not_before = 700),
    ] {
        let asked = prepare(1, proposal, 7, Epochs::default());
        assert_eq!(Grants::default().decide(asked).unwrap().len(), 1);
    }
}

#[test]
fn nothing_is_prepared_beside_what_cannot_be_read() {
    let sealed = GrantsEvent::Prepared {
        id: Uuid::from_u128(1),
        grant: Personal::Sealed,
    };
    given(vec![sealed])
        .when(prepare(2, proposal(), 7, Epochs::default()))
        .then_expect_error(GrantsError::Sealed);
}

#[test]
fn what_nobody_prepares_contradicts_what_is_there() {
    let of = |change: fn(&mut Grant)| {
        let mut changed = grant();
        change(&mut changed);
        prepared(2, changed)
    };
    let sealed = GrantsEvent::Prepared {
        id: Uuid::from_u128(2),
        grant: Personal::Sealed,
    };
    for (event, expected) in [
        (of(|_| {}), None),
        (sealed, None),
        (prepared(1, grant()), Some(Contradiction::Twice)),
        (
            of(|it| it.details.grantee_salt = [9; 32]),
            Some(Contradiction::Impossible),
        ),
        (of(|it| it.details.categories.clear()), Some(Contradiction::Impossible)),
        (
            of(|it| it.details.categories.reverse()),
            Some(Contradiction::Impossible),
        ),
        (
            of(|it| (it.not_before, it.expiry) = (9, 9)),
            Some(Contradiction::Impossible),
        ),
    ] {
        let before = [prepared(1, grant())];
        assert_eq!(testing::contradiction::<Grants>(before, &event), expected, "{event:?}");
    }
}

proptest! {
    /// Whatever is prepared for whom, in whatever order: who is granted something is hidden alike in all grants of one patient of the registry.
    #[test]
    fn a_grantee_has_one_tag_in_a_patients_grants(asked in prop::collection::vec((1..4_u8, 1..4_u128, any::<u8>()), 1..20)) {
        let mut grants = Grants::default();
        let mut tags: BTreeMap<(SignerId, Grantee), GranteeTag> = BTreeMap::new();
        for ((patient, grantee, salt), id) in asked.into_iter().zip(1..) {
            let proposal = Proposal { grantee: doctor(grantee), ..proposal() };
            let asked = prepare_for(SignerId([patient; 20]), id, proposal, salt, Epochs::default());
            for event in grants.decide(asked).unwrap() {
                prop_assert_eq!(grants.contradiction(&event), None);
                let GrantsEvent::Prepared { grant: Personal::Known(grant), .. } = &event else {
                    return Err(TestCaseError::fail("what is prepared can be read"));
                };
                let tag = grant.details.grantee_tag();
                let known = *tags.entry((grant.patient, grant.details.grantee)).or_insert(tag);
                prop_assert_eq!(known, tag);
                grants.apply(event);
            }
        }
    }
}
