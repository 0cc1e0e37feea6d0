//! What a rebuild tells: how far it is, what it did, or why it ended early.

use std::time::Duration;

use tokio::task::JoinError;

use crate::follower::FollowerError;
use crate::follower::window::Unread;

/// Where a rebuild is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Blocks that are final are read and written in bulk.
    Filling,
    /// Indexes are created.
    Indexing,
    /// The blocks since are applied one by one.
    CatchingUp,
    /// It takes the live schema's place.
    Swapping,
}

/// How far a rebuild is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RebuildProgress {
    /// What it is doing.
    pub phase: Phase,
    /// The last block written.
    pub block: u64,
    /// The chain's newest block when it began.
    pub target_block: u64,
    /// The last position written.
    pub position: u64,
    /// The log's last position when it began.
    pub target_position: u64,
}

/// What a rebuild did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RebuildReport {
    /// The last block in the new schema.
    pub block: u64,
    /// The last position in the new schema.
    pub position: u64,
    /// The position from which an interrupted rebuild was taken up; 0 for one from the beginning.
    pub resumed_at: u64,
    /// What of the log means nothing here.
    pub unread: Unread,
    /// How many streams are held back by an event that cannot be read.
    pub held_streams: u64,
    /// How long filling took.
    pub filling: Duration,
    /// How long everything took.
    pub total: Duration,
}

/// Why a rebuild ended early. What it has done stays, and the next one goes on from there, unless it does not add up to what the
/// contract says; what is live is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Another rebuild is going on in this database.
    #[error("another rebuild is going on in this database")]
    AlreadyRunning,
    /// The chain, the node's honesty, the database or the key ring.
    #[error(transparent)]
    Follower(#[from] FollowerError),
    /// The live follower did not stand still at one position with the rebuild.
    #[error("the live read models did not come to the position of the rebuild, so they cannot be compared")]
    NotComparable,
    /// The comparison before the swap failed.
    #[error("the rebuilt read models do not pass the comparison: {0}")]
    Mismatch(String),
    /// A thread of the rebuild panicked.
    #[error("a part of the rebuild stopped unexpectedly")]
    Stopped,
}

impl From<sqlx::Error> for RebuildError {
    fn from(error: sqlx::Error) -> Self {
        Self::Follower(error.into())
    }
}

impl From<JoinError> for RebuildError {
    fn from(_: JoinError) -> Self {
        Self::Stopped
    }
}
