//! Calendars: what each practitioner's day offers and what of it is taken, and the free slots of all of them together,
//! searchable by time.

mod fold;
pub(crate) mod free_runs;
mod offer;
mod query;
mod rows;
mod run;

pub(crate) use offer::concerns_the_offer;
pub(crate) use query::{availability, free_slots};
pub(crate) use rows::{CalendarRow, FreeRunRow};
#[cfg(test)]
pub(crate) use run::Run;
