//! The steps of an appointment on its day: confirm, complete, no-show, cancel.

use super::*;
use crate::calendar::{AppointmentStatus, CalendarError, Cancellation};

fn confirm() -> CalendarCommand {
    CalendarCommand::Confirm { appointment: id(1) }
}

fn complete() -> CalendarCommand {
    CalendarCommand::Complete {
        appointment: id(1),
        now: at(9, 0),
    }
}

fn mark_no_show() -> CalendarCommand {
    CalendarCommand::MarkNoShow {
        appointment: id(1),
        now: at(9, 0),
    }
}

fn cancel(reason: Option<&str>) -> CalendarCommand {
    CalendarCommand::Cancel {
        appointment: id(1),
        reason: reason.map(str::to_owned),
    }
}

/// Every step.
fn all_steps() -> [CalendarCommand; 6] {
    let (appointment, now) = (id(1), at(9, 0));
    [
        confirm(),
        complete(),
        mark_no_show(),
        cancel(None),
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
    ]
}

#[test]
fn a_booked_appointment_can_be_confirmed() {
    given(vec![published(), booked()])
        .when(confirm())
        .then_expect_events(vec![confirmed()]);
}

#[test]
fn a_booked_or_confirmed_appointment_can_be_completed_once_it_began() {
    given(vec![published(), booked()])
        .when(complete())
        .then_expect_events(vec![completed()]);
    given(vec![published(), booked(), confirmed()])
        .when(complete())
        .then_expect_events(vec![completed()]);
}

#[test]
fn a_booked_or_confirmed_appointment_can_be_a_no_show_once_it_should_have_begun() {
    given(vec![published(), booked()])
        .when(mark_no_show())
        .then_expect_events(vec![no_show_marked()]);
    given(vec![published(), booked(), confirmed()])
        .when(mark_no_show())
        .then_expect_events(vec![no_show_marked()]);
}

#[test]
fn a_visit_that_has_not_begun_is_neither_completed_nor_missed() {
    let (appointment, now) = (id(1), at(8, 59));
    let given = || given(vec![published(), booked()]);
    given()
        .when(CalendarCommand::Complete { appointment, now })
        .then_expect_error(CalendarError::NotYetBegun);
    given()
        .when(CalendarCommand::MarkNoShow { appointment, now })
        .then_expect_error(CalendarError::NotYetBegun);
}

#[test]
fn a_booked_or_confirmed_appointment_can_be_cancelled_with_its_reason_under_the_patients_key() {
    let cancelled = |reason: Option<&str>| CalendarEvent::Cancelled {
        appointment: id(1),
        cancellation: Personal::Known(Cancellation {
            patient: patient(1),
            reason: reason.map(str::to_owned),
        }),
    };
    given(vec![published(), booked()])
        .when(cancel(None))
        .then_expect_events(vec![cancelled(None)]);
    given(vec![published(), booked(), confirmed()])
        .when(cancel(Some("recovered")))
        .then_expect_events(vec![cancelled(Some("recovered"))]);
}

#[test]
fn repeating_a_step_changes_nothing() {
    let repeated = [
        (confirmed(), confirm()),
        (completed(), complete()),
        (no_show_marked(), mark_no_show()),
        (cancelled(), cancel(Some("again"))),
    ];
    for (step, again) in repeated {
        given(vec![published(), booked(), step])
            .when(again)
            .then_expect_events(vec![]);
    }
}

#[test]
fn an_appointment_that_ended_takes_no_other_step() {
    let ends = [
        (completed(), AppointmentStatus::Completed, complete()),
        (no_show_marked(), AppointmentStatus::NoShow, mark_no_show()),
        (cancelled(), AppointmentStatus::Cancelled, cancel(None)),
    ];
    for (end, status, repetition) in ends {
        for step in all_steps().into_iter().filter(|step| *step != repetition) {
            given(vec![published(), booked(), end.clone()])
                .when(step)
                .then_expect_error(CalendarError::WrongStatus { status });
        }
    }
}

#[test]
fn an_unknown_appointment_takes_no_step() {
    for step in all_steps() {
        given(vec![published()])
            .when(step)
            .then_expect_error(CalendarError::UnknownAppointment);
    }
}

#[test]
fn an_appointment_that_left_for_another_day_takes_no_step_here_and_says_where_it_went() {
    for step in all_steps()
        .into_iter()
        .filter(|step| !matches!(step, CalendarCommand::MoveOut { .. }))
    {
        given(vec![published(), booked(), moved_out()])
            .when(step)
            .then_expect_error(CalendarError::Moved { to: tomorrow() });
    }
}

#[test]
fn the_state_says_where_an_appointment_stands() {
    let calendar = folded([published(), booked(), confirmed()]);
    let appointment = calendar.appointment(id(1)).unwrap();
    assert_eq!(appointment.status, AppointmentStatus::Confirmed);
    assert_eq!(calendar.sessions(), [session(8, 12, 30)]);
    assert_eq!(calendar.appointment(id(2)), None);
}
