//! What patients have prepared to grant, of those whose key is held here. Whether it was given stands in what the registry has recorded (`registries`).

mod query;
mod rows;

pub(crate) use query::{of_patient, one, to};
pub(crate) use rows::{PreparedRow, fold};
