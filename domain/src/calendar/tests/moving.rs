//! Moving an appointment, within the day and to another.

use super::*;
use crate::calendar::{AppointmentStatus, CalendarError};
use crate::kernel::{CalendarId, ClinicEvent, PractitionerId};

fn reschedule_at(now: DateTime<Utc>, slot: Slot) -> CalendarCommand {
    CalendarCommand::Reschedule {
        appointment: id(1),
        slot,
        now,
    }
}

fn reschedule(slot: Slot) -> CalendarCommand {
    reschedule_at(the_day_before(), slot)
}

fn move_out(to: NaiveDate, now: DateTime<Utc>) -> CalendarCommand {
    CalendarCommand::MoveOut {
        appointment: id(1),
        to,
        now,
    }
}

fn move_in(slot: Slot) -> CalendarCommand {
    CalendarCommand::MoveIn {
        appointment: id(1),
        slot,
        from: tomorrow(),
        booking: booking(),
        now: the_day_before(),
    }
}

fn rescheduled(slot: Slot) -> CalendarEvent {
    CalendarEvent::Rescheduled {
        appointment: id(1),
        slot,
        patient: Personal::Known(booking().patient),
    }
}

fn moved_in(slot: Slot) -> CalendarEvent {
    CalendarEvent::MovedIn {
        appointment: id(1),
        slot,
        from: tomorrow(),
        booking: Personal::Known(booking()),
    }
}

#[test]
fn an_appointment_moves_to_a_free_slot_of_the_day() {
    given(vec![published(), booked()])
        .when(reschedule(slot(10, 0)))
        .then_expect_events(vec![rescheduled(slot(10, 0))]);
}

#[test]
fn an_appointment_that_moved_is_booked_not_confirmed_and_leaves_its_old_slot() {
    let calendar = folded([published(), booked(), confirmed(), rescheduled(slot(10, 0))]);
    let appointment = calendar.appointment(id(1)).unwrap();
    assert_eq!(appointment.status, AppointmentStatus::Booked);
    assert_eq!(appointment.slot, slot(10, 0));
    let free: Vec<Slot> = calendar.free_slots().collect();
    assert!(free.contains(&slot(9, 0)) && !free.contains(&slot(10, 0)));
}

#[test]
fn moving_to_the_slot_it_has_changes_nothing_and_it_stays_confirmed() {
    given(vec![published(), booked(), confirmed()])
        .when(reschedule(slot(9, 0)))
        .then_expect_events(vec![]);
}

#[test]
fn an_appointment_does_not_stand_in_its_own_way() {
    let other_grid = CalendarEvent::AvailabilityPublished {
        sessions: vec![session(8, 12, 20)],
    };
    let overlapping = Slot {
        start: at(9, 20),
        minutes: 20,
    };
    given(vec![published(), booked(), other_grid])
        .when(reschedule(overlapping))
        .then_expect_events(vec![rescheduled(overlapping)]);
}

#[test]
fn an_appointment_does_not_move_to_a_slot_that_is_taken_past_or_not_offered() {
    let other = CalendarEvent::Booked {
        appointment: id(2),
        slot: slot(10, 0),
        booking: Personal::Known(booking()),
    };
    let given = || given(vec![published(), booked(), other.clone()]);
    given()
        .when(reschedule(slot(10, 0)))
        .then_expect_error(CalendarError::SlotTaken);
    given()
        .when(reschedule(slot(8, 15)))
        .then_expect_error(CalendarError::NotOffered);
    given()
        .when(reschedule_at(at(8, 30), slot(8, 0)))
        .then_expect_error(CalendarError::InThePast);
}

#[test]
fn an_appointment_whose_time_has_come_is_not_moved_any_more() {
    let given = || given(vec![published(), booked()]);
    given()
        .when(reschedule_at(at(9, 1), slot(10, 0)))
        .then_expect_error(CalendarError::InThePast);
    given()
        .when(move_out(tomorrow(), at(9, 1)))
        .then_expect_error(CalendarError::InThePast);
}

#[test]
fn a_booked_or_confirmed_appointment_leaves_for_another_day() {
    given(vec![published(), booked()])
        .when(move_out(tomorrow(), the_day_before()))
        .then_expect_events(vec![moved_out()]);
    given(vec![published(), booked(), confirmed()])
        .when(move_out(tomorrow(), the_day_before()))
        .then_expect_events(vec![moved_out()]);
}

#[test]
fn an_appointment_that_left_is_gone_and_its_slot_is_free() {
    let calendar = folded([published(), booked(), moved_out()]);
    assert_eq!(calendar.appointment(id(1)), None);
    assert_eq!(calendar.moved_to(id(1)), Some(tomorrow()));
    assert!(calendar.free_slots().any(|free| free == slot(9, 0)));
}

#[test]
fn leaving_again_for_the_same_day_changes_nothing() {
    given(vec![published(), booked(), moved_out()])
        .when(move_out(tomorrow(), the_day_before()))
        .then_expect_events(vec![]);
}

#[test]
fn an_appointment_that_left_cannot_leave_for_a_third_day() {
    given(vec![published(), booked(), moved_out()])
        .when(move_out(date(2026, 3, 4), the_day_before()))
        .then_expect_error(CalendarError::Moved { to: tomorrow() });
}

#[test]
fn an_appointment_comes_in_from_another_day() {
    given(vec![published()])
        .when(move_in(slot(9, 0)))
        .then_expect_events(vec![moved_in(slot(9, 0))]);
}

#[test]
fn an_appointment_that_comes_in_needs_an_offered_free_future_slot() {
    let other = CalendarEvent::Booked {
        appointment: id(2),
        slot: slot(9, 0),
        booking: Personal::Known(booking()),
    };
    let given = || given(vec![published(), other.clone()]);
    given()
        .when(move_in(slot(9, 0)))
        .then_expect_error(CalendarError::SlotTaken);
    given()
        .when(move_in(slot(12, 0)))
        .then_expect_error(CalendarError::NotOffered);
    let late = CalendarCommand::MoveIn {
        appointment: id(1),
        slot: slot(10, 0),
        from: tomorrow(),
        booking: booking(),
        now: at(11, 0),
    };
    given().when(late).then_expect_error(CalendarError::InThePast);
}

#[test]
fn an_appointment_that_left_can_come_back() {
    let history = vec![published(), booked(), moved_out()];
    given(history.clone())
        .when(move_in(slot(10, 0)))
        .then_expect_events(vec![moved_in(slot(10, 0))]);
    let calendar = folded([history, vec![moved_in(slot(10, 0))]].concat());
    assert_eq!(calendar.moved_to(id(1)), None);
    assert_eq!(calendar.appointment(id(1)).unwrap().slot, slot(10, 0));
}

#[test]
fn coming_in_again_changes_nothing() {
    given(vec![published(), moved_in(slot(9, 0))])
        .when(move_in(slot(9, 0)))
        .then_expect_events(vec![]);
}

#[test]
fn an_appointment_that_is_here_does_not_come_in_with_other_content() {
    given(vec![published(), moved_in(slot(9, 0))])
        .when(move_in(slot(10, 0)))
        .then_expect_error(CalendarError::AlreadyExists(id(1)));
}

#[test]
fn who_moves_an_appointment_is_kept_under_the_patients_key() {
    let calendar = CalendarId::of(PractitionerId::new(Uuid::nil()), tomorrow());
    for event in [rescheduled(slot(10, 0)), moved_out()] {
        assert_eq!(event.subject(&calendar.into()), Some(booking().patient.into()));
        assert!(event.encode().unwrap().personal.is_some());
    }
}
