//! What the rest of the process holds of the appender.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use application::command::Unavailable;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::gas::Size;
use super::machine::{CommitKey, Machine, Millis};
use crate::chain::Address;
use crate::log::{Commit, CommitLog, CommitOutcome, CommitTicket, NewKey};

/// How the appender is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppenderStatus {
    /// The signing key's address.
    pub signer: Address,
    /// Whether this server may sign with it now.
    pub holds_lease: bool,
    /// Commits that wait for a batch.
    pub queued: u64,
    /// Transactions on their way into a block.
    pub in_flight: u64,
    /// Transactions that are not final.
    pub unsettled: u64,
    /// Commits of this process that nobody has been told about.
    pub outbox_commits: u64,
    /// For how long the oldest commit has been waiting, in milliseconds.
    pub oldest_ms: Option<u64>,
    /// What does not work just now; `None` while all is well.
    pub trouble: Option<String>,
}

/// What handle and runner share.
pub(super) struct Shared {
    status: Mutex<AppenderStatus>,
    keys: AtomicU64,
}

impl Shared {
    pub(super) fn next_key(&self) -> CommitKey {
        CommitKey(self.keys.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut AppenderStatus)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes what does not work, and logs it once.
    pub(super) fn trouble(&self, cause: &str) {
        self.update(|status| {
            if status.trouble.as_deref() != Some(cause) {
                tracing::warn!(cause, "the appender does not go on");
                status.trouble = Some(cause.to_owned());
            }
        });
    }

    pub(super) fn clear_trouble(&self) {
        self.update(|status| status.trouble = None);
    }

    pub(super) fn show(&self, machine: &Machine, waiting: usize, now: Millis) {
        self.update(|status| {
            status.queued = machine.queue_len() as u64;
            status.in_flight = machine.in_flight() as u64;
            status.unsettled = machine.unsettled() as u64;
            status.outbox_commits = (waiting as u64).saturating_sub(status.queued);
            status.oldest_ms = machine.oldest().map(|since| now.saturating_sub(since));
        });
    }
}

/// A commit that was handed over.
pub(super) struct Handed {
    pub(super) key: CommitKey,
    pub(super) commit: Arc<Commit>,
    pub(super) size: Size,
    pub(super) keys: Vec<NewKey>,
    pub(super) waiter: Waiter,
}

/// The other end of a ticket. It holds a place in the queue until the commit is durable.
pub(super) struct Waiter {
    accepted: Option<oneshot::Sender<()>>,
    outcome: oneshot::Sender<CommitOutcome>,
    place: Option<OwnedSemaphorePermit>,
}

impl Waiter {
    pub(super) fn accept(&mut self) {
        self.place = None;
        if let Some(accepted) = self.accepted.take() {
            let _ = accepted.send(());
        }
    }

    pub(super) fn resolve(self, outcome: CommitOutcome) {
        let _ = self.outcome.send(outcome);
    }
}

/// A commit on its way.
pub struct Ticket {
    accepted: oneshot::Receiver<()>,
    outcome: oneshot::Receiver<CommitOutcome>,
}

impl CommitTicket for Ticket {
    async fn accepted(&mut self) -> bool {
        (&mut self.accepted).await.is_ok()
    }

    async fn outcome(self) -> CommitOutcome {
        // Nobody drops the other end without an answer, but when the whole process ends.
        self.outcome.await.unwrap_or(CommitOutcome::HandedOver)
    }
}

/// Hands commits to the appender. Cheap to clone.
#[derive(Clone)]
pub struct AppenderHandle {
    handed: UnboundedSender<Handed>,
    places: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl AppenderHandle {
    pub(super) fn new(queue: usize, signer: Address) -> (Self, Arc<Shared>, UnboundedReceiver<Handed>) {
        let status = AppenderStatus {
            signer,
            holds_lease: false,
            queued: 0,
            in_flight: 0,
            unsettled: 0,
            outbox_commits: 0,
            oldest_ms: None,
            trouble: None,
        };
        let shared = Arc::new(Shared {
            status: Mutex::new(status),
            keys: AtomicU64::new(0),
        });
        let (handed, queue_end) = unbounded_channel();
        let handle = Self {
            handed,
            places: Arc::new(Semaphore::new(queue)),
            shared: Arc::clone(&shared),
        };
        (handle, shared, queue_end)
    }

    /// How the appender is.
    pub fn status(&self) -> AppenderStatus {
        self.shared
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl std::fmt::Debug for AppenderHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppenderHandle")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl CommitLog for AppenderHandle {
    type Ticket = Ticket;

    async fn append(&self, commit: Commit, keys: Vec<NewKey>) -> Result<Ticket, Unavailable> {
        let (accepted_by, accepted) = oneshot::channel();
        let (outcome_by, outcome) = oneshot::channel();
        let Ok(size) = Size::of(&commit) else {
            let _ = outcome_by.send(CommitOutcome::Unappendable);
            return Ok(Ticket { accepted, outcome });
        };
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| Unavailable::Stopping)?;
        let waiter = Waiter {
            accepted: Some(accepted_by),
            outcome: outcome_by,
            place: Some(place),
        };
        let handed = Handed {
            key: self.shared.next_key(),
            commit: Arc::new(commit),
            size,
            keys,
            waiter,
        };
        self.handed.send(handed).map_err(|_| Unavailable::Stopping)?;
        Ok(Ticket { accepted, outcome })
    }
}
