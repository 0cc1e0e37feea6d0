//! Given-when-then.

use chrono::{DateTime, NaiveDate, Utc};
use cqrs_es::test::AggregateTestExecutor;
use uuid::Uuid;

use super::*;
use crate::kernel::{
    AccountId, AggregateRef, ClinicEvent, Concept, DecodeError, Gender, HumanName, Identifier, PatientId, Personal,
    SourceId, Sources, Teller, Versioned, testing,
};

fn given(events: Vec<PatientEvent>) -> AggregateTestExecutor<Versioned<Patient>> {
    testing::given(events)
}

fn details(family: &str) -> PatientDetails {
    PatientDetails {
        name: HumanName {
            family: family.to_owned(),
            given: vec!["Ada".to_owned()],
            prefix: vec![],
        },
        birth_date: NaiveDate::from_ymd_opt(1980, 12, 10).unwrap(),
        gender: Gender::Female,
        identifier: Some(Identifier {
            system: "urn:example".to_owned(),
            value: "7".to_owned(),
        }),
        ..PatientDetails::default()
    }
}

fn concept(text: &str) -> Concept {
    Concept {
        coding: None,
        text: text.to_owned(),
    }
}

fn intake(symptom: &str) -> Intake {
    let allergies = vec![Allergy {
        concept: concept("Penicillin"),
        high_criticality: true,
        as_of: None,
        sources: Sources::default(),
    }];
    Intake {
        allergies: allergies.into(),
        symptoms: vec![symptom.to_owned()],
        ..Intake::default()
    }
}

fn registration() -> Registration {
    Registration {
        details: details("Byron"),
        intake: intake("cough"),
    }
}

fn registered() -> PatientEvent {
    PatientEvent::Registered {
        registration: Personal::Known(registration()),
    }
}

fn married() -> PatientEvent {
    PatientEvent::DetailsUpdated {
        details: Personal::Known(details("Lovelace")),
    }
}

fn fever() -> PatientEvent {
    PatientEvent::IntakeUpdated {
        intake: Personal::Known(intake("fever")),
    }
}

fn erased() -> PatientEvent {
    PatientEvent::Registered {
        registration: Personal::Sealed,
    }
}

/// Noon of a day in 2026, in London.
fn now() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn register(registration: Registration) -> PatientCommand {
    PatientCommand::Register {
        registration,
        now: now(),
    }
}

fn update_details(details: PatientDetails) -> PatientCommand {
    PatientCommand::UpdateDetails {
        details,
        teller: Teller::Hospital,
        now: now(),
    }
}

fn update_intake(intake: Intake) -> PatientCommand {
    PatientCommand::UpdateIntake {
        intake,
        teller: Teller::Hospital,
        now: now(),
    }
}

fn folded(events: Vec<PatientEvent>) -> Patient {
    testing::folded(events)
}

#[test]
fn a_patient_registers_with_details_and_intake() {
    given(vec![])
        .when(register(registration()))
        .then_expect_events(vec![registered()]);
}

#[test]
fn registering_the_same_again_changes_nothing() {
    given(vec![registered()])
        .when(register(registration()))
        .then_expect_events(vec![]);
}

#[test]
fn returning_to_what_was_registered_first_is_a_change() {
    for since in [married(), fever()] {
        given(vec![registered(), since])
            .when(register(registration()))
            .then_expect_error(PatientError::AlreadyRegistered);
    }
}

#[test]
fn registering_the_record_as_it_stands_changes_nothing() {
    let now = Registration {
        details: details("Lovelace"),
        intake: intake("fever"),
    };
    given(vec![registered(), married(), fever()])
        .when(register(now))
        .then_expect_events(vec![]);
}

#[test]
fn registering_again_with_other_content_is_refused() {
    let other_details = Registration {
        details: details("Lovelace"),
        ..registration()
    };
    let other_intake = Registration {
        intake: intake("fever"),
        ..registration()
    };
    for other in [other_details, other_intake] {
        given(vec![registered()])
            .when(register(other))
            .then_expect_error(PatientError::AlreadyRegistered);
    }
}

#[test]
fn details_are_replaced_whole() {
    given(vec![registered()])
        .when(update_details(details("Lovelace")))
        .then_expect_events(vec![married()]);
}

#[test]
fn the_intake_is_replaced_whole() {
    given(vec![registered()])
        .when(update_intake(intake("fever")))
        .then_expect_events(vec![fever()]);
}

#[test]
fn an_update_to_what_stands_changes_nothing() {
    given(vec![registered()])
        .when(update_details(details("Byron")))
        .then_expect_events(vec![]);
    given(vec![registered(), married()])
        .when(update_details(details("Lovelace")))
        .then_expect_events(vec![]);
    given(vec![registered()])
        .when(update_intake(intake("cough")))
        .then_expect_events(vec![]);
    given(vec![registered(), fever()])
        .when(update_intake(intake("fever")))
        .then_expect_events(vec![]);
}

#[test]
fn nobody_updates_a_patient_who_is_not_registered() {
    given(vec![])
        .when(update_details(details("Byron")))
        .then_expect_error(PatientError::NotRegistered);
    given(vec![])
        .when(update_intake(intake("cough")))
        .then_expect_error(PatientError::NotRegistered);
}

#[test]
fn the_identifier_never_changes() {
    let without = PatientDetails {
        identifier: None,
        ..details("Byron")
    };
    given(vec![registered()])
        .when(update_details(without))
        .then_expect_error(PatientError::IdentifierIsFixed);
}

/// What a hospital's system told, and when.
fn told(family: &str, as_of: Option<&str>) -> PatientDetails {
    PatientDetails {
        other_identifiers: vec![Identifier {
            system: "urn:other".to_owned(),
            value: "8".to_owned(),
        }],
        as_of: as_of.map(|at| at.parse().unwrap()),
        ..details(family)
    }
}

fn updated(details: PatientDetails) -> PatientEvent {
    PatientEvent::DetailsUpdated {
        details: Personal::Known(details),
    }
}

fn says(details: PatientDetails) -> PatientCommand {
    PatientCommand::UpdateDetails {
        details,
        teller: Teller::Person,
        now: now(),
    }
}

#[test]
fn a_person_does_not_say_as_of_when_a_hospital_told() {
    let known = || updated(told("Byron", Some("2026-03-01T00:00:00Z")));
    for as_of in [None, Some("2026-03-01T00:00:00Z")] {
        given(vec![registered(), known()])
            .when(says(told("Lovelace", as_of)))
            .then_expect_events(vec![updated(told("Lovelace", Some("2026-03-01T00:00:00Z")))]);
        given(vec![registered(), known()])
            .when(says(told("Byron", as_of)))
            .then_expect_events(vec![]);
    }
    for as_of in ["2026-03-02T12:00:00Z", "2090-01-01T00:00:00Z"] {
        given(vec![registered(), known()])
            .when(says(told("Lovelace", Some(as_of))))
            .then_expect_error(PatientError::DatesAreTheHospitals(Place::Details));
    }
}

#[test]
fn a_person_neither_sets_nor_keeps_identifiers_that_the_hospital_has_changed() {
    given(vec![registered()])
        .when(says(told("Byron", None)))
        .then_expect_error(PatientError::NamesAreTheHospitals);
    // They saw the record before the hospital changed it, and say so again.
    given(vec![registered(), updated(told("Byron", None))])
        .when(says(details("Lovelace")))
        .then_expect_error(PatientError::NamesAreTheHospitals);
}

#[test]
fn nothing_is_told_as_of_a_time_to_come_but_clocks_differ() {
    let later = |as_of: &str| told("Byron", Some(as_of));
    refused(
        &later("2026-03-03T12:00:00.001Z"),
        PatientError::ToldInTheFuture(Place::Details),
    );
    refused(
        &later("2099-12-31T00:00:00Z"),
        PatientError::ToldInTheFuture(Place::Details),
    );
    given(vec![registered()])
        .when(update_details(later("2026-03-03T12:00:00Z")))
        .then_expect_events(vec![updated(later("2026-03-03T12:00:00Z"))]);
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Born on 10 December 1980.
fn dead(deceased: Deceased) -> PatientDetails {
    PatientDetails {
        deceased: Some(deceased),
        ..details("Byron")
    }
}

/// What registering and updating with these details are refused for.
fn refused(details: &PatientDetails, error: PatientError) {
    let registration = Registration {
        details: details.clone(),
        ..registration()
    };
    given(vec![]).when(register(registration)).then_expect_error(error);
    given(vec![registered()])
        .when(update_details(details.clone()))
        .then_expect_error(error);
}

#[test]
fn a_death_is_recorded_as_exactly_as_it_is_known() {
    for deceased in [
        Deceased::At("2026-03-02T12:00:00Z".parse().unwrap()),
        Deceased::On(day("1980-12-10")),
        Deceased::Between {
            first: day("1980-01-01"),
            last: day("1980-12-31"),
        },
        Deceased::Unknown,
    ] {
        let details = dead(deceased);
        let updated = PatientEvent::DetailsUpdated {
            details: Personal::Known(details.clone()),
        };
        given(vec![registered()])
            .when(update_details(details))
            .then_expect_events(vec![updated]);
    }
}

#[test]
fn nobody_dies_before_they_are_born() {
    for deceased in [
        Deceased::On(day("1980-12-09")),
        Deceased::At("1980-12-09T09:59:59Z".parse().unwrap()),
        Deceased::Between {
            first: day("1979-01-01"),
            last: day("1979-12-31"),
        },
    ] {
        refused(&dead(deceased), PatientError::DiedBeforeBirth);
    }
    let east = dead(Deceased::At("1980-12-09T10:00:00Z".parse().unwrap()));
    assert_eq!(east.check(now()), Ok(()), "it was the day of birth on the Line Islands");
}

#[test]
fn nobody_is_born_or_dies_in_the_future() {
    let born = |birth_date: &str| PatientDetails {
        birth_date: day(birth_date),
        ..details("Byron")
    };
    refused(&born("2199-01-01"), PatientError::BornInTheFuture);
    refused(&born("2026-03-04"), PatientError::BornInTheFuture);
    assert_eq!(born("2026-03-03").check(now()), Ok(()), "it is that day in Kiritimati");
    for deceased in [
        Deceased::On(day("2026-03-04")),
        Deceased::At("2090-01-01T00:00:00Z".parse().unwrap()),
        Deceased::Between {
            first: day("2027-01-01"),
            last: day("2027-12-31"),
        },
    ] {
        refused(&dead(deceased), PatientError::DiedInTheFuture);
    }
}

#[test]
fn what_was_registered_is_registered_again_whatever_the_time_has_become() {
    let details = dead(Deceased::On(day("2026-03-03")));
    let registration = Registration {
        details,
        ..registration()
    };
    let registered = PatientEvent::Registered {
        registration: Personal::Known(registration.clone()),
    };
    given(vec![registered])
        .when(PatientCommand::Register {
            registration,
            now: DateTime::UNIX_EPOCH,
        })
        .then_expect_events(vec![]);
}

#[test]
fn that_none_are_known_differs_from_what_nobody_knows_or_asked() {
    let intakes = [
        Findings::NotAsked,
        Findings::Unknown,
        Findings::NoneKnown,
        intake("cough").allergies,
    ]
    .map(|allergies| Intake {
        allergies,
        ..Intake::default()
    });
    for before in &intakes {
        for after in &intakes {
            let updated = |intake: &Intake| PatientEvent::IntakeUpdated {
                intake: Personal::Known(intake.clone()),
            };
            let expected = if before == after { vec![] } else { vec![updated(after)] };
            given(vec![registered(), updated(before)])
                .when(update_intake(after.clone()))
                .then_expect_events(expected);
        }
    }
    assert_eq!(Findings::<Allergy>::from(Vec::new()), Findings::NotAsked);
}

/// An intake with these allergies, each told as of then.
fn allergic_to(allergies: &[(&str, Option<DateTime<Utc>>)]) -> Intake {
    let told = |(text, as_of): &(&str, Option<DateTime<Utc>>)| Allergy {
        concept: concept(text),
        high_criticality: false,
        as_of: *as_of,
        sources: Sources::default(),
    };
    Intake {
        allergies: allergies.iter().map(told).collect(),
        ..Intake::default()
    }
}

fn withdrawing(texts: &[&str], as_of: DateTime<Utc>) -> Intake {
    let gone = |text: &&str| Withdrawn {
        matter: Matter::Allergies,
        concept: Some(concept(text)),
        since: None,
        source: None,
        as_of,
    };
    Intake {
        withdrawn: texts.iter().map(gone).collect(),
        ..Intake::default()
    }
}

#[test]
fn a_person_may_keep_the_dates_of_a_source_and_not_make_them() {
    let (then, later) = (Some(now()), Some(now() + chrono::TimeDelta::hours(1)));
    let known = || PatientEvent::IntakeUpdated {
        intake: Personal::Known(allergic_to(&[("Latex", then), ("Nuts", None)])),
    };
    let says = |intake: Intake| PatientCommand::UpdateIntake {
        intake,
        teller: Teller::Person,
        now: now(),
    };
    for kept in [
        allergic_to(&[("Nuts", None), ("Latex", then)]),
        allergic_to(&[("Latex", None)]),
        Intake::default(),
    ] {
        given(vec![registered(), known()])
            .when(says(kept.clone()))
            .then_expect_events(vec![PatientEvent::IntakeUpdated {
                intake: Personal::Known(kept),
            }]);
    }
    for (made, index) in [
        (allergic_to(&[("Latex", later)]), 0),
        (allergic_to(&[("Latex", then), ("Nuts", then)]), 1),
    ] {
        let place = Place::Finding(Matter::Allergies, index);
        given(vec![registered(), known()])
            .when(says(made))
            .then_expect_error(PatientError::DatesAreTheHospitals(place));
    }
}

#[test]
fn a_person_takes_nothing_back_for_a_source() {
    let known = || PatientEvent::IntakeUpdated {
        intake: Personal::Known(withdrawing(&["Latex"], now())),
    };
    for (intake, place) in [
        (withdrawing(&["Latex", "Nuts"], now()), Some(1)),
        (withdrawing(&["Latex"], now() + chrono::TimeDelta::hours(1)), Some(0)),
        (Intake::default(), None),
    ] {
        let says = PatientCommand::UpdateIntake {
            intake,
            teller: Teller::Person,
            now: now(),
        };
        given(vec![registered(), known()])
            .when(says)
            .then_expect_error(PatientError::DatesAreTheHospitals(Place::Withdrawn(place)));
    }
}

#[test]
fn nothing_of_an_intake_is_told_as_of_a_time_to_come() {
    let to_come = now() + chrono::TimeDelta::days(2);
    for (intake, place) in [
        (
            allergic_to(&[("Latex", None), ("Nuts", Some(to_come))]),
            Place::Finding(Matter::Allergies, 1),
        ),
        (withdrawing(&["Latex"], to_come), Place::Withdrawn(Some(0))),
    ] {
        given(vec![registered()])
            .when(update_intake(intake.clone()))
            .then_expect_error(PatientError::ToldInTheFuture(place));
        let registration = Registration {
            intake,
            ..registration()
        };
        given(vec![])
            .when(register(registration))
            .then_expect_error(PatientError::ToldInTheFuture(place));
    }
}

#[test]
fn a_person_does_not_say_what_a_source_calls_what_it_has_told() {
    let source = Some(SourceId {
        server: None,
        patient: None,
        resource: [7; 8],
    });
    let named = |as_of| {
        let intake = allergic_to(&[("Latex", as_of)]);
        Intake {
            allergies: intake.allergies.map(|one| Allergy {
                sources: source.into(),
                ..one
            }),
            ..Intake::default()
        }
    };
    let known = |intake| PatientEvent::IntakeUpdated {
        intake: Personal::Known(intake),
    };
    let says = |intake: Intake| PatientCommand::UpdateIntake {
        intake,
        teller: Teller::Person,
        now: now(),
    };
    let then = Some(now());
    for (before, said) in [
        (allergic_to(&[("Latex", then)]), named(then)),
        (allergic_to(&[("Latex", None)]), named(None)),
    ] {
        let place = Place::Source(Matter::Allergies, 0);
        given(vec![registered(), known(before)])
            .when(says(said))
            .then_expect_error(PatientError::DatesAreTheHospitals(place));
    }
    let forgets = allergic_to(&[("Latex", then)]);
    given(vec![registered(), known(named(then))])
        .when(says(forgets))
        .then_expect_error(PatientError::DatesAreTheHospitals(Place::Source(Matter::Allergies, 0)));
}

#[test]
fn registering_the_record_as_it_stands_changes_nothing_as_of_whenever() {
    let as_of = |day: i64| {
        let told = Some(now() - chrono::TimeDelta::days(day));
        let mut registration = registration();
        registration.details.as_of = told;
        registration.intake.allergies = registration.intake.allergies.map(|one| Allergy { as_of: told, ..one });
        registration
    };
    let registered = PatientEvent::Registered {
        registration: Personal::Known(as_of(2)),
    };
    given(vec![registered])
        .when(register(as_of(1)))
        .then_expect_events(vec![]);
}

#[test]
fn nothing_is_decided_on_a_sealed_record() {
    let commands = [
        register(registration()),
        update_details(details("Byron")),
        update_intake(intake("cough")),
    ];
    for command in commands {
        given(vec![erased()])
            .when(command.clone())
            .then_expect_error(PatientError::Sealed);
        let sealed_later = PatientEvent::IntakeUpdated {
            intake: Personal::Sealed,
        };
        given(vec![registered(), sealed_later])
            .when(command)
            .then_expect_error(PatientError::Sealed);
    }
}

#[test]
fn the_state_is_the_latest_of_each_part() {
    let patient = folded(vec![registered(), fever()]);
    assert_eq!(
        (patient.details(), patient.intake()),
        (Some(&details("Byron")), Some(&intake("fever")))
    );
    assert!(patient.is_registered());
    assert!(!Patient::default().is_registered());
    let sealed = folded(vec![erased()]);
    assert_eq!(
        (sealed.details(), sealed.intake(), sealed.is_registered()),
        (None, None, true)
    );
}

#[test]
fn a_snapshot_holds_nothing_personal() {
    let snapshot = serde_json::to_string(&folded(vec![registered(), married(), fever()])).unwrap();
    assert!(
        ["Byron", "Lovelace", "cough", "fever"]
            .iter()
            .all(|word| !snapshot.contains(word)),
        "{snapshot}"
    );
    let read: Patient = serde_json::from_str(&snapshot).unwrap();
    assert_eq!(
        (read.is_registered(), read.details(), read.intake()),
        (true, None, None)
    );
}

#[test]
fn every_event_concerns_the_patient_of_its_stream() {
    let id = PatientId::new(Uuid::from_u128(7));
    for event in [registered(), married(), fever(), erased()] {
        assert_eq!(event.subject(&AggregateRef::Patient(id)), Some(id));
        assert_eq!(event.subject(&AggregateRef::Account(AccountId::new(id.uuid()))), None);
    }
}

#[test]
fn nothing_of_a_patient_stands_in_the_shared_section_but_what_kind_of_event_it_is() {
    for event in [registered(), married(), fever()] {
        assert_eq!(event.encode().unwrap().shared.len(), 1);
    }
}

#[test]
fn an_event_of_a_later_schema_is_refused() {
    assert_eq!(PatientEvent::decode(2, &[0], None), Err(DecodeError::UnknownSchema(2)));
    assert_eq!(PatientEvent::decode(0, &[0], None), Err(DecodeError::UnknownSchema(0)));
}
