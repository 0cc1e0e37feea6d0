//! The calendar of one practitioner on one day: it owns the rule that a slot is never booked twice (R15, R16).
//!
//! Which slot is taken, by which appointment, is readable by everyone who may append to the stream. Who comes, and why,
//! is sealed under the patient's key, and no rule here needs it.
//!
//! An appointment that moves to another day leaves one calendar and enters another in one atomic commit of two streams
//! ([`CalendarCommand::MoveOut`] and [`CalendarCommand::MoveIn`]); there is no moment in between.

mod aggregate;
mod command;
mod contradiction;
mod decision;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
mod sessions;
#[cfg(test)]
mod tests;

pub use aggregate::{Appointment, Calendar};
pub use command::CalendarCommand;
pub use contradiction::{contradicts_sharing, moves_are_whole};
pub use error::CalendarError;
pub use event::{AppointmentStatus, Booking, CalendarEvent, Cancellation, Session};
