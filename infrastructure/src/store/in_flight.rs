//! A commit that was handed over, as those see it who wait for it.

use tokio::sync::watch;

use crate::log::CommitOutcome;

/// Tells what became of a commit, as soon as it is known, to everybody who asks.
#[derive(Clone, Debug)]
pub(super) struct InFlight(watch::Receiver<Option<CommitOutcome>>);

/// The other end. Dropping it without an answer means that the server is stopping.
pub(super) struct Resolver(watch::Sender<Option<CommitOutcome>>);

impl InFlight {
    /// A commit of which nothing is known yet.
    pub(super) fn new() -> (Resolver, Self) {
        let (sender, outcome) = watch::channel(None);
        (Resolver(sender), Self(outcome))
    }

    /// Waits for the outcome. Without anybody left to tell it, it is not known.
    pub(super) async fn outcome(mut self) -> CommitOutcome {
        match self.0.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => *outcome,
            Ok(None) | Err(_) => CommitOutcome::HandedOver,
        }
    }

    /// Whether both are the same commit.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}

impl Resolver {
    pub(super) fn resolve(self, outcome: CommitOutcome) {
        // Nobody may be waiting: the request was given up. The commit went on all the same.
        let _ = self.0.send(Some(outcome));
    }
}
