//! Visits of the past, recorded as their source tells them.

use super::*;
use crate::calendar::{AppointmentStatus, CalendarError, Cancellation, Provider, RecordedOutcome};

const OUTCOMES: [(RecordedOutcome, AppointmentStatus); 3] = [
    (RecordedOutcome::Completed, AppointmentStatus::Completed),
    (RecordedOutcome::Cancelled, AppointmentStatus::Cancelled),
    (RecordedOutcome::Open, AppointmentStatus::Booked),
];

fn record(slot: Slot, outcome: RecordedOutcome) -> CalendarCommand {
    let provider = Provider::Practitioner;
    CalendarCommand::RecordVisit {
        appointment: id(1),
        slot,
        provider,
        outcome,
        booking: booking(),
    }
}

fn recorded(slot: Slot, outcome: RecordedOutcome) -> CalendarEvent {
    let booking = Personal::Known(booking());
    CalendarEvent::VisitRecorded {
        appointment: id(1),
        slot,
        provider: Provider::Practitioner,
        outcome,
        booking,
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
        assert_eq!(
            (visit.status, visit.recorded, visit.changed_at_version),
            (status, Some(outcome), 1)
        );
    }
}

#[test]
fn a_visit_is_recorded_where_a_slot_is_taken_and_takes_none_itself() {
    let other = CalendarEvent::Booked {
        appointment: id(2),
        slot: slot(9, 0),
        booking: Personal::Known(booking()),
    };
    for (outcome, _) in OUTCOMES {
        given(vec![published(), other.clone()])
            .when(record(slot(9, 0), outcome))
            .then_expect_events(vec![recorded(slot(9, 0), outcome)]);
        let booked = given(vec![published(), recorded(slot(9, 0), outcome)]).when(book(id(2), slot(9, 0)));
        assert_eq!(booked.inspect_result().unwrap().len(), 1);
    }
}

#[test]
fn a_visit_of_an_organization_is_told_apart() {
    let event = CalendarEvent::VisitRecorded {
        appointment: id(1),
        slot: slot(9, 0),
        provider: Provider::Organization,
        outcome: RecordedOutcome::Completed,
        booking: Personal::Sealed,
    };
    assert_eq!(
        folded([event]).appointment(id(1)).unwrap().provider,
        Provider::Organization
    );
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
    let (appointment, outcome, provider) = (id(1), RecordedOutcome::Completed, Provider::Practitioner);
    let other_patient = Booking {
        patient: patient(2),
        reason: None,
    };
    let others = [
        record(slot(10, 0), outcome),
        record(slot(9, 0), RecordedOutcome::Open),
        CalendarCommand::RecordVisit {
            appointment,
            slot: slot(9, 0),
            provider: Provider::Organization,
            outcome,
            booking: booking(),
        },
        CalendarCommand::RecordVisit {
            appointment,
            slot: slot(9, 0),
            provider,
            outcome,
            booking: other_patient,
        },
    ];
    for other in others {
        given(history.clone())
            .when(other)
            .then_expect_error(CalendarError::AlreadyExists(id(1)));
    }
}

#[test]
fn a_visit_is_not_recorded_over_an_appointment_that_was_booked_and_none_is_booked_over_a_visit() {
    let error = CalendarError::AlreadyExists(id(1));
    given(vec![published(), booked()])
        .when(record(slot(9, 0), RecordedOutcome::Open))
        .then_expect_error(error);
    given(vec![published(), recorded(slot(9, 0), RecordedOutcome::Open)])
        .when(book(id(1), slot(9, 0)))
        .then_expect_error(error);
}

#[test]
fn a_visit_is_not_recorded_for_an_appointment_that_left_for_another_day() {
    given(vec![published(), booked(), moved_out()])
        .when(record(slot(9, 0), RecordedOutcome::Completed))
        .then_expect_error(CalendarError::Moved { to: tomorrow() });
}

#[test]
fn a_visit_left_open_can_be_completed_cancelled_or_missed() {
    let (appointment, now, expected_version) = (id(1), at(9, 0), None);
    let cancellation = Personal::Known(Cancellation {
        patient: patient(1),
        reason: None,
    });
    let steps = [
        (
            CalendarCommand::Complete {
                appointment,
                now,
                expected_version,
            },
            completed(),
        ),
        (
            CalendarCommand::MarkNoShow {
                appointment,
                now,
                expected_version,
            },
            no_show_marked(),
        ),
        (
            CalendarCommand::Cancel {
                appointment,
                reason: None,
                expected_version,
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
    let (appointment, now, expected_version) = (id(1), the_day_before(), None);
    let steps = [
        CalendarCommand::Confirm {
            appointment,
            expected_version,
        },
        CalendarCommand::Reschedule {
            appointment,
            slot: slot(10, 0),
            now,
            expected_version,
        },
        CalendarCommand::MoveOut {
            appointment,
            to: tomorrow(),
            now,
            expected_version,
        },
    ];
    for step in steps {
        given(vec![published(), recorded(slot(9, 0), RecordedOutcome::Open)])
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
        expected_version: None,
    };
    given(vec![recorded(slot(9, 0), RecordedOutcome::Completed)])
        .when(cancel)
        .then_expect_error(CalendarError::WrongStatus { status });
}
