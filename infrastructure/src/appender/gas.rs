//! What a commit takes of a transaction: bytes and gas, estimated from above.
//!
//! The constants were measured against the contract (160-byte payloads: 30 950 gas for the first event of a stream, 13 970 for
//! a later one, calldata included) and rounded up. Gas that is not used is not paid for; too little reverts the batch.

use crate::chain::codec::{EncodeError, encoded_len};
use crate::log::Commit;

/// What every transaction costs.
const TRANSACTION: u64 = 21_000;
/// The role check, the log's position and running hash.
const BATCH: u64 = 40_000;
/// A commit's own work, or the event that rejects it.
const COMMIT: u64 = 1_300;
/// A stream's slot, written for the first time.
const NEW_STREAM: u64 = 22_300;
/// A stream's slot, changed.
const KNOWN_STREAM: u64 = 5_200;
/// An event's log entry and two hashes, without its bytes.
const EVENT: u64 = 2_800;
/// A byte of payload in a log entry, hashed and copied.
const PAYLOAD_BYTE: u64 = 9;
/// A byte of calldata, unless it is zero.
const CALLDATA_BYTE: u64 = 16;
/// The least that EIP-7623 charges for a byte of calldata, unless it is zero.
const CALLDATA_FLOOR: u64 = 40;

/// What one commit adds to a batch, or what a batch comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    /// Bytes of the batch.
    pub bytes: usize,
    /// Gas of the execution, without calldata.
    pub execution: u64,
}

impl Size {
    /// What a commit takes.
    ///
    /// # Errors
    /// When the commit cannot be encoded at all.
    pub fn of(commit: &Commit) -> Result<Self, EncodeError> {
        let bytes = encoded_len(commit)?;
        let mut execution = COMMIT;
        for part in &commit.parts {
            execution += if part.expected.version == 0 {
                NEW_STREAM
            } else {
                KNOWN_STREAM
            };
            for payload in &part.payloads {
                let padded = payload.len().next_multiple_of(32) as u64;
                let words = padded / 32;
                // The last term is the price of memory, which only large payloads feel.
                execution += EVENT + PAYLOAD_BYTE * padded + words * words / 512;
            }
        }
        Ok(Self { bytes, execution })
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            execution: self.execution.saturating_add(other.execution),
        }
    }

    /// The gas limit of a transaction with a batch of this size.
    pub fn gas_limit(self) -> u64 {
        let bytes = self.bytes as u64 + 100;
        let standard = BATCH + self.execution + CALLDATA_BYTE * bytes;
        let gas = TRANSACTION + standard.max(CALLDATA_FLOOR * bytes);
        gas + gas / 20
    }
}

/// The gas limit of an empty transaction.
pub const FILLER: u64 = TRANSACTION;
