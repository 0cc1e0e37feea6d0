//! Patients: the current record of each whose key is held here.

mod fold;
pub(crate) mod names;
mod query;
mod rows;

pub(crate) use query::{known_as, list, one};
pub(crate) use rows::{NameRow, PatientRow};
