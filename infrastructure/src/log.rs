//! The event log's own vocabulary: heads, commits, entries. What the contract, the appender, the store and the follower
//! hand to each other, independent of ethers.

use std::sync::Arc;

use application::log::{BlockRef, Position, StreamId};
use domain::kernel::CommandId;

/// A sealed payload, as it stands on the chain. Made once, shared, never changed.
pub type Payload = Arc<[u8]>;

/// Where a stream stands: the expected version of a commit.
///
/// The tag is the first eight bytes of keccak-256 of the stream's last payload; with it, a commit that was decided on top of
/// another commit in flight is rejected when that one was, whoever took its version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct StreamHead {
    /// How many events the stream has.
    pub version: u64,
    /// The tag of the last one; zero for a new stream.
    pub tag: [u8; 8],
}

/// What a commit appends to one stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamPart {
    /// The stream.
    pub stream: StreamId,
    /// Where the stream must stand.
    pub expected: StreamHead,
    /// The sealed events, at least one.
    pub payloads: Vec<Payload>,
}

/// One decision: parts for one or more distinct streams, appended all or not at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commit {
    /// The command that decided it.
    pub command_id: CommandId,
    /// At least one.
    pub parts: Vec<StreamPart>,
}

/// An event as the chain holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppendedEntry {
    /// The stream.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// Its place in the log, from 1.
    pub position: Position,
    /// The sealed payload.
    pub payload: Payload,
    /// The transaction that appended it.
    pub transaction: [u8; 32],
}

/// A commit that the contract refused because a stream had moved on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RejectedCommit {
    /// The transaction.
    pub transaction: [u8; 32],
    /// The commit's index in the transaction's batch.
    pub index: u32,
    /// The first stream that was not where it was expected.
    pub stream: StreamId,
    /// Where it stands.
    pub actual: StreamHead,
}

/// What a block says about the log, in the order of its logs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogBlock {
    /// The block.
    pub block: BlockRef,
    /// The events appended.
    pub appended: Vec<AppendedEntry>,
    /// The commits rejected.
    pub rejected: Vec<RejectedCommit>,
}

/// The state of the whole log: how long it is, and the hash over everything in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogHead {
    /// The last position; 0 when it is empty.
    pub position: Position,
    /// The running hash.
    pub running_hash: [u8; 32],
}
