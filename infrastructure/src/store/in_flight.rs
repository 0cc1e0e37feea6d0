//! A commit that was handed over, as those see it who wait for it.

use std::sync::Arc;

use application::log::StreamId;
use tokio::sync::watch;

use crate::log::{CommitOutcome, StreamHead};

/// Tells what became of a commit, as soon as it is known, to everybody who asks.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    outcome: watch::Receiver<Option<CommitOutcome>>,
    heads: Arc<[(StreamId, StreamHead)]>,
}

/// The other end. Dropping it without an answer means that the server is stopping.
pub(super) struct Resolver(watch::Sender<Option<CommitOutcome>>);

impl InFlight {
    /// A commit that leaves its streams at these heads.
    pub(super) fn new(heads: Vec<(StreamId, StreamHead)>) -> (Resolver, Self) {
        let (sender, outcome) = watch::channel(None);
        let heads = heads.into();
        (Resolver(sender), Self { outcome, heads })
    }

    /// Where it leaves its streams.
    pub(super) fn heads(&self) -> &[(StreamId, StreamHead)] {
        &self.heads
    }

    /// Waits for the outcome. Without anybody left to tell it, it is not known.
    pub(super) async fn outcome(mut self) -> CommitOutcome {
        match self.outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => *outcome,
            Ok(None) | Err(_) => CommitOutcome::HandedOver,
        }
    }

    /// Whether both are the same commit.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.outcome.same_channel(&other.outcome)
    }
}

impl Resolver {
    pub(super) fn resolve(self, outcome: CommitOutcome) {
        // Nobody may be waiting: the request was given up. The commit went on all the same.
        let _ = self.0.send(Some(outcome));
    }
}
