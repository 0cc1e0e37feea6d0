//! Batches as the contract takes them, and log entries as a node gives them.
//!
//! ```text
//! batch  = commit+
//! commit = partCount:u8 part+                                    distinct streams
//! part   = stream:32 version:u32 tag:8 eventCount:u16 event+     version and tag of the head decided on
//! event  = length:u24 payload                                    at least one byte
//! ```
//! All numbers are big-endian. It is packed because calldata is what an append costs.

mod batch;
mod entries;
#[cfg(test)]
mod vectors;

pub use batch::{EncodeError, append_calldata, batch_of_calldata, decode_batch, encode_batch, encoded_len};
pub(super) use entries::{RawLog, confirm_order, read_logs};
pub use entries::{Said, read_log};
