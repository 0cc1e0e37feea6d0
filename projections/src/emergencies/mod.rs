//! In which emergencies practitioners have opened records, of patients whose key is held here.

mod query;
mod rows;

pub(crate) use query::{list, one, open_to, overdue, overseen};
pub(crate) use rows::EmergencyRow;
