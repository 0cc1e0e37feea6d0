//! Appointments: where each stands, on whichever day it is now.

mod counted;
mod fold;
mod names;
mod query;
mod rows;

#[cfg(test)]
pub(crate) use fold::status_of;
pub(crate) use fold::{Told, fold};
pub(crate) use names::{NamesColumn, find as encounters_named};
pub(crate) use query::{last_version_sql, list, one, open};
pub(crate) use rows::AppointmentRow;
