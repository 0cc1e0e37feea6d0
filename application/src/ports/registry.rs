//! The command registry as a port: idempotency keys, and commands that answer later.
//!
//! A row is written only for a command with an idempotency key or one whose caller does not wait. The row fixes the
//! command's id before anything is executed, so a retry after a crash executes the same command, which the write side
//! recognises. The row is claimed for a time; a claim has a fencing number, so a claimant that was too slow cannot write
//! an answer over its successor's.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::{AccountId, CommandId};

use crate::log::Position;
use crate::ports::StoreError;
use crate::ports::registries::RegistryRefusal;

/// As whom a caller issues commands, and has issued them. Idempotency keys of different callers have nothing to do with each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issuers {
    /// As whom they do now.
    pub now: AccountId,
    /// As whom they did before, with wallets that they have changed since.
    pub before: Vec<FormerIssuer>,
}

/// As whom a caller issued commands until they changed their wallet. Since then it may be somebody else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormerIssuer {
    /// As whom.
    pub issuer: AccountId,
    /// Until when.
    pub until: DateTime<Utc>,
}

impl Issuers {
    /// Whether a command is theirs that was issued as somebody at a time.
    pub fn include(&self, issuer: AccountId, at: DateTime<Utc>) -> bool {
        let was = |former: &FormerIssuer| former.issuer == issuer && at <= former.until;
        self.now == issuer || self.before.iter().any(was)
    }
}

/// A request under an idempotency key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Who asks.
    pub issuers: Issuers,
    /// A keyed hash of the key.
    pub key: [u8; 32],
    /// A keyed hash of what is asked: it holds health data.
    pub fingerprint: [u8; 32],
    /// The command's id, if the key is new.
    pub command_id: CommandId,
    /// Now.
    pub now: DateTime<Utc>,
    /// Until when nobody else may claim it.
    pub until: DateTime<Utc>,
}

/// The right to execute a registered command and to write its answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ticket {
    /// The command.
    pub command_id: CommandId,
    /// Which claim this is, from 1, those not counted that were retracted.
    pub fence: i64,
}

impl Ticket {
    /// Whether somebody tried before, and something may have come of it.
    pub const fn repeated(&self) -> bool {
        self.fence > 1
    }
}

/// What became of a claim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Claimed {
    /// Execute it.
    Granted(Ticket),
    /// It was answered.
    Answered(StoredAnswer),
    /// Somebody is executing it.
    InProgress(CommandId),
    /// The key was used for something else.
    Mismatch,
}

/// An answer to a command, as it is given again. Ids and versions only: no health data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, in JSON.
    pub body: String,
    /// Where the thing is.
    pub location: Option<String>,
    /// Its entity tag.
    pub etag: Option<String>,
}

/// A registered command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisteredCommand {
    /// Who issued it.
    pub issuer: AccountId,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Its answer, if it is known.
    pub answer: Option<StoredAnswer>,
    /// Until when somebody may be executing it.
    pub claimed_until: DateTime<Utc>,
}

/// Where a command has left a trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trace {
    /// Its events are in the journal: all of them, as far as the outbox tells which they are.
    Journaled {
        /// The position of the last one.
        position: Position,
    },
    /// It is accepted and on its way.
    Outbox,
    /// It was accepted, and the log's contract refuses it for good.
    Refused,
    /// It was accepted, and the registry to which it was handed in does not take it.
    RefusedByTheRegistry(RegistryRefusal),
    /// Nowhere: it changed nothing, or needed to change nothing.
    None,
}

/// The registry.
#[async_trait]
pub trait CommandRegistry: Send + Sync + 'static {
    /// Claims a request under an idempotency key. What the caller asked for under it before, as whomever, is the same request.
    ///
    /// # Errors
    /// When the store does not answer, as for every method here.
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError>;

    /// Registers a command without a key, so that its caller can ask for it later.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn register(
        &self,
        command_id: CommandId,
        issuer: AccountId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Ticket, StoreError>;

    /// Puts off the end of claims, except those after which a later one has been granted.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn renew(&self, tickets: &[Ticket], until: DateTime<Utc>) -> Result<(), StoreError>;

    /// Writes the answer, unless a later claim has been granted.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn answer(&self, ticket: Ticket, answer: &StoredAnswer) -> Result<(), StoreError>;

    /// Gives the claim back without an answer: something may have come of it, and the same request may be tried again.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn release(&self, ticket: Ticket) -> Result<(), StoreError>;

    /// Gives the claim back as if it had never been: nothing came of it. Whoever claims the same request next is the first, unless
    /// somebody had tried before this one.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn retract(&self, ticket: Ticket) -> Result<(), StoreError>;

    /// A registered command.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn find(&self, command_id: CommandId) -> Result<Option<RegisteredCommand>, StoreError>;

    /// Where a command has left a trace.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn trace(&self, command_id: CommandId) -> Result<Trace, StoreError>;

    /// Forgets commands older than `before`, except those on their way.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn sweep(&self, before: DateTime<Utc>) -> Result<(), StoreError>;
}
