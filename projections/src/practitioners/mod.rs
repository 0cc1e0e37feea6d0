//! Practitioners: the current entry of each, and what finds them by specialization.

mod query;
mod rows;

pub(crate) use query::{known_as, list, of_specialization, one};
pub(crate) use rows::PractitionerRow;
