//! The end of a condition, as exactly as it is known.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The end of a condition, as exactly as it is known (FHIR R4 `Condition.abatement[x]`, or a clinical status that says that it is over).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Abated {
    /// On this day.
    On(#[serde(with = "crate::kernel::time::compact_date")] NaiveDate),
    /// It is over, and nobody knows since when.
    Unknown,
}
