//! Given-when-then.

use chrono::{DateTime, Utc};
use cqrs_es::test::AggregateTestExecutor;
use uuid::Uuid;

use super::*;
use crate::kernel::{
    AggregateRef, ClinicEvent, Concept, Contradiction, DecodeError, Gender, HumanName, Identifier, Personal,
    PractitionerId, Teller, Versioned, testing,
};

fn given(events: Vec<PractitionerEvent>) -> AggregateTestExecutor<Versioned<Practitioner>> {
    testing::given(events)
}

fn details(specialization: &str) -> PractitionerDetails {
    PractitionerDetails {
        name: HumanName {
            family: "Jex-Blake".to_owned(),
            given: vec!["Sophia".to_owned()],
            prefix: vec![],
        },
        gender: Gender::Female,
        specializations: vec![Concept {
            coding: None,
            text: specialization.to_owned(),
        }],
        credentials: vec!["MD".to_owned()],
        time_zone: chrono_tz::Europe::London,
        identifier: Some(Identifier {
            system: "urn:example".to_owned(),
            value: "7".to_owned(),
        }),
        other_identifiers: vec![],
        as_of: Some(now()),
    }
}

/// The same practitioner, who has another identifier too.
fn known_otherwise(specialization: &str) -> PractitionerDetails {
    PractitionerDetails {
        other_identifiers: vec![Identifier {
            system: "urn:other".to_owned(),
            value: "8".to_owned(),
        }],
        ..details(specialization)
    }
}

fn now() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn registered() -> PractitionerEvent {
    PractitionerEvent::Registered {
        time_zone: chrono_tz::Europe::London,
        details: Personal::Known(details("Cardiology")),
    }
}

fn updated() -> PractitionerEvent {
    PractitionerEvent::DetailsUpdated {
        details: Personal::Known(details("Surgery")),
    }
}

fn register(details: PractitionerDetails) -> PractitionerCommand {
    PractitionerCommand::Register { details, now: now() }
}

fn update(details: PractitionerDetails) -> PractitionerCommand {
    PractitionerCommand::UpdateDetails {
        details,
        teller: Teller::Hospital,
        now: now(),
    }
}

fn folded(events: Vec<PractitionerEvent>) -> Practitioner {
    testing::folded(events)
}

#[test]
fn a_practitioner_registers() {
    given(vec![])
        .when(register(details("Cardiology")))
        .then_expect_events(vec![registered()]);
}

#[test]
fn who_registers_without_a_date_is_told_now() {
    let undated = PractitionerDetails {
        as_of: None,
        ..details("Cardiology")
    };
    given(vec![])
        .when(register(undated.clone()))
        .then_expect_events(vec![registered()]);
    given(vec![registered()])
        .when(register(undated))
        .then_expect_events(vec![]);
}

#[test]
fn registering_the_same_again_changes_nothing() {
    given(vec![registered()])
        .when(register(details("Cardiology")))
        .then_expect_events(vec![]);
}

#[test]
fn returning_to_what_was_registered_first_is_a_change() {
    given(vec![registered(), updated()])
        .when(register(details("Cardiology")))
        .then_expect_error(PractitionerError::AlreadyRegistered);
}

#[test]
fn registering_the_entry_as_it_stands_changes_nothing() {
    given(vec![registered(), updated()])
        .when(register(details("Surgery")))
        .then_expect_events(vec![]);
}

#[test]
fn registering_again_with_other_content_is_refused() {
    given(vec![registered()])
        .when(register(details("Surgery")))
        .then_expect_error(PractitionerError::AlreadyRegistered);
}

#[test]
fn details_are_replaced_whole() {
    given(vec![registered()])
        .when(update(details("Surgery")))
        .then_expect_events(vec![updated()]);
}

#[test]
fn an_update_to_what_stands_changes_nothing() {
    given(vec![registered()])
        .when(update(details("Cardiology")))
        .then_expect_events(vec![]);
    given(vec![registered(), updated()])
        .when(update(details("Surgery")))
        .then_expect_events(vec![]);
}

#[test]
fn nobody_updates_a_practitioner_who_is_not_registered() {
    given(vec![])
        .when(update(details("Surgery")))
        .then_expect_error(PractitionerError::NotRegistered);
}

#[test]
fn a_practitioner_has_a_specialization() {
    let none = PractitionerDetails {
        specializations: vec![],
        ..details("")
    };
    given(vec![])
        .when(register(none.clone()))
        .then_expect_error(PractitionerError::NoSpecialization);
    given(vec![registered()])
        .when(update(none))
        .then_expect_error(PractitionerError::NoSpecialization);
}

fn entry(number: &str, salt: u8) -> RegisterEntry {
    RegisterEntry {
        identifier: Identifier {
            system: "urn:register".to_owned(),
            value: number.to_owned(),
        },
        salt: [salt; 32],
    }
}

fn told(number: &str, salt: u8) -> PractitionerEvent {
    PractitionerEvent::RegisterEntryTold {
        entry: Personal::Known(entry(number, salt)),
    }
}

fn tell(number: &str, salt: u8) -> PractitionerCommand {
    PractitionerCommand::TellRegisterEntry {
        entry: entry(number, salt),
    }
}

#[test]
fn where_a_register_has_a_practitioner_is_told_once_and_again_when_it_is_another_number() {
    given(vec![registered()])
        .when(tell("4711", 1))
        .then_expect_events(vec![told("4711", 1)]);
    given(vec![registered(), told("4711", 1)])
        .when(tell("4711", 2))
        .then_expect_events(vec![]);
    given(vec![registered(), told("4711", 1)])
        .when(tell("4712", 2))
        .then_expect_events(vec![told("4712", 2)]);
    given(vec![])
        .when(tell("4711", 1))
        .then_expect_error(PractitionerError::NotRegistered);
}

#[test]
fn the_hash_of_a_register_entry_is_that_of_its_struct_and_the_salt_hides_the_number() {
    // keccak256(abi.encode(keccak256("Details(string register,string number,bytes32 salt)"), keccak256("urn:register"), keccak256("4711"), salt))
    let details = entry("4711", 1).details();
    assert_eq!(
        hex::encode(details),
        "0f203186752b939ed2c414001201157d0a084a21f8b0692c97131477b239a1f4"
    );
    assert_ne!(details, entry("4711", 2).details());
    assert_ne!(details, entry("4712", 1).details());
}

#[test]
fn a_person_does_not_say_as_of_when_a_hospital_told() {
    let told = |specialization, as_of: Option<&str>| PractitionerDetails {
        as_of: as_of.map(|at| at.parse().unwrap()),
        ..details(specialization)
    };
    let then = Some("2026-03-01T00:00:00Z");
    let known = || PractitionerEvent::DetailsUpdated {
        details: Personal::Known(told("Cardiology", then)),
    };
    let says = |details| PractitionerCommand::UpdateDetails {
        details,
        teller: Teller::Person,
        now: now(),
    };
    for as_of in [None, then] {
        // It is told now: no older state of a source undoes it.
        given(vec![registered(), known()])
            .when(says(told("Surgery", as_of)))
            .then_expect_events(vec![updated()]);
        given(vec![registered(), known()])
            .when(says(told("Cardiology", as_of)))
            .then_expect_events(vec![]);
    }
    given(vec![registered(), known()])
        .when(says(told("Surgery", Some("2026-03-02T00:00:00Z"))))
        .then_expect_error(PractitionerError::DatesAreTheHospitals);
}

#[test]
fn a_hospital_adds_an_identifier_and_saying_so_again_changes_nothing() {
    let added = || PractitionerEvent::DetailsUpdated {
        details: Personal::Known(known_otherwise("Cardiology")),
    };
    given(vec![registered()])
        .when(update(known_otherwise("Cardiology")))
        .then_expect_events(vec![added()]);
    given(vec![registered(), added()])
        .when(update(known_otherwise("Cardiology")))
        .then_expect_events(vec![]);
    given(vec![registered(), added()])
        .when(register(known_otherwise("Cardiology")))
        .then_expect_events(vec![]);
}

#[test]
fn a_further_identifier_leaves_the_date_of_the_details_as_it_is() {
    let told = |details: PractitionerDetails| PractitionerDetails {
        as_of: Some(now() - chrono::TimeDelta::days(9)),
        ..details
    };
    given(vec![PractitionerEvent::Registered {
        time_zone: chrono_tz::Europe::London,
        details: Personal::Known(told(details("Cardiology"))),
    }])
    .when(update(told(known_otherwise("Cardiology"))))
    .then_expect_events(vec![PractitionerEvent::DetailsUpdated {
        details: Personal::Known(told(known_otherwise("Cardiology"))),
    }]);
}

#[test]
fn a_person_neither_sets_nor_keeps_identifiers_that_the_hospital_has_changed() {
    let says = |details| PractitionerCommand::UpdateDetails {
        details,
        teller: Teller::Person,
        now: now(),
    };
    let added = || PractitionerEvent::DetailsUpdated {
        details: Personal::Known(known_otherwise("Cardiology")),
    };
    given(vec![registered()])
        .when(says(known_otherwise("Cardiology")))
        .then_expect_error(PractitionerError::NamesAreTheHospitals);
    // They saw the entry before the hospital changed it, and say so again.
    given(vec![registered(), added()])
        .when(says(details("Surgery")))
        .then_expect_error(PractitionerError::NamesAreTheHospitals);
    // What they send back as it is they may send.
    given(vec![registered(), added()])
        .when(says(known_otherwise("Surgery")))
        .then_expect_events(vec![PractitionerEvent::DetailsUpdated {
            details: Personal::Known(known_otherwise("Surgery")),
        }]);
}

#[test]
fn a_practitioner_is_called_by_every_identifier() {
    let practitioner = known_otherwise("Cardiology");
    let names: Vec<_> = practitioner.names().map(|name| name.value.as_str()).collect();
    assert_eq!(names, ["7", "8"]);
    assert!(practitioner.names().all(|name| practitioner.is_called(name)));
    assert!(!details("Cardiology").is_called(&practitioner.other_identifiers[0]));
}

#[test]
fn identifier_and_time_zone_never_change() {
    let elsewhere = PractitionerDetails {
        time_zone: chrono_tz::Europe::Berlin,
        ..details("Cardiology")
    };
    let nameless = PractitionerDetails {
        identifier: None,
        ..details("Cardiology")
    };
    for changed in [elsewhere, nameless] {
        given(vec![registered()])
            .when(update(changed))
            .then_expect_error(PractitionerError::IdentityIsFixed);
    }
}

#[test]
fn the_state_is_the_latest_entry_and_reads_back_from_a_snapshot() {
    let practitioner = folded(vec![registered(), updated()]);
    assert_eq!(practitioner.details(), Some(&details("Surgery")));
    assert!(practitioner.is_registered());
    assert_eq!(
        (
            Practitioner::default().details(),
            Practitioner::default().is_registered()
        ),
        (None, false)
    );
}

#[test]
fn a_snapshot_reads_back_registered_and_sealed() {
    let snapshot = serde_json::to_string(&folded(vec![registered()])).unwrap();
    assert!(!snapshot.contains("Jex-Blake"));
    let read: Practitioner = serde_json::from_str(&snapshot).unwrap();
    assert_eq!((read.is_registered(), read.details()), (true, None));
    assert_eq!(read.time_zone(), Some(chrono_tz::Europe::London));
}

#[test]
fn nothing_is_decided_once_the_details_are_sealed() {
    let sealed = || PractitionerEvent::Registered {
        time_zone: chrono_tz::Europe::London,
        details: Personal::Sealed,
    };
    for history in [
        vec![sealed()],
        vec![
            registered(),
            PractitionerEvent::DetailsUpdated {
                details: Personal::Sealed,
            },
        ],
        vec![sealed(), updated()],
    ] {
        for command in [register(details("Cardiology")), update(details("Surgery"))] {
            given(history.clone())
                .when(command)
                .then_expect_error(PractitionerError::Sealed);
        }
        assert_eq!(folded(history).time_zone(), Some(chrono_tz::Europe::London));
    }
}

#[test]
fn the_details_are_sealed_under_the_practitioners_own_key_and_the_time_zone_is_not() {
    let id = PractitionerId::new(Uuid::from_u128(7));
    for event in [registered(), updated()] {
        assert_eq!(event.subject(&AggregateRef::Practitioner(id)), Some(id.into()));
        assert!(event.encode().unwrap().personal.is_some());
    }
    let shared = registered().encode().unwrap().shared;
    let read = PractitionerEvent::decode(1, &shared, None).unwrap();
    assert_eq!(
        read,
        PractitionerEvent::Registered {
            time_zone: chrono_tz::Europe::London,
            details: Personal::Sealed
        }
    );
}

#[test]
fn an_event_of_a_later_schema_is_refused() {
    let shared = registered().encode().unwrap().shared;
    assert_eq!(
        PractitionerEvent::decode(2, &shared, None),
        Err(DecodeError::UnknownSchema(2))
    );
}

#[test]
fn what_no_entry_decides_contradicts_it() {
    let contradiction = testing::contradiction::<Practitioner>;
    let updated_to = |details: PractitionerDetails| PractitionerEvent::DetailsUpdated {
        details: Personal::Known(details),
    };
    let elsewhere = PractitionerEvent::Registered {
        time_zone: chrono_tz::Europe::Berlin,
        details: Personal::Known(details("Cardiology")),
    };
    let moved = PractitionerDetails {
        time_zone: chrono_tz::Europe::Berlin,
        ..details("Surgery")
    };
    let without = PractitionerDetails {
        specializations: Vec::new(),
        ..details("Surgery")
    };
    for (given, event, expected) in [
        (vec![], registered(), None),
        (vec![registered()], updated(), None),
        (vec![registered()], registered(), Some(Contradiction::Twice)),
        (vec![], updated(), Some(Contradiction::BeforeTheBeginning)),
        (vec![], elsewhere, Some(Contradiction::Impossible)),
        (
            vec![registered()],
            updated_to(moved),
            Some(Contradiction::IdentityChanged),
        ),
        (vec![registered()], updated_to(without), Some(Contradiction::Impossible)),
        (
            vec![registered(), updated()],
            updated(),
            Some(Contradiction::ChangesNothing),
        ),
        (vec![], told("4711", 1), Some(Contradiction::BeforeTheBeginning)),
        (vec![registered(), told("4711", 1)], told("4712", 1), None),
        (
            vec![registered(), told("4711", 1)],
            told("4711", 2),
            Some(Contradiction::ChangesNothing),
        ),
    ] {
        assert_eq!(contradiction(given.clone(), &event), expected, "{given:?} {event:?}");
    }
}
