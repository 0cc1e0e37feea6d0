//! What use cases need from the world.
//!
//! - [`command`]: the write side: transact, receipt, conflict. [`transaction`]: what a command is decided upon.
//! - [`queries`]: what can be read, and in which shape. [`entries`]: the log itself. [`projector`]: the read models as the follower fills them.
//! - [`registries`]: the contracts beside the log that decide.
//! - [`sessions`], [`registry`], [`revocations`], [`invitations`], [`requests`], [`access_requests`], [`reads`], [`notifications`], [`erasures`]: what stands beside the log, the same for all servers on
//!   one database. [`secrets`]: randomness and digests.
//! - Here: the time, ids that follow from what they name, and how far the log has come.

pub mod access_requests;
pub mod command;
pub mod entries;
pub mod erasures;
pub mod invitations;
pub mod notifications;
pub mod projector;
pub mod queries;
pub mod reads;
pub mod registries;
pub mod registry;
pub mod requests;
pub mod revocations;
pub mod secrets;
pub mod sessions;
pub mod transaction;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::claims::Name;
use domain::kernel::{ClaimsId, Identifier, Wallet};
use uuid::Uuid;

use crate::log::{Finality, Position};

/// A store of short-lived things (sessions, revocations, idempotency keys) did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the store cannot be reached")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The time. Aggregates have no clock; use cases stamp it on commands.
pub trait Clock: Send + Sync + 'static {
    /// Now, to the millisecond.
    fn now(&self) -> DateTime<Utc>;
}

/// Ids derived under the organisation's master secret: the same thing always gets the same id, and nobody without the
/// secret can tell from the id what it was derived from.
#[expect(
    clippy::wrong_self_convention,
    reason = "the id comes from the argument, under the secret that self holds"
)]
pub trait IdentityDerivation: Send + Sync + 'static {
    /// The id of something from another system that is nobody, by its kind: an organisation, or an encounter of a patient.
    fn from_identifier(&self, kind: &str, identifier: &Identifier) -> Uuid;

    /// The id of a wallet: nobody can tell from it which it is.
    fn from_wallet(&self, wallet: &Wallet) -> Uuid;

    /// The id of something that has a name only here, such as a service account.
    fn from_name(&self, kind: &str, name: &str) -> Uuid;

    /// The bucket in which a name is claimed.
    fn bucket_of(&self, name: &Name) -> ClaimsId;
}

/// How far the read models are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The last position applied.
    pub position: Position,
    /// The last block applied.
    pub block: u64,
    /// The last block that is final.
    pub final_block: u64,
    /// The last position that is final.
    pub final_position: Position,
}

impl Progress {
    /// How sure an answer is that shows everything up to here.
    pub const fn finality(&self) -> Finality {
        if self.position <= self.final_position {
            Finality::Final
        } else {
            Finality::Included
        }
    }
}

/// Where the read models stand, without asking the database.
pub trait ProgressSource: Send + Sync + 'static {
    /// The last progress known here.
    fn progress(&self) -> Progress;
}

/// Who wants to know that a command is durable, before it is on the chain: whoever answered 202 and promised it.
pub trait AcceptanceListener: Send + Sync + 'static {
    /// The command's events are in the outbox or the journal; whatever is killed now, they will be appended or the command is
    /// refused. May be told more than once.
    fn accepted(&self, command: domain::kernel::CommandId);
}

/// The servers of the organisation that share the database.
#[async_trait]
pub trait Servers: Send + Sync + 'static {
    /// How many there are just now, as far as anybody knows; 0 while none has said that it is there.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn count(&self) -> Result<u32, StoreError>;

    /// Whether there are others than this one.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn are_others(&self) -> Result<bool, StoreError>;

    /// Whether the others count this one, and will for a while. Only then it may remember who may do what: they wait for it before they say that
    /// something was taken away.
    fn is_counted(&self) -> bool;
}
