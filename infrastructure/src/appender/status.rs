//! How the appender is: for the administrator's view, metrics, and for whoever is turned away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use application::command::Unavailable;

use super::machine::{CommitKey, Machine, Millis};
use crate::chain::Address;
use crate::log::CommitOutcome;

/// How the appender is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppenderStatus {
    /// The address of the signing key that it uses, or will try first.
    pub signer: Address,
    /// Whether this server may sign with it now.
    pub holds_lease: bool,
    /// Commits that wait for a batch.
    pub queued: u64,
    /// Transactions on their way into a block.
    pub in_flight: u64,
    /// Transactions that are not final.
    pub unsettled: u64,
    /// For how long the oldest commit has been waiting, in milliseconds.
    pub oldest_ms: Option<u64>,
    /// What does not work just now; `None` while all is well.
    pub trouble: Option<String>,
    /// What this process has done so far.
    pub done: Counters,
}

/// Counted since the process began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Transactions seen in a block.
    pub mined: u64,
    /// Commits told to be appended.
    pub appended: u64,
    /// Commits told to be rejected.
    pub rejected: u64,
    /// Transactions replaced at a higher fee.
    pub replaced: u64,
    /// Transactions that a node took, each time.
    pub sent: u64,
    /// Commits signed again under another nonce, for their transaction came to nothing.
    pub reappended: u64,
}

/// Where something does not work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Database,
    Chain,
    Lease,
    Role,
    Refusal,
}

const PLACES: usize = 5;

/// What handle and runner share.
pub(super) struct Shared {
    inner: Mutex<Inner>,
    keys: AtomicU64,
}

struct Inner {
    status: AppenderStatus,
    troubles: [Option<String>; PLACES],
}

impl Shared {
    pub(super) fn new(signer: Address) -> Self {
        let status = AppenderStatus {
            signer,
            holds_lease: false,
            queued: 0,
            in_flight: 0,
            unsettled: 0,
            oldest_ms: None,
            trouble: None,
            done: Counters::default(),
        };
        Self {
            inner: Mutex::new(Inner {
                status,
                troubles: [const { None }; PLACES],
            }),
            keys: AtomicU64::new(0),
        }
    }

    pub(super) fn next_key(&self) -> CommitKey {
        CommitKey(self.keys.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn status(&self) -> AppenderStatus {
        let inner = self.lock();
        let trouble = inner.troubles.iter().flatten().next().cloned();
        AppenderStatus {
            trouble,
            ..inner.status.clone()
        }
    }

    /// Why nothing goes on, for whoever waited in vain for a place in the queue or in a batch.
    pub(super) fn why_full(&self) -> Unavailable {
        match &self.lock().troubles {
            [Some(_), ..] => Unavailable::Database,
            [_, Some(_), ..] | [_, _, _, Some(_), _] => Unavailable::Chain,
            _ => Unavailable::Overloaded,
        }
    }

    pub(super) fn lease(&self, signer: Address, held: bool) {
        let mut inner = self.lock();
        inner.status.signer = signer;
        inner.status.holds_lease = held;
    }

    /// Notes what does not work, and logs it once.
    pub(super) fn trouble(&self, place: Place, cause: &str) {
        if let Some(trouble) = self.lock().troubles.get_mut(place as usize)
            && trouble.as_deref() != Some(cause)
        {
            tracing::warn!(?place, cause, "the appender does not go on");
            *trouble = Some(cause.to_owned());
        }
    }

    /// Notes that it works again.
    pub(super) fn well(&self, place: Place) {
        if let Some(trouble) = self.lock().troubles.get_mut(place as usize)
            && trouble.take().is_some()
        {
            tracing::info!(?place, "the appender goes on");
        }
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.lock().status.done);
    }

    pub(super) fn count_outcome(&self, outcome: CommitOutcome) {
        self.count(|done| match outcome {
            CommitOutcome::Appended { .. } => done.appended += 1,
            CommitOutcome::Rejected { .. } => done.rejected += 1,
            _ => {}
        });
    }

    pub(super) fn show(&self, machine: &Machine, now: Millis) {
        let status = &mut self.lock().status;
        status.queued = machine.queue_len() as u64;
        status.in_flight = machine.in_flight() as u64;
        status.unsettled = machine.unsettled() as u64;
        status.oldest_ms = machine.oldest().map(|since| now.saturating_sub(since));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_lasts_until_that_place_is_well_again() {
        let shared = Shared::new(Address::default());
        shared.trouble(Place::Chain, "no node");
        shared.trouble(Place::Database, "no database");
        shared.well(Place::Refusal);
        assert_eq!(shared.status().trouble.as_deref(), Some("no database"));
        assert_eq!(shared.why_full(), Unavailable::Database);
        shared.well(Place::Database);
        assert_eq!(shared.why_full(), Unavailable::Chain);
        shared.well(Place::Chain);
        assert_eq!(
            (shared.status().trouble, shared.why_full()),
            (None, Unavailable::Overloaded)
        );
    }
}
