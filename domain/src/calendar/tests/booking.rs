//! Which slots may be booked.

use chrono::TimeDelta;

use super::*;
use crate::calendar::CalendarError;

fn offering(sessions: Vec<Session>) -> CalendarEvent {
    CalendarEvent::AvailabilityPublished { sessions }
}

#[test]
fn a_free_slot_that_is_offered_can_be_booked() {
    given(vec![published()])
        .when(book(id(1), slot(9, 0)))
        .then_expect_events(vec![booked()]);
}

#[test]
fn a_slot_can_be_booked_until_it_begins() {
    let book = |now| CalendarCommand::Book {
        appointment: id(1),
        slot: slot(9, 0),
        booking: booking(),
        now,
    };
    given(vec![published()])
        .when(book(at(9, 0)))
        .then_expect_events(vec![booked()]);
    given(vec![published()])
        .when(book(at(9, 0) + TimeDelta::milliseconds(1)))
        .then_expect_error(CalendarError::InThePast);
}

#[test]
fn a_slot_that_is_not_offered_is_refused() {
    let odd = Slot {
        start: at(9, 0),
        minutes: 20,
    };
    for slot in [slot(12, 0), slot(7, 30), slot(9, 15), odd] {
        given(vec![published()])
            .when(book(id(1), slot))
            .then_expect_error(CalendarError::NotOffered);
    }
    given(vec![])
        .when(book(id(1), slot(9, 0)))
        .then_expect_error(CalendarError::NotOffered);
}

#[test]
fn a_slot_that_is_taken_is_refused() {
    given(vec![published(), booked()])
        .when(book(id(2), slot(9, 0)))
        .then_expect_error(CalendarError::SlotTaken);
    given(vec![published(), booked(), confirmed()])
        .when(book(id(2), slot(9, 0)))
        .then_expect_error(CalendarError::SlotTaken);
}

#[test]
fn the_slots_beside_one_that_is_taken_are_free() {
    for slot in [slot(8, 30), slot(9, 30)] {
        let booking = Personal::Known(booking());
        given(vec![published(), booked()])
            .when(book(id(2), slot))
            .then_expect_events(vec![CalendarEvent::Booked {
                appointment: id(2),
                slot,
                booking,
            }]);
    }
}

#[test]
fn a_part_of_a_taken_slot_is_not_free_on_another_grid() {
    let other_grid = offering(vec![session(8, 12, 20)]);
    let twenty = |hour, minute| Slot {
        start: at(hour, minute),
        minutes: 20,
    };
    let given = || given(vec![published(), booked(), other_grid.clone()]);
    given()
        .when(book(id(2), twenty(9, 0)))
        .then_expect_error(CalendarError::SlotTaken);
    given()
        .when(book(id(2), twenty(9, 20)))
        .then_expect_error(CalendarError::SlotTaken);
    assert_eq!(
        given().when(book(id(2), twenty(9, 40))).inspect_result().unwrap().len(),
        1
    );
    let calendar = folded([published(), booked(), other_grid.clone()]);
    let free: Vec<Slot> = calendar.free_slots().collect();
    assert_eq!(free.len(), 12 - 2);
    assert!(!free.contains(&twenty(9, 0)) && !free.contains(&twenty(9, 20)));
}

#[test]
fn an_appointment_stands_when_its_slot_is_no_longer_offered() {
    let calendar = folded([published(), booked(), offering(vec![])]);
    assert_eq!(calendar.appointment(id(1)).unwrap().slot, slot(9, 0));
    assert_eq!(calendar.free_slots().count(), 0);
}

#[test]
fn a_cancelled_slot_can_be_booked_again() {
    let events = given(vec![published(), booked(), cancelled()])
        .when(book(id(2), slot(9, 0)))
        .inspect_result();
    assert_eq!(events.unwrap().len(), 1);
}

#[test]
fn a_slot_whose_appointment_left_for_another_day_can_be_booked_again() {
    let events = given(vec![published(), booked(), moved_out()])
        .when(book(id(2), slot(9, 0)))
        .inspect_result();
    assert_eq!(events.unwrap().len(), 1);
}

#[test]
fn a_visit_that_took_place_or_should_have_keeps_its_slot() {
    for end in [completed(), no_show_marked()] {
        given(vec![published(), booked(), end])
            .when(book(id(2), slot(9, 0)))
            .then_expect_error(CalendarError::SlotTaken);
    }
}

#[test]
fn booking_the_same_again_changes_nothing_whatever_became_of_it() {
    for since in [vec![], vec![confirmed()], vec![cancelled()], vec![completed()]] {
        given([vec![published(), booked()], since].concat())
            .when(book(id(1), slot(9, 0)))
            .then_expect_events(vec![]);
    }
}

#[test]
fn booking_the_same_again_changes_nothing_even_when_the_time_has_passed() {
    let again = CalendarCommand::Book {
        appointment: id(1),
        slot: slot(9, 0),
        booking: booking(),
        now: at(15, 0),
    };
    given(vec![published(), booked()])
        .when(again)
        .then_expect_events(vec![]);
}

#[test]
fn booking_again_with_other_content_is_refused() {
    let error = CalendarError::AlreadyExists(id(1));
    given(vec![published(), booked()])
        .when(book(id(1), slot(10, 0)))
        .then_expect_error(error);
    let other = Booking {
        patient: patient(2),
        reason: None,
    };
    let command = CalendarCommand::Book {
        appointment: id(1),
        slot: slot(9, 0),
        booking: other,
        now: the_day_before(),
    };
    given(vec![published(), booked()])
        .when(command)
        .then_expect_error(error);
}

#[test]
fn an_appointment_that_left_for_another_day_cannot_be_booked_again_here() {
    given(vec![published(), booked(), moved_out()])
        .when(book(id(1), slot(9, 0)))
        .then_expect_error(CalendarError::Moved { to: tomorrow() });
}

#[test]
fn fractions_of_a_second_are_dropped_from_a_slot() {
    let Slot { start, minutes } = slot(9, 0);
    given(vec![published()])
        .when(book(
            id(1),
            Slot {
                start: start + TimeDelta::milliseconds(1),
                minutes,
            },
        ))
        .then_expect_events(vec![booked()]);
}

#[test]
fn free_slots_are_those_offered_without_those_taken() {
    let free: Vec<Slot> = folded([published(), booked()]).free_slots().collect();
    let expected = [
        slot(8, 0),
        slot(8, 30),
        slot(9, 30),
        slot(10, 0),
        slot(10, 30),
        slot(11, 0),
        slot(11, 30),
    ];
    assert_eq!(free, expected);
}
