//! How the system is doing: for administrators, auditors, and whoever asks whether it is ready.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::error::UseCaseError;
use crate::log::{Position, Registry, StreamId};
use crate::policy::Action;
use crate::policy::identity::Principal;
use crate::ports::StoreError;
use crate::ports::queries::{ProjectionHash, Queries as _};
use crate::trouble::Trouble;
use crate::use_cases::clinic::{Backend, Clinic, permit};

/// The chain, as this server sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChainStatus {
    /// Its id.
    pub chain_id: u64,
    /// The address of the event log, in hexadecimal.
    pub contract: String,
    /// The namespace in which the server writes.
    pub namespace: u32,
    /// The epoch of the namespace in which it seals events.
    pub sealing_epoch: u64,
    /// The other contracts whose plain entries are believed.
    pub recorders: Vec<BelievedContract>,
    /// The namespaces that are shared with other organisations.
    pub shared: Vec<SharedNamespace>,
    /// The rule by which a block is final, as configured.
    pub finality: String,
    /// The node's newest block; `None` when it does not answer.
    pub head_block: Option<u64>,
    /// The newest block applied here.
    pub applied_block: u64,
    /// The newest block that is final.
    pub final_block: u64,
}

/// A contract whose plain entries are believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BelievedContract {
    /// Its address, in hexadecimal.
    pub contract: String,
    /// The namespace in which it writes.
    pub namespace: u32,
    /// Which of ours it is, if it is one.
    pub registry: Option<Registry>,
}

/// A namespace that is shared with other organisations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedNamespace {
    /// Its number.
    pub namespace: u32,
    /// The check value of its secret, in hexadecimal: all who share it have the same.
    pub check_value: String,
}

/// The log, as this server has applied it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogStatus {
    /// The last position applied.
    pub position: Position,
    /// The last position that is final.
    pub final_position: Position,
    /// The running hash over everything up to the position, in hexadecimal.
    pub running_hash: String,
    /// The last position on the chain; `None` when the node does not answer.
    pub chain_position: Option<Position>,
}

/// What waits to be appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutboxStatus {
    /// Commits of this server that are not durable yet: they wait for a transaction.
    pub waiting: u64,
    /// Commits that are durable, in transactions that are not final.
    pub in_flight: u64,
    /// For how long the oldest of them has been waiting, in milliseconds; `None` when none waits.
    pub oldest_ms: Option<u64>,
}

/// One read model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: String,
    /// The last position applied to it.
    pub position: Position,
    /// How many events on the chain it has not applied.
    pub lag: u64,
}

/// An event that cannot be opened or decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParkedStatus {
    /// Its place in the log.
    pub position: Position,
    /// Its stream, which is held back.
    pub stream: StreamId,
    /// What is wrong with it. Never its content.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What does not work just now, and which part tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToldTrouble {
    /// The part: `follower`, `eraser`, `reads`, `notifications`, `appender`.
    pub part: &'static str,
    /// What it is.
    pub trouble: Trouble,
}

/// What another try at the parked events came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RetriedEvents {
    /// The positions of those that could be read now, and are in the read models.
    pub released: Vec<Position>,
    /// How many are still parked.
    pub parked: u64,
}

/// The parked events, as a port of the follower.
#[async_trait]
pub trait ParkedEvents: Send + Sync + 'static {
    /// Tries to read all of them again, each stream from its first one on. Page by page: what was released
    /// stays released, whatever becomes of the rest.
    ///
    /// # Errors
    /// When the database or the key ring does not answer.
    async fn retry(&self) -> Result<RetriedEvents, StoreError>;
}

/// Everything at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SystemStatus {
    /// The program's version.
    pub version: String,
    /// Since when this process runs.
    pub started_at: DateTime<Utc>,
    /// The chain.
    pub chain: ChainStatus,
    /// The log.
    pub log: LogStatus,
    /// The outbox.
    pub outbox: OutboxStatus,
    /// The read models.
    pub projections: Vec<ProjectionStatus>,
    /// Events parked.
    pub parked: Vec<ParkedStatus>,
    /// Events in streams that are not ours.
    pub foreign_events: u64,
    /// Entries in streams of ours that are not authentic.
    pub void_events: u64,
    /// Entries in the records of the erased, which nobody can read any more.
    pub erased_events: u64,
    /// Events that count, without a personal section that its key does not open.
    pub unreadable_events: u64,
    /// Events of shared namespaces that are against the rules there, and have no effect.
    pub overruled_events: u64,
    /// What does not go on; empty while all is well.
    pub troubles: Vec<ToldTrouble>,
}

/// Whether one part of the system can do its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ComponentReadiness {
    /// Its name: `database`, `chain`, `follower`.
    pub name: &'static str,
    /// Whether it can.
    pub ready: bool,
    /// Whether the server is of use without it: reads go on without the chain.
    pub essential: bool,
}

/// How the system is doing, as a port of the composition root.
#[async_trait]
pub trait StatusSource: Send + Sync + 'static {
    /// Everything at once.
    ///
    /// # Errors
    /// When the database does not answer. A chain that does not answer is part of the status.
    async fn status(&self) -> Result<SystemStatus, StoreError>;

    /// Whether the parts can do their work. Cheap.
    async fn readiness(&self) -> Vec<ComponentReadiness>;
}

/// The status with the content hashes of the read models.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusReport {
    /// Everything but them.
    pub system: SystemStatus,
    /// The content hashes as last taken; each says at which position. Empty when they were never asked for.
    pub hashes: Vec<ProjectionHash>,
}

impl<B: Backend> Clinic<B> {
    /// How the system is doing. Content hashes read every row, so they are taken only when asked for and when the log has
    /// moved since.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn status(
        &self,
        principal: &Principal,
        source: &dyn StatusSource,
        with_hashes: bool,
    ) -> Result<StatusReport, UseCaseError> {
        permit(principal, Action::ReadStatus)?;
        let system = source.status().await?;
        let mut hashes = self.last_hashes();
        let current = hashes.first().is_some_and(|hash| hash.position == system.log.position);
        if with_hashes && !current {
            hashes = self.queries.content_hashes().await?;
            *self.lock_hashes() = Some(hashes.clone());
        }
        Ok(StatusReport { system, hashes })
    }

    /// Has the parked events tried again.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn retry_parked(
        &self,
        principal: &Principal,
        parked: &dyn ParkedEvents,
    ) -> Result<RetriedEvents, UseCaseError> {
        permit(principal, Action::RetryParked)?;
        Ok(parked.retry().await?)
    }

    fn last_hashes(&self) -> Vec<ProjectionHash> {
        self.lock_hashes().clone().unwrap_or_default()
    }

    fn lock_hashes(&self) -> std::sync::MutexGuard<'_, Option<Vec<ProjectionHash>>> {
        self.hashes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
