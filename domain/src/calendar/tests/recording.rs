//! Visits of the past, recorded as their source tells them.

use super::*;
use crate::calendar::{AppointmentStatus, CalendarError, Cancellation, Provider, RecordedOutcome, VisitPlace};
use crate::kernel::CalendarId;

const OUTCOMES: [(RecordedOutcome, AppointmentStatus); 3] = [
    (RecordedOutcome::Completed, AppointmentStatus::Completed),
    (RecordedOutcome::Cancelled, AppointmentStatus::Cancelled),
    (RecordedOutcome::Open, AppointmentStatus::Booked),
];

fn calendar() -> CalendarId {
    calendar_on(day())
}

fn calendar_on(day: NaiveDate) -> CalendarId {
    let owner = Uuid::from_u128(7);
    CalendarId { owner, day }
}

fn record(slot: Slot, outcome: RecordedOutcome) -> CalendarCommand {
    record_in(calendar(), slot, outcome, booking())
}

fn record_in(calendar: CalendarId, slot: Slot, outcome: RecordedOutcome, booking: Booking) -> CalendarCommand {
    CalendarCommand::RecordVisit {
        appointment: id(1),
        calendar,
        slot,
        provider: Provider::Practitioner,
        outcome,
        booking,
        as_of: None,
        corrects: false,
        now: at(12, 0),
    }
}

fn recorded(slot: Slot, outcome: RecordedOutcome) -> CalendarEvent {
    CalendarEvent::VisitFiled {
        place: VisitPlace {
            calendar: calendar(),
            slot,
        },
        provider: Provider::Practitioner,
        outcome,
        as_of: None,
        booking: Personal::Known(booking()),
    }
}

#[test]
fn a_visit_is_recorded_as_it_was() {
    for (outcome, status) in OUTCOMES {
        given(vec![])
            .when(record(slot(3, 15), outcome))
            .then_expect_events(vec![recorded(slot(3, 15), outcome)]);
        let calendar = folded([recorded(slot(3, 15), outcome)]);
        let visit = calendar.appointment(id(1)).unwrap();
        assert_eq!((visit.status, visit.recorded), (status, Some(outcome)));
    }
}

#[test]
fn a_visit_recorded_in_the_calendar_of_its_day_takes_no_slot_there() {
    for (outcome, status) in OUTCOMES {
        let before = CalendarEvent::VisitRecorded {
            appointment: id(1),
            slot: slot(9, 0),
            provider: Provider::Practitioner,
            outcome,
            booking: Personal::Known(booking()),
        };
        let booked = given(vec![published(), before.clone()]).when(book(id(2), slot(9, 0)));
        assert_eq!(booked.inspect_result().unwrap().len(), 1);
        let calendar = folded([published(), before]);
        let visit = calendar.appointment(id(1)).unwrap();
        assert_eq!((visit.status, visit.recorded), (status, Some(outcome)));
    }
}

#[test]
fn a_visit_that_has_not_begun_is_refused() {
    let now = at(12, 0);
    given(vec![])
        .when(record(slot(12, 1), RecordedOutcome::Open))
        .then_expect_error(CalendarError::NotYetBegun);
    let begun = Slot {
        start: now,
        minutes: 600,
    };
    given(vec![])
        .when(record(begun, RecordedOutcome::Open))
        .then_expect_events(vec![recorded(begun, RecordedOutcome::Open)]);
}

#[test]
fn a_visit_without_length_is_refused() {
    let nothing = Slot {
        start: at(9, 0),
        minutes: 0,
    };
    given(vec![])
        .when(record(nothing, RecordedOutcome::Completed))
        .then_expect_error(CalendarError::EmptySession);
}

#[test]
fn recording_the_same_again_changes_nothing_whatever_became_of_it() {
    for (outcome, _) in OUTCOMES {
        given(vec![recorded(slot(9, 0), outcome)])
            .when(record(slot(9, 0), outcome))
            .then_expect_events(vec![]);
    }
    given(vec![recorded(slot(9, 0), RecordedOutcome::Open), completed()])
        .when(record(slot(9, 0), RecordedOutcome::Open))
        .then_expect_events(vec![]);
}

#[test]
fn recording_again_with_other_content_is_refused() {
    let history = vec![recorded(slot(9, 0), RecordedOutcome::Completed)];
    let outcome = RecordedOutcome::Completed;
    let other_patient = Booking {
        patient: patient(2),
        reason: None,
    };
    let other_owner = CalendarId {
        owner: Uuid::from_u128(8),
        day: day(),
    };
    let others = [
        record(slot(10, 0), outcome),
        record(slot(9, 0), RecordedOutcome::Open),
        record_in(calendar(), slot(9, 0), outcome, other_patient),
        record_in(calendar_on(tomorrow()), slot(9, 0), outcome, booking()),
        record_in(other_owner, slot(9, 0), outcome, booking()),
        CalendarCommand::RecordVisit {
            appointment: id(1),
            calendar: calendar(),
            slot: slot(9, 0),
            provider: Provider::Organization,
            outcome,
            booking: booking(),
            as_of: None,
            corrects: false,
            now: at(12, 0),
        },
    ];
    for other in others {
        given(history.clone())
            .when(other)
            .then_expect_error(CalendarError::AlreadyExists(id(1)));
    }
}

#[test]
fn a_visit_left_open_can_be_completed_cancelled_or_missed() {
    let (appointment, now) = (id(1), at(9, 0));
    let cancellation = Personal::Known(Cancellation {
        patient: patient(1),
        reason: None,
    });
    let steps = [
        (CalendarCommand::Complete { appointment, now }, completed()),
        (CalendarCommand::MarkNoShow { appointment, now }, no_show_marked()),
        (
            CalendarCommand::Cancel {
                appointment,
                reason: None,
            },
            CalendarEvent::Cancelled {
                appointment,
                cancellation,
            },
        ),
    ];
    for (step, event) in steps {
        given(vec![recorded(slot(9, 0), RecordedOutcome::Open)])
            .when(step)
            .then_expect_events(vec![event]);
    }
}

#[test]
fn a_visit_left_open_is_neither_confirmed_nor_moved() {
    let (appointment, now) = (id(1), the_day_before());
    let steps = [
        CalendarCommand::Confirm { appointment },
        CalendarCommand::Reschedule {
            appointment,
            slot: slot(10, 0),
            now,
        },
        CalendarCommand::MoveOut {
            appointment,
            to: tomorrow(),
            now,
        },
    ];
    for step in steps {
        given(vec![recorded(slot(9, 0), RecordedOutcome::Open)])
            .when(step)
            .then_expect_error(CalendarError::Recorded);
    }
}

#[test]
fn a_visit_that_ended_takes_no_other_step() {
    let status = AppointmentStatus::Completed;
    let cancel = CalendarCommand::Cancel {
        appointment: id(1),
        reason: None,
    };
    given(vec![recorded(slot(9, 0), RecordedOutcome::Completed)])
        .when(cancel)
        .then_expect_error(CalendarError::WrongStatus { status });
}

fn told(slot: Slot, outcome: RecordedOutcome, as_of: Option<DateTime<Utc>>, corrects: bool) -> CalendarCommand {
    CalendarCommand::RecordVisit {
        appointment: id(1),
        calendar: calendar(),
        slot,
        provider: Provider::Practitioner,
        outcome,
        booking: booking(),
        as_of,
        corrects,
        now: at(12, 0),
    }
}

fn filed(slot: Slot, outcome: RecordedOutcome, as_of: Option<DateTime<Utc>>) -> CalendarEvent {
    CalendarEvent::VisitFiled {
        place: VisitPlace {
            calendar: calendar(),
            slot,
        },
        provider: Provider::Practitioner,
        outcome,
        as_of,
        booking: Personal::Known(booking()),
    }
}

#[test]
fn a_correction_takes_the_place_of_what_is_not_newer() {
    use RecordedOutcome::{Cancelled, Completed, Open};
    let (early, late) = (Some(at(6, 0)), Some(at(7, 0)));
    for (before, before_as_of, outcome, as_of) in [
        (Open, None, Completed, None),
        (Open, early, Completed, late),
        (Open, early, Open, late),
        (Completed, early, Cancelled, late),
        (Completed, early, Cancelled, early),
        (Completed, late, Cancelled, None),
        (Completed, None, Cancelled, early),
        (Completed, early, Open, late),
    ] {
        given(vec![filed(slot(9, 0), before, before_as_of)])
            .when(told(slot(9, 30), outcome, as_of, true))
            .then_expect_events(vec![filed(slot(9, 30), outcome, as_of)]);
    }
}

#[test]
fn an_older_state_takes_no_place() {
    use RecordedOutcome::{Completed, Open};
    let (early, late) = (Some(at(6, 0)), Some(at(7, 0)));
    for (before, before_as_of, outcome, as_of) in [
        (Completed, late, Completed, early),
        (Open, late, Completed, early),
        // Not dated, an open visit is the older one.
        (Completed, None, Open, None),
        (Completed, early, Open, None),
        (Completed, None, Open, late),
    ] {
        given(vec![filed(slot(9, 0), before, before_as_of)])
            .when(told(slot(9, 30), outcome, as_of, true))
            .then_expect_error(CalendarError::Superseded);
    }
    // A state without a date is applied as it comes, and does not hide when the last dated one was.
    given(vec![
        filed(slot(9, 0), Completed, late),
        filed(slot(9, 30), Completed, None),
    ])
    .when(told(slot(9, 0), Completed, early, true))
    .then_expect_error(CalendarError::Superseded);
}

#[test]
fn the_same_content_of_a_newer_state_counts_as_the_newer_one() {
    let (early, late) = (Some(at(6, 0)), Some(at(7, 0)));
    let again = told(slot(9, 0), RecordedOutcome::Completed, late, true);
    given(vec![filed(slot(9, 0), RecordedOutcome::Completed, early)])
        .when(again.clone())
        .then_expect_events(vec![filed(slot(9, 0), RecordedOutcome::Completed, late)]);
    given(vec![filed(slot(9, 0), RecordedOutcome::Completed, late)])
        .when(again)
        .then_expect_events(vec![]);
}

#[test]
fn what_was_concluded_here_is_not_opened_again() {
    let late = Some(at(7, 0));
    given(vec![
        filed(slot(9, 0), RecordedOutcome::Open, Some(at(6, 0))),
        completed(),
    ])
    .when(told(slot(9, 30), RecordedOutcome::Open, late, true))
    .then_expect_error(CalendarError::Superseded);
    given(vec![
        filed(slot(9, 0), RecordedOutcome::Open, Some(at(6, 0))),
        completed(),
    ])
    .when(told(slot(9, 30), RecordedOutcome::Completed, late, true))
    .then_expect_events(vec![filed(slot(9, 30), RecordedOutcome::Completed, late)]);
}

#[test]
fn a_visit_that_its_source_takes_back_is_none_and_an_older_state_does_not_bring_it() {
    use RecordedOutcome::{Completed, EnteredInError};
    let (early, late) = (Some(at(6, 0)), Some(at(7, 0)));
    let taken_back = filed(slot(9, 0), EnteredInError, late);
    given(vec![filed(slot(9, 0), Completed, early)])
        .when(told(slot(9, 0), EnteredInError, late, true))
        .then_expect_events(vec![taken_back.clone()]);
    // In whatever order they are told.
    given(vec![])
        .when(told(slot(9, 0), EnteredInError, late, true))
        .then_expect_events(vec![taken_back.clone()]);
    given(vec![taken_back.clone()])
        .when(told(slot(9, 0), Completed, early, true))
        .then_expect_error(CalendarError::Superseded);
    given(vec![taken_back])
        .when(told(slot(9, 0), Completed, Some(at(8, 0)), true))
        .then_expect_events(vec![filed(slot(9, 0), Completed, Some(at(8, 0)))]);
    assert!(!EnteredInError.status().is_visit() && Completed.status().is_visit());
}

#[test]
fn a_visit_that_is_taken_back_without_a_date_is_taken_back_as_of_now() {
    use RecordedOutcome::{Completed, EnteredInError};
    let (early, now) = (Some(at(6, 0)), Some(at(12, 0)));
    let taken_back = filed(slot(9, 0), EnteredInError, now);
    for before in [
        vec![],
        vec![filed(slot(9, 0), Completed, early)],
        vec![filed(slot(9, 0), Completed, None)],
    ] {
        given(before)
            .when(told(slot(9, 0), EnteredInError, None, true))
            .then_expect_events(vec![taken_back.clone()]);
    }
    // An older state does not bring it back, and the same word once more changes nothing.
    given(vec![taken_back.clone()])
        .when(told(slot(9, 0), Completed, early, true))
        .then_expect_error(CalendarError::Superseded);
    given(vec![taken_back])
        .when(told(slot(9, 0), EnteredInError, None, true))
        .then_expect_events(vec![]);
}

#[test]
fn a_correction_never_gives_a_visit_to_somebody_else() {
    let other = Booking {
        patient: patient(2),
        reason: None,
    };
    let mut command = told(slot(9, 0), RecordedOutcome::Completed, Some(at(7, 0)), true);
    if let CalendarCommand::RecordVisit { booking, .. } = &mut command {
        *booking = other;
    }
    given(vec![filed(slot(9, 0), RecordedOutcome::Completed, None)])
        .when(command)
        .then_expect_error(CalendarError::AlreadyExists(id(1)));
}
