//! Appointments: where each stands, on whichever day it is now.

mod fold;
mod query;
mod rows;
mod status;

pub(crate) use fold::{AppointmentRow, appointment_of, fold};
pub(crate) use query::{last_version_sql, list, one, open};
pub(crate) use rows::{load, write};
