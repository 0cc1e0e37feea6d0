//! What is looked for on the way back: everything of the log, or the entries of one stream.

use application::log::StreamId;
use infrastructure::chain::Hash;
use infrastructure::chain::codec::Said;
use infrastructure::chain::contract::{APPENDED, COMMIT_REJECTED};
use infrastructure::log::AppendedEntry;

use crate::evidence::{ProvenBlock, ProvenLog};
use crate::fault::{Check, Fault, Place};
use crate::header::Header;

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    /// All entries and rejections, back to the first position.
    Log,
    /// The entries of a stream, back to a version.
    Stream { stream: StreamId, first: u64 },
}

impl Wanted {
    /// Whether the block may hold any of it: its bloom filter tells.
    pub(crate) fn may_be_in(&self, header: &Header, contract: &[u8; 20]) -> bool {
        match self {
            Self::Log => [APPENDED, COMMIT_REJECTED]
                .iter()
                .any(|name| header.may_have(contract, &[topic(name)])),
            Self::Stream { stream, .. } => header.may_have(contract, &[topic(APPENDED), stream.0]),
        }
    }

    /// Whether a log is of it.
    pub(crate) fn is(&self, log: &ProvenLog) -> bool {
        match self {
            Self::Log => true,
            Self::Stream { .. } => self.entry(log).is_some(),
        }
    }

    /// Whether a block holds any of it.
    pub(crate) fn is_in(&self, block: &ProvenBlock) -> bool {
        block.logs.iter().any(|log| self.is(log))
    }

    /// Whether a block holds the first of it, so that nothing before is looked at.
    pub(crate) fn begins_in(&self, block: &ProvenBlock) -> bool {
        let is_first = |entry: &AppendedEntry| match self {
            Self::Log => entry.position == 1,
            Self::Stream { first, .. } => entry.version == *first,
        };
        block.logs.iter().filter_map(|log| self.entry(log)).any(is_first)
    }

    /// How many entries a block has of it.
    pub(crate) fn entries_of(&self, block: &ProvenBlock) -> u64 {
        block.logs.iter().filter_map(|log| self.entry(log)).count() as u64
    }

    /// The entry that a log is, if it is of what is looked for.
    pub(crate) fn entry<'a>(&self, log: &'a ProvenLog) -> Option<&'a AppendedEntry> {
        match (&log.said, self) {
            (Said::Appended(entry), Self::Log) => Some(entry),
            (Said::Appended(entry), Self::Stream { stream, .. }) => Some(entry).filter(|entry| entry.stream == *stream),
            (Said::Rejected(_), _) => None,
        }
    }

    /// That no block has the first of it.
    pub(crate) fn missing(&self) -> Box<Fault> {
        let nowhere = "none down to the first block";
        match self {
            Self::Log => {
                let place = Place {
                    position: Some(1),
                    ..Place::block(0)
                };
                Fault::new(Check::Position, place, "an entry at position 1", nowhere)
            }
            Self::Stream { stream, first } => {
                let place = Place {
                    stream: Some(stream.0),
                    ..Place::block(0)
                };
                Fault::new(
                    Check::Stream,
                    place,
                    format_args!("an entry of version {first}"),
                    nowhere,
                )
            }
        }
    }
}

/// A topic as bytes. The constants are texts, and a test reads them.
fn topic(text: &str) -> Hash {
    let mut bytes = [0; 32];
    // It cannot fail: see the test.
    let _ = hex::decode_to_slice(text, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topics_can_be_read() {
        assert!(
            [APPENDED, COMMIT_REJECTED]
                .map(topic)
                .iter()
                .all(|topic| *topic != [0; 32])
        );
    }
}
