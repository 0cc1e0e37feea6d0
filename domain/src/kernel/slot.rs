//! A stretch of time.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::time::whole_seconds;

/// A stretch of time: from `start`, for whole minutes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Slot {
    /// The first instant, on a whole second.
    #[serde(with = "super::time::compact_seconds")]
    pub start: DateTime<Utc>,
    /// Length in minutes, at least 1.
    pub minutes: u32,
}

impl Slot {
    /// How many minutes a slot has at most: a day.
    pub const MOST_MINUTES: u32 = 24 * 60;

    /// The first instant after the slot. Saturates at the end of the calendar.
    pub fn end(&self) -> DateTime<Utc> {
        self.start
            .checked_add_signed(chrono::Duration::minutes(i64::from(self.minutes)))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The slot as the log keeps it: a fraction of a second in its start is dropped.
    pub fn on_whole_seconds(self) -> Self {
        Self {
            start: whole_seconds(self.start),
            ..self
        }
    }

    /// Whether two slots share an instant. Slots that only touch do not.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end() && other.start < self.end()
    }
}
