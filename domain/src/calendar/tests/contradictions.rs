//! What no day decides.

use super::*;
use crate::kernel::Contradiction;

fn booked_as(number: u128, slot: Slot) -> CalendarEvent {
    CalendarEvent::Booked {
        appointment: id(number),
        slot,
        booking: Personal::Known(booking()),
    }
}

fn moved_in(number: u128, slot: Slot) -> CalendarEvent {
    CalendarEvent::MovedIn {
        appointment: id(number),
        slot,
        from: tomorrow(),
        booking: Personal::Sealed,
    }
}

fn rescheduled(number: u128, slot: Slot) -> CalendarEvent {
    CalendarEvent::Rescheduled {
        appointment: id(number),
        slot,
        patient: Personal::Sealed,
    }
}

fn offered(sessions: Vec<Session>) -> CalendarEvent {
    CalendarEvent::AvailabilityPublished { sessions }
}

#[test]
fn what_no_day_decides_contradicts_it() {
    let contradiction = testing::contradiction::<Calendar>;
    let (first, second) = (slot(9, 0), slot(9, 30));
    let day = |more: Vec<CalendarEvent>| [vec![published(), booked_as(1, first)], more].concat();
    let (taken, gone) = (Some(Contradiction::SlotTaken), Some(Contradiction::NotThere));
    let wrong = Some(Contradiction::WrongStatus);
    let mut cases = vec![
        (vec![published()], booked_as(1, first), None),
        (day(vec![]), booked_as(2, second), None),
        (day(vec![]), booked_as(2, first), taken),
        (day(vec![]), moved_in(2, first), taken),
        (day(vec![]), booked_as(1, second), Some(Contradiction::Twice)),
        (day(vec![]), moved_in(1, second), Some(Contradiction::Twice)),
        (vec![], booked_as(1, first), Some(Contradiction::SlotNotOffered)),
        (
            day(vec![]),
            moved_in(2, slot(20, 0)),
            Some(Contradiction::SlotNotOffered),
        ),
        (
            day(vec![moved_out()]),
            booked_as(1, first),
            Some(Contradiction::AfterTheEnd),
        ),
        (day(vec![moved_out()]), moved_in(1, first), None),
        (day(vec![cancelled()]), booked_as(2, first), None),
        (day(vec![]), confirmed(), None),
        (day(vec![confirmed()]), confirmed(), wrong),
        (day(vec![]), rescheduled(1, second), None),
        (day(vec![]), rescheduled(1, first), Some(Contradiction::ChangesNothing)),
        (day(vec![booked_as(2, second)]), rescheduled(1, second), taken),
        (day(vec![cancelled()]), rescheduled(1, second), wrong),
        (vec![], published(), None),
        (vec![published()], published(), Some(Contradiction::ChangesNothing)),
        (
            vec![],
            offered(vec![session(9, 11, 30), session(10, 12, 30)]),
            Some(Contradiction::SessionsNotInOrder),
        ),
        (
            vec![],
            offered(vec![session(10, 12, 30), session(9, 10, 30)]),
            Some(Contradiction::SessionsNotInOrder),
        ),
    ];
    for step in [cancelled(), completed(), no_show_marked(), moved_out(), confirmed()] {
        cases.push((vec![published()], step, gone));
    }
    for end in [cancelled(), completed(), no_show_marked()] {
        for step in [cancelled(), completed(), no_show_marked(), moved_out(), confirmed()] {
            cases.push((day(vec![end.clone()]), step, wrong));
        }
    }
    for (given, event, expected) in cases {
        assert_eq!(contradiction(given.clone(), &event), expected, "{given:?} {event:?}");
    }
}
