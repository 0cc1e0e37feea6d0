//! What can be asked of a practitioner's day. Times and facts come with the command.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::event::{Booking, Session};
use crate::kernel::{AppointmentId, Slot};

/// A command to a calendar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CalendarCommand {
    /// Publish what the day offers.
    PublishAvailability {
        /// The day this calendar is of.
        day: NaiveDate,
        /// The calendar's time zone.
        time_zone: Tz,
        /// The sessions; all within the day.
        sessions: Vec<Session>,
        /// The time of the command.
        now: DateTime<Utc>,
    },
    /// Book an offered, free, future slot.
    Book {
        /// The new appointment.
        appointment: AppointmentId,
        /// The slot.
        slot: Slot,
        /// Who and why.
        booking: Booking,
        /// The time of the command.
        now: DateTime<Utc>,
    },
    /// Confirm a booked appointment.
    Confirm {
        /// The appointment.
        appointment: AppointmentId,
    },
    /// Move to another offered, free, future slot of this day. The appointment is booked again, not confirmed.
    Reschedule {
        /// The appointment.
        appointment: AppointmentId,
        /// The new slot.
        slot: Slot,
        /// The time of the command.
        now: DateTime<Utc>,
    },
    /// Release an appointment to another day.
    MoveOut {
        /// The appointment.
        appointment: AppointmentId,
        /// Where it goes.
        to: NaiveDate,
        /// The time of the command.
        now: DateTime<Utc>,
    },
    /// Take in an appointment from another day, into an offered, free, future slot.
    MoveIn {
        /// The appointment.
        appointment: AppointmentId,
        /// The slot here.
        slot: Slot,
        /// Where it comes from.
        from: NaiveDate,
        /// Who and why, from the calendar it leaves.
        booking: Booking,
        /// The time of the command.
        now: DateTime<Utc>,
    },
    /// Cancel a booked or confirmed appointment.
    Cancel {
        /// The appointment.
        appointment: AppointmentId,
        /// Why, if given.
        reason: Option<String>,
    },
    /// The visit took place. Only once it began.
    Complete {
        /// The appointment.
        appointment: AppointmentId,
        /// The time of the command.
        now: DateTime<Utc>,
    },
    /// The patient did not come. Only once the visit should have begun.
    MarkNoShow {
        /// The appointment.
        appointment: AppointmentId,
        /// The time of the command.
        now: DateTime<Utc>,
    },
}
