//! What the rest of the process holds of the appender.

use std::sync::Arc;
use std::time::Duration;

use application::ports::command::Unavailable;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::door::{Door, Waiter};
use super::machine::{CommitKey, Limits};
use super::status::{AppenderStatus, Shared};
use crate::chain::gas::Size;
use crate::log::{Commit, CommitLog, CommitOutcome, CommitTicket, NewKey};

/// A commit that was handed over.
pub(super) struct Handed {
    pub(super) key: CommitKey,
    pub(super) commit: Arc<Commit>,
    pub(super) size: Size,
    pub(super) at: Instant,
    pub(super) keys: Vec<NewKey>,
    pub(super) waiter: Waiter<CommitOutcome>,
}

/// A commit on its way.
#[derive(Debug)]
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
    door: Door,
    shared: Arc<Shared>,
    limits: Limits,
}

impl AppenderHandle {
    pub(super) fn new(
        queue: usize,
        patience: Duration,
        limits: Limits,
        shared: Arc<Shared>,
    ) -> (Self, UnboundedReceiver<Handed>) {
        let (handed, queue_end) = unbounded_channel();
        let handle = Self {
            handed,
            door: Door::new(queue, patience, Arc::clone(&shared)),
            shared,
            limits,
        };
        (handle, queue_end)
    }

    /// How the appender is.
    pub fn status(&self) -> AppenderStatus {
        self.shared.status()
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
        let (mut waiter, accepted, outcome) = Waiter::new();
        let ticket = Ticket { accepted, outcome };
        if !self.shared.may_append(&commit) {
            return Err(Unavailable::NotAppending);
        }
        let holds = |size: &Size| self.limits.hold(*size, &self.shared.gas(), u64::MAX);
        let Some(size) = Size::of(&commit).ok().filter(holds) else {
            waiter.resolve(CommitOutcome::TooLarge);
            return Ok(ticket);
        };
        waiter.place = Some(self.door.enter().await?);
        let handed = Handed {
            key: self.shared.next_key(),
            commit: Arc::new(commit),
            size,
            at: Instant::now(),
            keys,
            waiter,
        };
        self.handed.send(handed).map_err(|_| Unavailable::Stopping)?;
        Ok(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Address;
    use crate::log::{Payload, StreamHead, StreamPart};
    use application::log::StreamId;
    use domain::kernel::CommandId;

    fn handle(queue: usize) -> (AppenderHandle, UnboundedReceiver<Handed>) {
        let shared = Arc::new(Shared::new(Address::default()));
        AppenderHandle::new(queue, Duration::from_millis(20), Limits::default(), shared)
    }

    fn commit(bytes: usize) -> Commit {
        let payloads = vec![Payload::from(vec![1; bytes])];
        let part = StreamPart {
            stream: StreamId([1; 32]),
            expected: StreamHead::default(),
            payloads,
        };
        Commit {
            command_id: CommandId::default(),
            parts: vec![part],
        }
    }

    #[tokio::test]
    async fn a_commit_that_no_transaction_can_hold_is_told_so_at_once() {
        let (handle, _queue) = handle(1);
        for commit in [
            commit(200_000),
            Commit {
                parts: vec![],
                ..commit(1)
            },
        ] {
            let mut ticket = handle.append(commit, vec![]).await.unwrap();
            assert!(!ticket.accepted().await);
            assert_eq!(ticket.outcome().await, CommitOutcome::TooLarge);
        }
    }

    #[tokio::test]
    async fn a_full_queue_turns_away_with_the_reason_after_a_while() {
        let (handle, mut queue) = handle(1);
        let _first = handle.append(commit(1), vec![]).await.unwrap();
        assert_eq!(
            handle.append(commit(1), vec![]).await.unwrap_err(),
            Unavailable::Overloaded
        );
        let mut handed = queue.recv().await.unwrap();
        handed.waiter.accept();
        assert!(handle.append(commit(1), vec![]).await.is_ok());
    }

    #[tokio::test]
    async fn an_appender_that_has_stopped_takes_nothing() {
        let (handle, queue) = handle(1);
        drop(queue);
        assert_eq!(
            handle.append(commit(1), vec![]).await.unwrap_err(),
            Unavailable::Stopping
        );
    }
}
