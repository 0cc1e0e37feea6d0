//! A death, as exactly as it is known.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::kernel::time::last_day_anywhere;

/// A death, as exactly as it is known (FHIR R4 `Patient.deceased[x]`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Deceased {
    /// At this instant.
    At(DateTime<Utc>),
    /// On this day, where the patient was.
    On(#[serde(with = "crate::kernel::time::compact_date")] NaiveDate),
    /// Between two days, both included: of a death in 2019 the first and the last day of that year are known.
    Between {
        /// The first day on which it may have been.
        #[serde(with = "crate::kernel::time::compact_date")]
        first: NaiveDate,
        /// The last one, later than the first.
        #[serde(with = "crate::kernel::time::compact_date")]
        last: NaiveDate,
    },
    /// Nobody knows when.
    Unknown,
}

impl Deceased {
    /// The first day on which it may have been, wherever that was. `None` when nobody knows.
    pub fn first_day(self) -> Option<NaiveDate> {
        match self {
            Self::At(at) => at.checked_sub_signed(FURTHEST_WEST).map(|local| local.date_naive()),
            Self::On(first) | Self::Between { first, .. } => Some(first),
            Self::Unknown => None,
        }
    }

    /// The last day on which it may have been, wherever that was. `None` when nobody knows.
    pub fn last_day(self) -> Option<NaiveDate> {
        match self {
            Self::At(at) => Some(last_day_anywhere(at)),
            Self::On(last) | Self::Between { last, .. } => Some(last),
            Self::Unknown => None,
        }
    }
}

/// How far behind UTC a clock can be: Baker Island.
const FURTHEST_WEST: Duration = Duration::hours(12);
