//! What of a commit costs gas.

use crate::chain::codec::{EncodeError, encoded_len};
use crate::log::Commit;

/// Selector, offset and length before a batch, and what fills its last word.
const CALL: u64 = 100;

/// What a part of a commit of several costs besides: it is read twice.
const ANOTHER_READING: u64 = 400;

/// What an event in such a part costs besides.
const ANOTHER_EVENT: u64 = 100;

/// What it costs to see that two parts are for two streams.
const COMPARISON: u64 = 60;

/// What one commit adds to a batch, or what a batch comes to: counted, not priced, so that it stays true when prices change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    /// Bytes of the batch.
    pub bytes: usize,
    /// Parts for streams that have no event yet.
    pub new_streams: u64,
    /// Parts for streams that have events.
    pub known_streams: u64,
    /// Events.
    pub events: u64,
    /// Gas for what no price stands for: memory, which only large payloads feel, and what commits of several parts take.
    pub work: u64,
}

impl Size {
    /// What a commit takes.
    ///
    /// # Errors
    /// When the commit cannot be encoded at all.
    pub fn of(commit: &Commit) -> Result<Self, EncodeError> {
        let mut size = Self {
            bytes: encoded_len(commit)?,
            ..Self::default()
        };
        for part in &commit.parts {
            match part.expected.version {
                0 => size.new_streams += 1,
                _ => size.known_streams += 1,
            }
            size.events += part.payloads.len() as u64;
            for payload in &part.payloads {
                let words = payload.len().div_ceil(32) as u64;
                size.work += words * words / 512;
            }
        }
        let parts = commit.parts.len() as u64;
        if parts > 1 {
            size.work += ANOTHER_READING * parts + ANOTHER_EVENT * size.events + COMPARISON * parts * (parts - 1) / 2;
        }
        Ok(size)
    }

    /// Bytes of the calldata.
    pub(super) const fn calldata(self) -> u64 {
        (self.bytes as u64).saturating_add(CALL)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            new_streams: self.new_streams.saturating_add(other.new_streams),
            known_streams: self.known_streams.saturating_add(other.known_streams),
            events: self.events.saturating_add(other.events),
            work: self.work.saturating_add(other.work),
        }
    }

    /// Without the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            new_streams: self.new_streams.saturating_sub(other.new_streams),
            known_streams: self.known_streams.saturating_sub(other.known_streams),
            events: self.events.saturating_sub(other.events),
            work: self.work.saturating_sub(other.work),
        }
    }
}
