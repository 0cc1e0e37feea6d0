//! The hash over everything in the log, and the tag that links a stream's events.

use application::log::StreamId;

use super::{Address, Hash, keccak256};
use crate::log::{AppendedEntry, LogHead, Origin, StreamHead, StreamTip};

/// What the running hash begins with.
const DOMAIN: &[u8] = b"medconnect.EventLog.v2";

impl LogHead {
    /// The head of the empty log of a contract: `keccak256(abi.encode("medconnect.EventLog.v2", chain id, address))`.
    pub fn genesis(chain_id: u64, contract: Address) -> Self {
        let mut bytes = Vec::with_capacity(160);
        bytes.extend(word(0x60));
        bytes.extend(word(chain_id));
        bytes.extend(contract.word());
        bytes.extend(word(DOMAIN.len() as u64));
        bytes.extend(DOMAIN);
        bytes.resize(160, 0);
        Self {
            position: 0,
            running_hash: keccak256(&bytes),
        }
    }

    /// Takes the next entry in, and answers with where the entry's stream ends after it. The payload is hashed once for
    /// both. That the entry's position is the next one is for the caller to check.
    pub fn advance(&mut self, entry: &AppendedEntry) -> StreamTip {
        self.advance_hashed(&PlacedEntry::of(entry), keccak256(&entry.payload))
    }

    /// As [`Self::advance`], for whoever keeps the payload's hash alone.
    pub fn advance_hashed(&mut self, entry: &PlacedEntry, payload_hash: Hash) -> StreamTip {
        let mut link = [0; 4 * 32];
        let parts: [&[u8]; 4] = [&self.running_hash, &entry.stream.0, &payload_hash, &place(entry)];
        for (to, from) in link.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        *self = Self {
            position: entry.position,
            running_hash: keccak256(&link),
        };
        StreamTip {
            version: entry.version,
            hash: payload_hash,
        }
    }
}

/// An entry without its payload: what of it the log numbers and links beside that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlacedEntry {
    /// The stream.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// Its place in the log, from 1.
    pub position: u64,
    /// Who appended it, with what.
    pub origin: Origin,
}

impl PlacedEntry {
    /// Where an entry stands.
    pub const fn of(entry: &AppendedEntry) -> Self {
        Self {
            stream: entry.stream,
            version: entry.version,
            position: entry.position,
            origin: entry.origin,
        }
    }
}

impl StreamTip {
    /// Where the stream ends after one more event.
    #[must_use]
    pub fn after(self, payload: &[u8]) -> Self {
        Self {
            version: self.version.saturating_add(1),
            hash: keccak256(payload),
        }
    }

    /// The head, as the contract has it.
    pub const fn head(&self) -> StreamHead {
        StreamHead {
            version: self.version,
            tag: tag(self.hash),
        }
    }
}

impl StreamHead {
    /// The head after one more event.
    #[must_use]
    pub fn after(self, payload: &[u8]) -> Self {
        Self {
            version: self.version.saturating_add(1),
            tag: tag(keccak256(payload)),
        }
    }
}

/// The place of an entry as the contract logs it: `count:16 || index:16 || writer:32 || version:32 || position:64` in the low bits of a word.
fn place(entry: &PlacedEntry) -> [u8; 32] {
    let mut place = [0; 32];
    let version = entry.version.to_be_bytes();
    let (_, version) = version.split_at(4);
    let (origin, position) = (entry.origin.bits().to_be_bytes(), entry.position.to_be_bytes());
    let numbers = origin.iter().chain(version).chain(&position);
    place
        .iter_mut()
        .skip(12)
        .zip(numbers)
        .for_each(|(to, from)| *to = *from);
    place
}

const fn tag(hash: Hash) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = hash;
    [a, b, c, d, e, f, g, h]
}

fn word(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    if let Some(low) = word.last_chunk_mut::<8>() {
        *low = number.to_be_bytes();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Payload;
    use ethers_core::abi::{Token, encode};
    use ethers_core::types::U256;

    #[test]
    fn the_first_head_is_as_the_generic_abi_encodes_it() {
        let contract = Address([9; 20]);
        let tokens = [
            Token::String("medconnect.EventLog.v2".to_owned()),
            Token::Uint(31_337.into()),
            Token::Address(contract.to_ethers()),
        ];
        assert_eq!(
            LogHead::genesis(31_337, contract).running_hash,
            keccak256(&encode(&tokens))
        );
    }

    #[test]
    fn an_entry_moves_both_heads() {
        let mut head = LogHead {
            position: 6,
            running_hash: [1; 32],
        };
        let payload = Payload::from(&b"sealed"[..]);
        let entry = AppendedEntry {
            stream: StreamId([2; 32]),
            version: 3,
            position: 7,
            origin: Origin {
                count: 5,
                index: 4,
                writer: 9,
            },
            payload,
            transaction: [4; 32],
        };
        let tip = head.advance(&entry);
        let place =
            U256::from(5) << 144 | U256::from(4) << 128 | U256::from(9) << 96 | U256::from(3) << 64 | U256::from(7);
        let packed = encode(&[
            Token::FixedBytes(vec![1; 32]),
            Token::FixedBytes(vec![2; 32]),
            Token::FixedBytes(keccak256(b"sealed").to_vec()),
            Token::Uint(place),
        ]);
        assert_eq!(
            head,
            LogHead {
                position: 7,
                running_hash: keccak256(&packed)
            }
        );
        let before = StreamTip {
            version: 2,
            hash: [0; 32],
        };
        assert_eq!(tip, before.after(b"sealed"));
        assert_eq!(tip.head(), before.head().after(b"sealed"));
    }
}
