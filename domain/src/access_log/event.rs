//! What can happen to the log of who has read.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::read::{Read, Reading, gathered};
use crate::kernel::{Personal, PersonalValue};

/// Reads, by what they have in common.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reads(pub(super) Vec<Alike>);

/// Reads that differ in time alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Alike {
    pub(super) reading: Reading,
    /// When, in order: the first, and each by how much later it was.
    #[serde(with = "times")]
    pub(super) at: Vec<DateTime<Utc>>,
}

impl PersonalValue for Reads {}

impl From<Vec<Read>> for Reads {
    fn from(reads: Vec<Read>) -> Self {
        let alike = |(reading, at)| Alike { reading, at };
        Self(gathered(reads).into_iter().map(alike).collect())
    }
}

impl Reads {
    /// How many are told by one event at most.
    pub const MOST: usize = 1_000;

    /// Each read.
    pub fn iter(&self) -> impl Iterator<Item = Read> + '_ {
        self.0.iter().flat_map(|alike| {
            let read = |at: &DateTime<Utc>| Read::new(*at, alike.reading.clone());
            alike.at.iter().map(read)
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.iter().map(|alike| alike.at.len()).sum()
    }
}

/// An event of the log of who has read. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AccessLogEvent {
    /// Something was read.
    ReadsLogged {
        /// By whom and when.
        reads: Personal<Reads>,
    },
}

/// Instants in order: RFC 3339 for people; for the log the milliseconds of the first one, and of each other how much later it was.
mod times {
    use chrono::{DateTime, TimeDelta, Utc};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::kernel::time::Millis;

    pub(super) fn serialize<S: Serializer>(times: &[DateTime<Utc>], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return times.serialize(serializer);
        }
        let first = times.first().map(|first| Millis(*first));
        let steps = times.iter().zip(times.iter().skip(1));
        let later: Vec<u64> = steps
            .map(|(one, next)| next.timestamp_millis().saturating_sub(one.timestamp_millis()))
            .map(|step| u64::try_from(step).unwrap_or_default())
            .collect();
        (first, later).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<DateTime<Utc>>, D::Error> {
        if deserializer.is_human_readable() {
            return Vec::deserialize(deserializer);
        }
        let (first, later) = <(Option<Millis>, Vec<u64>)>::deserialize(deserializer)?;
        let mut times: Vec<DateTime<Utc>> = first.into_iter().map(|Millis(first)| first).collect();
        for step in later {
            let step = i64::try_from(step).ok().and_then(TimeDelta::try_milliseconds);
            let last = times.last().zip(step);
            let next = last.and_then(|(last, step)| last.checked_add_signed(step));
            times.push(next.ok_or_else(|| D::Error::custom("outside the calendar"))?);
        }
        Ok(times)
    }
}
