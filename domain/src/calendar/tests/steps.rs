//! The steps of an appointment on its day: confirm, complete, no-show, cancel, and the versions they insist on.

use super::*;
use crate::calendar::{AppointmentStatus, CalendarError, Cancellation};

fn confirm(expected_version: Option<u64>) -> CalendarCommand {
    CalendarCommand::Confirm {
        appointment: id(1),
        expected_version,
    }
}

fn complete() -> CalendarCommand {
    CalendarCommand::Complete {
        appointment: id(1),
        now: at(9, 0),
        expected_version: None,
    }
}

fn mark_no_show() -> CalendarCommand {
    CalendarCommand::MarkNoShow {
        appointment: id(1),
        now: at(9, 0),
        expected_version: None,
    }
}

fn cancel(reason: Option<&str>) -> CalendarCommand {
    CalendarCommand::Cancel {
        appointment: id(1),
        reason: reason.map(str::to_owned),
        expected_version: None,
    }
}

/// Every step, with no version insisted on.
fn all_steps() -> [CalendarCommand; 6] {
    let (appointment, now, expected_version) = (id(1), at(9, 0), None);
    [
        confirm(None),
        complete(),
        mark_no_show(),
        cancel(None),
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
    ]
}

#[test]
fn a_booked_appointment_can_be_confirmed() {
    given(vec![published(), booked()])
        .when(confirm(None))
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
    let (appointment, now, expected_version) = (id(1), at(8, 59), None);
    let given = || given(vec![published(), booked()]);
    given()
        .when(CalendarCommand::Complete {
            appointment,
            now,
            expected_version,
        })
        .then_expect_error(CalendarError::NotYetBegun);
    given()
        .when(CalendarCommand::MarkNoShow {
            appointment,
            now,
            expected_version,
        })
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
        (confirmed(), confirm(None)),
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
fn a_step_may_insist_on_the_version_at_which_the_appointment_last_changed() {
    let neighbour = CalendarEvent::Booked {
        appointment: id(2),
        slot: slot(10, 0),
        booking: Personal::Known(booking()),
    };
    given(vec![published(), booked(), neighbour])
        .when(confirm(Some(2)))
        .then_expect_events(vec![confirmed()]);
}

#[test]
fn a_step_that_insists_on_another_version_is_refused() {
    let (appointment, now, expected_version) = (id(1), at(9, 0), Some(2));
    let steps = [
        confirm(expected_version),
        CalendarCommand::Complete {
            appointment,
            now,
            expected_version,
        },
        CalendarCommand::MarkNoShow {
            appointment,
            now,
            expected_version,
        },
        CalendarCommand::Cancel {
            appointment,
            reason: None,
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
        given(vec![published(), booked(), confirmed()])
            .when(step)
            .then_expect_error(CalendarError::VersionMismatch {
                expected: 2,
                current: 3,
            });
    }
}

#[test]
fn the_state_says_where_an_appointment_stands() {
    let calendar = folded([published(), booked(), confirmed()]);
    let appointment = calendar.appointment(id(1)).unwrap();
    assert_eq!(appointment.status, AppointmentStatus::Confirmed);
    assert_eq!((appointment.changed_at_version, calendar.version()), (3, 3));
    assert_eq!(calendar.sessions(), [session(8, 12, 30)]);
    assert_eq!(calendar.appointment(id(2)), None);
}
