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

impl Abated {
    /// The day, if it is known.
    pub const fn day(self) -> Option<NaiveDate> {
        match self {
            Self::On(day) => Some(day),
            Self::Unknown => None,
        }
    }
}
