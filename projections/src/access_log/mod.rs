//! Who has read what is known of patients, of those whose key is held here.

mod query;
mod rows;

pub(crate) use query::{at, examined, of_patient};
pub(crate) use rows::{ReadRow, fold};
