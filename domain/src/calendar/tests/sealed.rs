//! What a day still decides when a patient's key is destroyed or was never here.

use super::*;
use crate::calendar::CalendarError;

/// Appointment 1 at 9, for somebody.
fn booked_by_somebody() -> CalendarEvent {
    CalendarEvent::Booked {
        appointment: id(1),
        slot: slot(9, 0),
        booking: Personal::Sealed,
    }
}

#[test]
fn the_slot_of_a_sealed_appointment_is_taken() {
    given(vec![published(), booked_by_somebody()])
        .when(book(id(2), slot(9, 0)))
        .then_expect_error(CalendarError::SlotTaken);
}

#[test]
fn a_sealed_appointment_takes_every_step_of_its_day() {
    let appointment = id(1);
    let steps = [
        (CalendarCommand::Confirm { appointment }, confirmed()),
        (
            CalendarCommand::Complete {
                appointment,
                now: at(9, 0),
            },
            completed(),
        ),
        (
            CalendarCommand::MarkNoShow {
                appointment,
                now: at(9, 0),
            },
            no_show_marked(),
        ),
        (
            CalendarCommand::Reschedule {
                appointment,
                slot: slot(10, 0),
                now: the_day_before(),
            },
            CalendarEvent::Rescheduled {
                appointment,
                slot: slot(10, 0),
                patient: Personal::Sealed,
            },
        ),
    ];
    for (step, event) in steps {
        given(vec![published(), booked_by_somebody()])
            .when(step)
            .then_expect_events(vec![event]);
    }
}

#[test]
fn a_sealed_appointment_is_cancelled_without_keeping_the_reason() {
    let cancel = CalendarCommand::Cancel {
        appointment: id(1),
        reason: Some("moved away".to_owned()),
    };
    given(vec![published(), booked_by_somebody()])
        .when(cancel)
        .then_expect_events(vec![cancelled()]);
}

#[test]
fn a_sealed_appointment_cannot_be_carried_to_another_day() {
    let now = the_day_before();
    let command = CalendarCommand::MoveOut {
        appointment: id(1),
        to: tomorrow(),
        now,
    };
    given(vec![published(), booked_by_somebody()])
        .when(command)
        .then_expect_error(CalendarError::Sealed);
}

#[test]
fn a_booking_made_again_cannot_be_compared_with_a_sealed_one() {
    given(vec![published(), booked_by_somebody()])
        .when(book(id(1), slot(9, 0)))
        .then_expect_error(CalendarError::Sealed);
}

#[test]
fn a_snapshot_holds_nothing_personal() {
    let calendar = folded([published(), booked(), moved_out(), booked()]);
    let snapshot = serde_json::to_string(&calendar).unwrap();
    assert!(
        !snapshot.contains("headache") && !snapshot.contains(&patient(1).to_string()),
        "{snapshot}"
    );
    let read: Calendar = serde_json::from_str(&snapshot).unwrap();
    assert_eq!(
        read,
        folded([published(), booked_by_somebody(), moved_out(), booked_by_somebody()])
    );
}
