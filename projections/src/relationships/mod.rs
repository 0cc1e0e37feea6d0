//! Who treats whom, since when, how often: what the appointments that are not cancelled say.

mod fold;
mod query;
mod rows;
mod write;

pub(crate) use fold::{Changes, changes};
pub(crate) use query::{of_patient, of_practitioner};
pub(crate) use rows::RelationshipRow;
pub(crate) use write::{derive, update};
