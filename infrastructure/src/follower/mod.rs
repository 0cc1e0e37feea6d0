//! The follower: blocks become journal rows and read models, whole blocks in one transaction. The only writer of either.
//!
//! It promises that journal, read models and checkpoint always belong together, whenever it is killed; that nothing is applied
//! which the contract's running hash does not vouch for; and that after a reorganisation inside the window they are what a fresh
//! rebuild would make of the chain as it is now.
//!
//! - [`window`]: the blocks that can still be undone, and where a node's chain parts from them. Pure.
//! - [`trust`]: what a node must show before it is believed. Pure.
//! - `opening`: entries become events, or are foreign, or are parked with their stream.
//! - `apply`: one run of blocks, one transaction; and its reverse.
//! - `parking`: another try at what is parked.
//! - `rebuild`: everything once more, from the chain alone, beside what is live.
//! - `runner`: the loop. [`status`]: what it tells about itself.
//!
//! Two followers may run on one database: a row lock on the checkpoint decides whose transaction applies a block, and the other
//! finds it applied and only tells its own process.

mod apply;
mod checkpoint;
mod copy;
mod journal;
mod opening;
mod parking;
mod rebuild;
mod runner;
mod schema;
pub mod status;
pub mod trust;
pub mod window;

pub use checkpoint::followed;
pub use parking::{Retried, retry_parked};
pub use rebuild::{Phase, Rebuild, RebuildError, RebuildProgress, RebuildReport};
pub use runner::{Follower, FollowerConfig};
pub use schema::{create as create_schema, prepare};

use crate::chain::ChainError;
use crate::keys::KeyRingError;

use self::trust::Distrust;

/// When a block can no longer be undone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FinalityRule {
    /// At once: a permissioned network such as QBFT, or a development chain.
    Instant,
    /// When so many blocks stand on it.
    Confirmations(u64),
    /// When the node's `finalized` tag has reached it.
    Finalized,
}

/// Why the follower does not go on. It tries again; nothing is half done.
#[derive(Debug, thiserror::Error)]
pub enum FollowerError {
    /// The node does not answer, or not in the form it should.
    #[error("the chain cannot be read: {0}")]
    Chain(#[from] ChainError),
    /// The node is not believed.
    #[error(transparent)]
    Distrust(#[from] Distrust),
    /// The database does not answer.
    #[error("the database refuses: {0}")]
    Database(#[from] sqlx::Error),
    /// A read model could not be written.
    #[error("a read model could not be written")]
    Projector(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The key ring does not answer.
    #[error("the key ring does not answer")]
    Keys(#[from] KeyRingError),
    /// Another follower moved the checkpoint: it is read again.
    #[error("another follower moved the checkpoint")]
    Moved,
}
