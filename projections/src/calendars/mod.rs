//! Calendars: what each practitioner's day offers and what of it is taken, and the free slots of all of them together,
//! searchable by time.

mod fold;
pub(crate) mod free_slots;
mod query;
mod rows;

pub(crate) use fold::{CalendarRow, concerns_the_offer, fold};
#[cfg(test)]
pub(crate) use free_slots::free_slot_changes;
pub(crate) use query::{availability, free_slots as search};
pub(crate) use rows::{load, write};
