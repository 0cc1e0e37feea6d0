//! Which of several states of one resource is the newest.

use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::time::whole_millis;

/// When a state was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) enum When {
    /// Nobody knows: before every state of which it is known.
    #[default]
    Unknown,
    /// Then, to the millisecond.
    At(DateTime<Utc>),
    /// It is told now, without a date.
    Now,
}

impl When {
    /// The date, if there is one.
    pub(crate) const fn date(self) -> Option<DateTime<Utc>> {
        match self {
            Self::At(at) => Some(at),
            Self::Unknown | Self::Now => None,
        }
    }
}

/// When a state was, as far as its source says, and where it stands. The greatest is the newest: by its date, then by `meta.versionId`
/// where that is a number, then by its place. What of a patient's chart has no date is as of now, as it is in a run of its own; who a
/// person is counts less without a date.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Stamp {
    /// `meta.lastUpdated`, or when the server stored it, or, of a finding, when its bundle was put together.
    pub(crate) updated: When,
    /// `meta.versionId`.
    pub(crate) version: Option<u64>,
    /// The file, in the order in which they are imported, and the place in it.
    pub(crate) place: (u32, u32),
}

/// By how much a source's clock may be ahead of ours.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(10);

/// When a source says that a state was. Nothing was in the future: who says so does not know.
pub(super) fn told(at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let latest = now.checked_add_signed(CLOCKS_DIFFER);
    latest.is_none_or(|latest| at <= latest).then(|| whole_millis(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(updated: Option<i64>, version: Option<u64>, place: u32) -> Stamp {
        let updated = updated.and_then(|at| DateTime::from_timestamp(at, 0));
        let updated = updated.map_or(When::Unknown, When::At);
        Stamp {
            updated,
            version,
            place: (0, place),
        }
    }

    #[test]
    fn what_is_to_come_is_no_date() {
        let now: DateTime<Utc> = "2026-01-01T12:00:00Z".parse().unwrap();
        let a_minute = TimeDelta::minutes(1);
        assert_eq!(told(now + a_minute, now), Some(now + a_minute));
        assert_eq!(told(now + TimeDelta::hours(1), now), None);
    }

    #[test]
    fn the_date_decides_then_the_version_then_the_place() {
        let order = [
            stamp(None, None, 8),
            stamp(None, None, 9),
            stamp(None, Some(1), 7),
            stamp(Some(1), Some(9), 6),
            stamp(Some(2), None, 5),
            stamp(Some(2), Some(9), 4),
            stamp(Some(2), Some(10), 2),
            stamp(Some(2), Some(10), 3),
            Stamp {
                updated: When::Now,
                ..Stamp::default()
            },
        ];
        assert!(order.is_sorted());
    }
}
