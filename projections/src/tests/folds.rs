//! What single events do.

use application::log::{AnyEvent, Author};
use application::ports::queries::WalletActKind;
use domain::account::{AccountEvent, Binding, Holder, KeyHash, Proof, Role, Said, Scope, Title};
use domain::calendar::{AppointmentStatus, Booking, CalendarEvent, Session};
use domain::chart::{ChartEvent, Noted, Symptom};
use domain::encounter::{Conclusion, EncounterEvent, EncounterNames, Ending, Filed, Outcome, Provider};
use domain::kernel::{
    AccountId, AppointmentId, CalendarId, ChartId, EncounterId, HumanName, Personal, PractitionerId, Slot, Wallet,
};
use domain::patient::{PatientDetails, PatientEvent};
use uuid::Uuid;

use super::memory::{Memory, appointment, at, day, opened, patient, practitioner};
use crate::accounts;
use crate::aggregate_row::AggregateRow as _;
use crate::charts::ChartRow;
use crate::patients::PatientRow;
use crate::stamp::Stamp;

const ACCOUNT: AccountId = AccountId::new(Uuid::from_u128(9));

fn stamp(version: u64) -> Stamp {
    Stamp {
        author: Author::Ours,
        position: 100 + version,
        version,
        at: at(0, 0),
        by: None,
    }
}

fn details(family: &str) -> PatientDetails {
    PatientDetails {
        name: HumanName {
            family: family.to_owned(),
            given: vec!["Ada".to_owned(), "Marie".to_owned()],
            prefix: Vec::new(),
        },
        ..PatientDetails::default()
    }
}

fn slot(day: u8, quarter: u8) -> Slot {
    Slot {
        start: at(day, quarter),
        minutes: 15,
    }
}

fn calendar(number: u8) -> CalendarId {
    CalendarId::of(practitioner(0), day(number))
}

fn known() -> Personal<Booking> {
    Personal::Known(Booking {
        patient: patient(0),
        reason: None,
    })
}

fn offer(number: u8, until: u8, slot_minutes: u32) -> CalendarEvent {
    CalendarEvent::AvailabilityPublished {
        sessions: vec![Session {
            start: at(number, 0),
            end: at(number, until),
            slot_minutes,
        }],
    }
}

fn memory(events: impl IntoIterator<Item = (CalendarId, CalendarEvent)>) -> Memory {
    let mut memory = Memory::default();
    for (position, (id, event)) in (1..).zip(events) {
        memory.apply(&[opened(position, position, AnyEvent::Calendar(id, event))]);
    }
    memory
}

#[test]
fn a_registered_patient_is_found_by_family_and_given_names() {
    let event = PatientEvent::Registered {
        details: Personal::Known(details("Lovelace")),
    };
    let row = PatientRow::fold(None, patient(0), &stamp(1), &event).unwrap();
    assert_eq!(
        row.names().into_iter().collect::<Vec<_>>(),
        ["ada", "lovelace", "marie"]
    );
    assert_eq!((row.version, row.registered_at), (1, at(0, 0)));
}

#[test]
fn a_patient_whose_key_is_not_held_makes_no_row() {
    let event = PatientEvent::Registered {
        details: Personal::Sealed,
    };
    assert_eq!(PatientRow::fold(None, patient(0), &stamp(1), &event), None);
    let event = PatientEvent::DetailsUpdated {
        details: Personal::Sealed,
    };
    assert_eq!(PatientRow::fold(None, patient(0), &stamp(2), &event), None);
}

#[test]
fn a_chart_says_what_its_events_leave_and_nothing_of_what_is_sealed() {
    let noted = |text: &str| ChartEvent::SymptomsNoted {
        symptoms: Personal::Known(Noted {
            batch: Uuid::from_u128(1),
            new: vec![Symptom { text: text.to_owned() }],
            changed: Vec::new(),
        }),
    };
    let row = ChartRow::fold(None, ChartId(patient(0)), &stamp(2), &noted("cough")).unwrap();
    let says = |row: &ChartRow| {
        row.contents
            .symptoms
            .findings()
            .map(|one| one.text.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!((says(&row), row.version), (vec!["cough".to_owned()], 2));
    let sealed = ChartEvent::SymptomsNoted {
        symptoms: Personal::Sealed,
    };
    assert_eq!(
        ChartRow::fold(Some(row.clone()), ChartId(patient(0)), &stamp(3), &sealed),
        Some(row)
    );
    assert_eq!(ChartRow::fold(None, ChartId(patient(0)), &stamp(3), &sealed), None);
}

#[test]
fn an_appointment_blocks_every_slot_that_it_overlaps_in_a_new_grid() {
    let booked = CalendarEvent::Booked {
        appointment: appointment(0),
        slot: slot(0, 1),
        booking: known(),
    };
    let memory = memory([
        (calendar(0), offer(0, 4, 15)),
        (calendar(0), booked),
        (calendar(0), offer(0, 4, 20)),
    ]);
    let free: Vec<_> = memory.free().iter().map(|(_, slot)| slot.start).collect();
    assert_eq!(free, [at(0, 2) + chrono::Duration::minutes(10)]);
}

#[test]
fn a_moved_appointment_is_on_its_new_day_whichever_event_came_first() {
    let booked = CalendarEvent::Booked {
        appointment: appointment(0),
        slot: slot(0, 1),
        booking: known(),
    };
    let out = CalendarEvent::MovedOut {
        appointment: appointment(0),
        to: day(1),
        patient: Personal::Sealed,
    };
    let into = CalendarEvent::MovedIn {
        appointment: appointment(0),
        slot: slot(1, 2),
        from: day(0),
        booking: known(),
    };
    let before = [
        (calendar(0), offer(0, 4, 15)),
        (calendar(1), offer(1, 4, 15)),
        (calendar(0), booked),
    ];
    let out_first = memory(
        before
            .clone()
            .into_iter()
            .chain([(calendar(0), out.clone()), (calendar(1), into.clone())]),
    );
    let in_first = memory(before.into_iter().chain([(calendar(1), into), (calendar(0), out)]));
    for memory in [out_first, in_first] {
        let row = &memory.appointments[&appointment(0)];
        assert_eq!(
            (row.calendar(), row.slot(), row.patient),
            (calendar(1), slot(1, 2), Some(patient(0)))
        );
        assert!(memory.free().contains(&(calendar(0), slot(0, 1))));
        assert!(!memory.free().contains(&(calendar(1), slot(1, 2))));
        assert_eq!(
            memory.relationships[&(patient(0), practitioner(0))],
            (at(1, 2), at(1, 2), 1)
        );
    }
}

fn visit(provider: Provider) -> EncounterEvent {
    EncounterEvent::Filed {
        encounter: Personal::Known(Filed {
            provider,
            slot: slot(1, 1),
            day: day(1),
            outcome: Outcome::Open,
            reason: None,
            as_of: None,
            names: EncounterNames::default(),
        }),
    }
}

fn encounter(of: u8) -> EncounterId {
    EncounterId {
        patient: patient(of),
        id: appointment(0).uuid(),
    }
}

#[test]
fn a_visit_recorded_for_an_organization_has_no_practitioner_and_takes_no_slot() {
    let recorded = visit(Provider::Organization(calendar(1).owner));
    let mut memory = memory([(calendar(1), offer(1, 4, 15))]);
    memory.apply(&[opened(2, 2, AnyEvent::Encounter(encounter(0), recorded))]);
    let row = &memory.appointments[&appointment(0)];
    assert!(row.practitioner.is_none() && row.recorded);
    assert_eq!(memory.free().len(), 4);
    assert!(memory.relationships.is_empty());
}

#[test]
fn what_happens_to_a_visit_changes_the_visit_and_nothing_that_is_offered() {
    let recorded = visit(Provider::Practitioner(practitioner(0)));
    let cancelled = EncounterEvent::Concluded {
        conclusion: Personal::Known(Conclusion {
            ending: Ending::Cancelled {
                reason: Some("ill".to_owned()),
            },
            as_of: chrono::DateTime::UNIX_EPOCH,
        }),
    };
    let log = [
        opened(1, 2, AnyEvent::Encounter(encounter(0), recorded)),
        opened(2, 5, AnyEvent::Encounter(encounter(0), cancelled)),
    ];
    let mut memory = Memory::default();
    memory.apply(&log[..1]);
    assert_eq!(
        memory.relationships[&(patient(0), practitioner(0))],
        (at(1, 1), at(1, 1), 1)
    );
    memory.apply(&log[1..]);
    let row = &memory.appointments[&appointment(0)];
    assert_eq!(
        (row.calendar(), row.practitioner, row.status, row.version),
        (calendar(1), Some(practitioner(0)), AppointmentStatus::Cancelled, 5)
    );
    assert_eq!(row.cancellation_reason.as_deref(), Some("ill"));
    assert!(memory.calendars.is_empty() && memory.relationships.is_empty());
}

#[test]
fn what_has_the_id_of_something_else_changes_nothing_of_that() {
    let booked = CalendarEvent::Booked {
        appointment: appointment(0),
        slot: slot(0, 1),
        booking: known(),
    };
    let recorded = || visit(Provider::Practitioner(practitioner(0)));
    let mut memory = memory([(calendar(0), offer(0, 4, 15)), (calendar(0), booked)]);
    let before = memory.clone();
    memory.apply(&[opened(3, 2, AnyEvent::Encounter(encounter(0), recorded()))]);
    assert_eq!(memory, before);
    let mut memory = Memory::default();
    memory.apply(&[opened(1, 2, AnyEvent::Encounter(encounter(0), recorded()))]);
    let before = memory.clone();
    memory.apply(&[opened(2, 2, AnyEvent::Encounter(encounter(1), recorded()))]);
    assert_eq!(memory, before);
}

#[test]
fn on_shared_days_an_appointment_cannot_be_taken_by_another_of_its_id() {
    let doctor = practitioner(0).sharing_days_in(7);
    let on = |number| CalendarId::of(doctor, day(number));
    let appointment = AppointmentId::new(Uuid::from_u128(5));
    let booked = |number, booking| CalendarEvent::Booked {
        appointment,
        slot: slot(number, 0),
        booking,
    };
    let into = |number: u8, from: u8| CalendarEvent::MovedIn {
        appointment,
        slot: slot(number, 1),
        from: day(from),
        booking: Personal::Sealed,
    };
    let ours = memory([(on(0), offer(0, 4, 15)), (on(0), booked(0, known()))]);
    let row = ours.appointments[&appointment].clone();
    assert_eq!((row.calendar(), row.patient), (on(0), Some(patient(0))));
    for taking in [
        vec![(on(1), booked(1, Personal::Sealed))],
        vec![(on(2), into(2, 1))],
        vec![(on(1), booked(1, Personal::Sealed)), (on(2), into(2, 1))],
    ] {
        let before = [(on(0), offer(0, 4, 15)), (on(0), booked(0, known()))];
        let after = memory(before.into_iter().chain(taking));
        assert_eq!(after.appointments[&appointment], row);
    }
    // A move from where it is counts.
    let moved = memory([
        (on(0), offer(0, 4, 15)),
        (on(0), booked(0, known())),
        (on(2), into(2, 0)),
    ]);
    assert_eq!(moved.appointments[&appointment].calendar(), on(2));
}

#[test]
fn a_day_that_was_held_back_does_not_take_back_an_appointment_that_has_moved_on() {
    let into = |slot| CalendarEvent::MovedIn {
        appointment: appointment(0),
        slot,
        from: day(0),
        booking: known(),
    };
    let out = CalendarEvent::MovedOut {
        appointment: appointment(0),
        to: day(2),
        patient: Personal::Sealed,
    };
    let mut memory = Memory::default();
    let log = [
        opened(1, 1, AnyEvent::Calendar(calendar(1), into(slot(1, 0)))),
        opened(2, 2, AnyEvent::Calendar(calendar(1), out)),
        opened(3, 1, AnyEvent::Calendar(calendar(2), into(slot(2, 0)))),
    ];
    memory.apply(&log[2..]);
    memory.apply(&log[..2]);
    let mut in_order = Memory::default();
    in_order.apply(&log);
    assert_eq!(memory, in_order);
    assert_eq!(memory.appointments[&appointment(0)].calendar(), calendar(2));
}

#[test]
fn a_session_of_absurd_length_does_not_flood_the_table() {
    let sessions = vec![Session {
        start: chrono::DateTime::UNIX_EPOCH,
        end: chrono::DateTime::<chrono::Utc>::MAX_UTC,
        slot_minutes: 1,
    }];
    let memory = memory([(calendar(0), CalendarEvent::AvailabilityPublished { sessions })]);
    assert_eq!(memory.free().len(), 1500);
}

#[test]
fn a_revoked_key_stays_listed_in_its_place() {
    let opened = AccountEvent::Opened {
        holder: Holder::Service {
            name: "dashboard".to_owned(),
            role: Role::Hospital,
        },
    };
    let issue = |number: u8| AccountEvent::KeyIssued {
        key: Uuid::from_u128(number.into()),
        hash: KeyHash([number; 32]),
        scopes: vec![Scope::Read],
        expires: None,
    };
    let revoke = AccountEvent::KeyRevoked {
        key: Uuid::from_u128(2),
    };
    let mut account = None;
    for (version, event) in (1..).zip([opened, issue(2), issue(1), revoke, AccountEvent::Closed]) {
        account = accounts::fold(account, ACCOUNT, &stamp(version), &event);
    }
    let account = account.unwrap();
    let keys: Vec<_> = account.keys.iter().map(|key| (key.hash.0[0], key.revoked)).collect();
    assert_eq!(keys, [(2, true), (1, false)]);
    assert!(account.keys.iter().map(|key| key.ordinal).eq(0..2));
    assert!(account.row.closed && account.row.listed);
}

#[test]
fn a_patients_account_without_its_key_shows_neither_wallet_nor_patient() {
    let opened = AccountEvent::Opened {
        holder: Holder::Patient(Personal::Sealed),
    };
    let account = accounts::fold(None, ACCOUNT, &stamp(1), &opened).unwrap();
    let row = &account.row;
    assert_eq!(
        (row.role, row.wallet, row.patient, row.listed),
        (Role::Patient, None, None, false)
    );
    let bound = AccountEvent::WalletBound {
        binding: Said::OfSubject(Personal::Sealed),
    };
    let row = accounts::fold(Some(account), ACCOUNT, &stamp(2), &bound).unwrap().row;
    assert_eq!((row.wallet, row.wallet_acts.as_slice()), (None, &[][..]));
}

#[test]
fn what_was_done_to_a_wallet_names_who_did_it_and_why() {
    let by = |number| Some(AccountId::new(Uuid::from_u128(number)));
    let stamp = |version, number| Stamp {
        author: Author::Ours,
        by: by(number),
        ..stamp(version)
    };
    let holder = Holder::Practitioner {
        practitioner: PractitionerId::new(Uuid::from_u128(7)),
    };
    let proof = Proof {
        message: "signed".to_owned(),
        signature: vec![1; 65],
    };
    let bound = |number, title| AccountEvent::WalletBound {
        binding: Said::OfHolder(Personal::Known(Binding {
            wallet: Wallet([number; 20]),
            proof: proof.clone(),
            title,
        })),
    };
    let issuer = AccountId::new(Uuid::from_u128(4));
    let former = Title::FormerWallet { proof: proof.clone() };
    let taken = AccountEvent::WalletUnbound {
        reason: Said::OfHolder(Personal::Known("stolen".to_owned())),
    };
    let mut account = None;
    for (stamp, event) in [
        (stamp(1, 1), AccountEvent::Opened { holder }),
        (stamp(2, 1), bound(1, Title::Invitation { issuer })),
        (stamp(3, 1), bound(2, former)),
    ] {
        account = accounts::fold(account, ACCOUNT, &stamp, &event);
    }
    assert_eq!(account.as_ref().unwrap().row.wallet, Some(Wallet([2; 20])));
    let row = accounts::fold(account, ACCOUNT, &stamp(4, 9), &taken).unwrap().row;
    assert_eq!(row.wallet, None);
    let acts: Vec<_> = row
        .wallet_acts
        .iter()
        .map(|act| (act.kind, act.by, act.reason.as_deref()))
        .collect();
    let expected = [
        (WalletActKind::Invited, by(4), None),
        (WalletActKind::Changed, by(1), None),
        (WalletActKind::TakenAway, by(9), Some("stolen")),
    ];
    assert_eq!(acts, expected);
}
