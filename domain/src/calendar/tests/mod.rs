//! Given-when-then, by topic. The day is Monday 2 March 2026 in Berlin, an hour ahead of UTC; the commands come on the
//! day before, unless they say otherwise.

mod availability;
mod booking;
mod contradictions;
mod moving;
mod properties;
mod sealed;
mod steps;

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use cqrs_es::test::AggregateTestExecutor;
use uuid::Uuid;

use super::{Booking, Calendar, CalendarCommand, CalendarEvent, Session};
use crate::kernel::{AppointmentId, Concept, PatientId, Personal, Slot, Versioned, testing};

const BERLIN: Tz = chrono_tz::Europe::Berlin;

fn given(events: Vec<CalendarEvent>) -> AggregateTestExecutor<Versioned<Calendar>> {
    testing::given(events)
}

fn day() -> NaiveDate {
    date(2026, 3, 2)
}

fn tomorrow() -> NaiveDate {
    date(2026, 3, 3)
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// A time of the day, in UTC.
fn at(hour: u32, minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, hour, minute, 0).unwrap()
}

fn the_day_before() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

fn id(number: u128) -> AppointmentId {
    AppointmentId::new(Uuid::from_u128(number))
}

fn patient(number: u128) -> PatientId {
    PatientId::new(Uuid::from_u128(1000 + number))
}

fn booking() -> Booking {
    Booking {
        patient: patient(1),
        reason: Some(Concept {
            coding: None,
            text: "headache".to_owned(),
        }),
    }
}

/// Half an hour.
fn slot(hour: u32, minute: u32) -> Slot {
    Slot {
        start: at(hour, minute),
        minutes: 30,
    }
}

fn session(from: u32, to: u32, slot_minutes: u32) -> Session {
    Session {
        start: at(from, 0),
        end: at(to, 0),
        slot_minutes,
    }
}

/// Half hours from 8 to 12.
fn published() -> CalendarEvent {
    CalendarEvent::AvailabilityPublished {
        sessions: vec![session(8, 12, 30)],
    }
}

/// Appointment 1 at 9.
fn booked() -> CalendarEvent {
    CalendarEvent::Booked {
        appointment: id(1),
        slot: slot(9, 0),
        booking: Personal::Known(booking()),
    }
}

fn confirmed() -> CalendarEvent {
    CalendarEvent::Confirmed { appointment: id(1) }
}

fn cancelled() -> CalendarEvent {
    CalendarEvent::Cancelled {
        appointment: id(1),
        cancellation: Personal::Sealed,
    }
}

fn completed() -> CalendarEvent {
    CalendarEvent::Completed { appointment: id(1) }
}

fn no_show_marked() -> CalendarEvent {
    CalendarEvent::NoShowMarked { appointment: id(1) }
}

fn moved_out() -> CalendarEvent {
    CalendarEvent::MovedOut {
        appointment: id(1),
        to: tomorrow(),
        patient: Personal::Known(booking().patient),
    }
}

fn book(appointment: AppointmentId, slot: Slot) -> CalendarCommand {
    CalendarCommand::Book {
        appointment,
        slot,
        booking: booking(),
        now: the_day_before(),
    }
}

fn folded(events: impl IntoIterator<Item = CalendarEvent>) -> Calendar {
    testing::folded(events)
}
