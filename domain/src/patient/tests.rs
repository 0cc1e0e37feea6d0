//! Given-when-then.

use chrono::{DateTime, NaiveDate, Utc};
use cqrs_es::test::AggregateTestExecutor;
use uuid::Uuid;

use super::*;
use crate::kernel::{
    Address, AggregateRef, ClinicEvent, Contradiction, DecodeError, Gender, HumanName, Identifier, PatientId, Personal,
    Teller, Versioned, testing,
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
        as_of: Some(yesterday()),
        ..PatientDetails::default()
    }
}

fn registered() -> PatientEvent {
    PatientEvent::Registered {
        details: Personal::Known(details("Byron")),
    }
}

fn married() -> PatientEvent {
    updated(changed_now(details("Lovelace"), &[Detail::Name]))
}

/// Details of which some are as of now.
fn changed_now(details: PatientDetails, changed: &[Detail]) -> PatientDetails {
    let now = changed.iter().map(|detail| (*detail, now()));
    let detail_dates = details.detail_dates.iter().chain(now).collect();
    PatientDetails {
        detail_dates,
        ..details
    }
}

fn erased() -> PatientEvent {
    PatientEvent::Registered {
        details: Personal::Sealed,
    }
}

/// Noon of a day in 2026, in London.
fn now() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn yesterday() -> DateTime<Utc> {
    now() - chrono::TimeDelta::days(1)
}

fn register(details: PatientDetails) -> PatientCommand {
    PatientCommand::Register { details, now: now() }
}

fn update_details(details: PatientDetails) -> PatientCommand {
    PatientCommand::UpdateDetails {
        details,
        teller: Teller::Hospital,
        now: now(),
    }
}

fn folded(events: Vec<PatientEvent>) -> Patient {
    testing::folded(events)
}

#[test]
fn a_patient_registers_with_details() {
    given(vec![])
        .when(register(details("Byron")))
        .then_expect_events(vec![registered()]);
}

#[test]
fn registering_the_same_again_changes_nothing() {
    given(vec![registered()])
        .when(register(details("Byron")))
        .then_expect_events(vec![]);
}

#[test]
fn returning_to_what_was_registered_first_is_a_change() {
    given(vec![registered(), married()])
        .when(register(details("Byron")))
        .then_expect_error(PatientError::AlreadyRegistered);
}

#[test]
fn registering_the_record_as_it_stands_changes_nothing() {
    given(vec![registered(), married()])
        .when(register(details("Lovelace")))
        .then_expect_events(vec![]);
}

#[test]
fn registering_again_with_other_content_is_refused() {
    given(vec![registered()])
        .when(register(details("Lovelace")))
        .then_expect_error(PatientError::AlreadyRegistered);
}

#[test]
fn details_are_replaced_whole() {
    given(vec![registered()])
        .when(update_details(details("Lovelace")))
        .then_expect_events(vec![married()]);
}

#[test]
fn an_update_to_what_stands_changes_nothing() {
    given(vec![registered()])
        .when(update_details(details("Byron")))
        .then_expect_events(vec![]);
    given(vec![registered(), married()])
        .when(update_details(details("Lovelace")))
        .then_expect_events(vec![]);
}

#[test]
fn nobody_updates_a_patient_who_is_not_registered() {
    given(vec![])
        .when(update_details(details("Byron")))
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
            .then_expect_events(vec![updated(changed_now(
                told("Lovelace", Some("2026-03-01T00:00:00Z")),
                &[Detail::Name],
            ))]);
        given(vec![registered(), known()])
            .when(says(told("Byron", as_of)))
            .then_expect_events(vec![]);
    }
    for as_of in ["2026-03-02T12:00:00Z", "2090-01-01T00:00:00Z"] {
        given(vec![registered(), known()])
            .when(says(told("Lovelace", Some(as_of))))
            .then_expect_error(PatientError::DatesAreTheHospitals);
    }
}

/// What a hospital's system told on 1 March, with a telephone number and an address that it had told the day before.
fn told_in_parts() -> PatientDetails {
    let before: DateTime<Utc> = "2026-02-28T00:00:00Z".parse().unwrap();
    PatientDetails {
        phone: Some("1".to_owned()),
        address: Some(Address::default()),
        detail_dates: [(Detail::Phone, before), (Detail::Address, before)]
            .into_iter()
            .collect(),
        ..told("Byron", Some("2026-03-01T00:00:00Z"))
    }
}

#[test]
fn what_is_changed_here_is_as_of_now() {
    let known = told_in_parts();
    let changed = |detail_dates: DetailDates, as_of| PatientDetails {
        phone: Some("2".to_owned()),
        address: None,
        detail_dates,
        as_of,
        ..known.clone()
    };
    let expected = changed(known.detail_dates.clone(), known.as_of);
    let expected = updated(changed_now(expected, &[Detail::Phone, Detail::Address]));
    for dates in [DetailDates::default(), known.detail_dates.clone()] {
        for as_of in [None, known.as_of] {
            for teller in [Teller::Person, Teller::Hospital] {
                let command = PatientCommand::UpdateDetails {
                    details: changed(dates.clone(), as_of),
                    teller,
                    now: now(),
                };
                given(vec![registered(), updated(known.clone())])
                    .when(command)
                    .then_expect_events(vec![expected.clone()]);
            }
        }
    }
    let others = [(Detail::Email, now())].into_iter().collect();
    given(vec![registered(), updated(known.clone())])
        .when(says(changed(others, None)))
        .then_expect_error(PatientError::DetailDatesAreTheHospitals);
}

#[test]
fn who_dates_a_detail_alone_leaves_the_date_of_the_record() {
    let known = told_in_parts();
    let dates: DetailDates = [(Detail::Phone, yesterday())].into_iter().collect();
    let told = PatientDetails {
        phone: Some("2".to_owned()),
        detail_dates: dates,
        as_of: None,
        ..known.clone()
    };
    given(vec![registered(), updated(known.clone())])
        .when(update_details(told.clone()))
        .then_expect_events(vec![updated(PatientDetails {
            as_of: known.as_of,
            ..told
        })]);
}

#[test]
fn who_registers_without_a_date_is_told_now() {
    let undated = PatientDetails {
        as_of: None,
        ..details("Byron")
    };
    let registered = |as_of| PatientEvent::Registered {
        details: Personal::Known(PatientDetails {
            as_of,
            ..undated.clone()
        }),
    };
    given(vec![])
        .when(register(undated.clone()))
        .then_expect_events(vec![registered(Some(now()))]);
    given(vec![registered(Some(yesterday()))])
        .when(register(undated.clone()))
        .then_expect_events(vec![]);
}

#[test]
fn no_detail_is_told_as_of_a_time_to_come() {
    let later = PatientDetails {
        detail_dates: [(Detail::Phone, day("2026-03-05").and_hms_opt(0, 0, 0).unwrap().and_utc())]
            .into_iter()
            .collect(),
        ..told_in_parts()
    };
    refused(&later, PatientError::DetailToldInTheFuture);
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
    refused(&later("2026-03-03T12:00:00.001Z"), PatientError::ToldInTheFuture);
    refused(&later("2099-12-31T00:00:00Z"), PatientError::ToldInTheFuture);
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
    given(vec![]).when(register(details.clone())).then_expect_error(error);
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
        given(vec![registered()])
            .when(update_details(details.clone()))
            .then_expect_events(vec![updated(changed_now(details, &[Detail::Deceased]))]);
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
    let registered = PatientEvent::Registered {
        details: Personal::Known(details.clone()),
    };
    given(vec![registered])
        .when(PatientCommand::Register {
            details,
            now: DateTime::UNIX_EPOCH,
        })
        .then_expect_events(vec![]);
}

#[test]
fn registering_the_record_as_it_stands_changes_nothing_as_of_whenever() {
    let as_of = |day: i64| {
        let as_of = Some(now() - chrono::TimeDelta::days(day));
        PatientDetails {
            as_of,
            ..details("Byron")
        }
    };
    let registered = PatientEvent::Registered {
        details: Personal::Known(as_of(2)),
    };
    given(vec![registered])
        .when(register(as_of(1)))
        .then_expect_events(vec![]);
}

#[test]
fn nothing_is_decided_on_a_sealed_record() {
    let commands = [register(details("Byron")), update_details(details("Byron"))];
    for command in commands {
        given(vec![erased()])
            .when(command.clone())
            .then_expect_error(PatientError::Sealed);
        let sealed_later = PatientEvent::DetailsUpdated {
            details: Personal::Sealed,
        };
        given(vec![registered(), sealed_later])
            .when(command)
            .then_expect_error(PatientError::Sealed);
    }
}

#[test]
fn the_state_is_the_latest() {
    let patient = folded(vec![registered(), married()]);
    let family = patient.details().map(|details| details.name.family.as_str());
    assert_eq!(family, Some("Lovelace"));
    assert!(patient.is_registered());
    assert!(!Patient::default().is_registered());
    let sealed = folded(vec![erased()]);
    assert_eq!((sealed.details(), sealed.is_registered()), (None, true));
}

#[test]
fn a_snapshot_holds_nothing_personal() {
    let snapshot = serde_json::to_string(&folded(vec![registered(), married()])).unwrap();
    let is_told = ["Byron", "Lovelace"].iter().any(|word| snapshot.contains(word));
    assert!(!is_told, "{snapshot}");
    let read: Patient = serde_json::from_str(&snapshot).unwrap();
    assert_eq!((read.is_registered(), read.details()), (true, None));
}

#[test]
fn every_event_concerns_the_patient_of_its_stream() {
    let id = PatientId::new(Uuid::from_u128(7));
    for event in [registered(), married()] {
        assert_eq!(event.subject(&AggregateRef::Patient(id)), Some(id.into()));
    }
    assert_eq!(erased().subject(&AggregateRef::Patient(id)), None);
}

#[test]
fn nothing_of_a_patient_stands_in_the_shared_section_but_what_kind_of_event_it_is() {
    for event in [registered(), married()] {
        assert_eq!(event.encode().unwrap().shared.len(), 1);
    }
}

#[test]
fn an_event_of_a_later_schema_is_refused() {
    assert_eq!(PatientEvent::decode(2, &[0], None), Err(DecodeError::UnknownSchema(2)));
    assert_eq!(PatientEvent::decode(0, &[0], None), Err(DecodeError::UnknownSchema(0)));
}

#[test]
fn what_no_record_decides_contradicts_it() {
    let contradiction = testing::contradiction::<Patient>;
    let another = updated(PatientDetails {
        identifier: None,
        ..details("Byron")
    });
    for (given, event, expected) in [
        (vec![], registered(), None),
        (vec![registered()], married(), None),
        (vec![registered()], registered(), Some(Contradiction::Twice)),
        (vec![], married(), Some(Contradiction::BeforeTheBeginning)),
        (
            vec![registered()],
            another.clone(),
            Some(Contradiction::IdentityChanged),
        ),
        (
            vec![registered(), married()],
            married(),
            Some(Contradiction::ChangesNothing),
        ),
        // What is sealed contradicts nothing.
        (vec![erased()], another, None),
    ] {
        assert_eq!(contradiction(given.clone(), &event), expected, "{given:?} {event:?}");
    }
}
