//! What a block says about the log.

use super::Hash;
use crate::log::{AppendedEntry, RejectedCommit};

/// What one block says about the log, without the block's header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockLogs {
    /// The block's number.
    pub number: u64,
    /// The block's hash.
    pub hash: Hash,
    /// The block's time, in seconds since the Unix epoch, where the node tells it with the logs.
    pub timestamp: Option<u64>,
    /// The events appended, in order.
    pub appended: Vec<AppendedEntry>,
    /// The commits rejected, in order.
    pub rejected: Vec<RejectedCommit>,
}
