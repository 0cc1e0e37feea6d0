//! Calendars: what each practitioner's day offers and what of it is taken, and the free slots of all of them together,
//! searchable by time.

mod fold;
mod query;
mod rows;

pub(crate) use fold::{CalendarRow, concerns_the_offer, fold};
pub(crate) use query::{availability, free_slots};
#[cfg(test)]
pub(crate) use rows::free_slot_changes;
pub(crate) use rows::{load, write};
