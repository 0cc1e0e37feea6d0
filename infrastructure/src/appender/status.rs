//! How the appender is: for the administrator's view, metrics, and for whoever is turned away.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use application::ports::command::Unavailable;
use application::trouble::{TroubleKind, Troubles};
use tokio::sync::Notify;

use super::machine::{CommitKey, Machine, Millis};
use crate::chain::Address;
use crate::chain::gas::GasRules;
use crate::log::{Commit, CommitOutcome, Namespace};

/// How the appender is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppenderStatus {
    /// The address of its signing key.
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
    /// What does not work just now.
    pub troubles: Troubles,
    /// What things cost in gas, as a node says.
    pub gas: GasRules,
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
    /// Commits that were accepted and given up, for the contract refuses them for good.
    pub refused: u64,
    /// Transactions replaced at a higher fee.
    pub replaced: u64,
    /// Transactions that a node took, each time.
    pub sent: u64,
    /// Commits signed again under another nonce, for their transaction came to nothing.
    pub reappended: u64,
}

/// What handle and runner share.
pub(super) struct Shared {
    status: Mutex<AppenderStatus>,
    keys: AtomicU64,
    /// The shared namespaces in which the signing key does not write.
    closed: Mutex<BTreeSet<Namespace>>,
    /// Told when gas is dearer than was known.
    pub(super) gas_is_dear: Notify,
}

impl Shared {
    /// The signing key does not write in these shared namespaces, and in all others it does.
    pub(super) fn closed_to(&self, namespaces: BTreeSet<Namespace>) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = namespaces;
    }

    /// Whether the signing key may append a commit, as far as shared namespaces go.
    pub(super) fn may_append(&self, commit: &Commit) -> bool {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parts = commit.parts.iter();
        !parts.any(|part| closed.contains(&Namespace::of(&part.stream)))
    }

    pub(super) fn new(signer: Address) -> Self {
        let status = AppenderStatus {
            signer,
            holds_lease: false,
            queued: 0,
            in_flight: 0,
            unsettled: 0,
            oldest_ms: None,
            troubles: Troubles::default(),
            gas: GasRules::TODAY,
            done: Counters::default(),
        };
        Self {
            status: Mutex::new(status),
            keys: AtomicU64::new(0),
            closed: Mutex::default(),
            gas_is_dear: Notify::new(),
        }
    }

    /// What things cost in gas, as a node says.
    pub(super) fn gas(&self) -> GasRules {
        self.lock().gas
    }

    pub(super) fn next_key(&self) -> CommitKey {
        CommitKey(self.keys.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn status(&self) -> AppenderStatus {
        self.lock().clone()
    }

    /// Why nothing goes on, for whoever waited in vain for a place in the queue or in a batch.
    pub(super) fn why_full(&self) -> Unavailable {
        let troubles = &self.lock().troubles;
        if troubles.has(TroubleKind::AppenderWithoutDatabase) {
            Unavailable::Database
        } else if troubles.has(TroubleKind::SigningKeyTaken)
            || troubles.has(TroubleKind::SigningKeyNotAdmitted)
            || troubles.has(TroubleKind::SigningKeyWithoutEther)
            || troubles.has(TroubleKind::BlocksTooSmall)
        {
            Unavailable::NotAppending
        } else if troubles.has(TroubleKind::AppenderWithoutNode) {
            Unavailable::Chain
        } else {
            Unavailable::Overloaded
        }
    }

    /// Notes whether the lease on a key is held. Whoever has it next tells how its transactions fare.
    pub(super) fn lease(&self, signer: Address, held: bool) {
        if !held {
            self.well(TroubleKind::NothingMined);
            self.well(TroubleKind::BlocksTooSmall);
            self.well(TroubleKind::TransactionUndecided);
            self.well(TroubleKind::SigningKeyWithoutEther);
        }
        let mut status = self.lock();
        status.signer = signer;
        status.holds_lease = held;
    }

    /// Notes what does not work, and logs it once.
    pub(super) fn trouble(&self, kind: TroubleKind, cause: &str) {
        if self.lock().troubles.tell(kind, cause) {
            tracing::warn!(trouble = kind.code(), cause, "the appender is in trouble");
        }
    }

    /// Notes that it works again.
    pub(super) fn well(&self, kind: TroubleKind) {
        if self.lock().troubles.end(kind) {
            tracing::info!(trouble = kind.code(), "the appender's trouble is over");
        }
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.lock().done);
    }

    pub(super) fn count_outcome(&self, outcome: CommitOutcome) {
        self.count(|done| match outcome {
            CommitOutcome::Appended { .. } => done.appended += 1,
            CommitOutcome::Rejected { .. } => done.rejected += 1,
            _ => {}
        });
    }

    pub(super) fn show(&self, machine: &Machine, now: Millis) {
        match machine.unmined_for(now) {
            Some(long) if long >= UNMINED_FOR => self.trouble(TroubleKind::NothingMined, NOTHING_MINED),
            _ => self.well(TroubleKind::NothingMined),
        }
        match machine.waits_for_gas() {
            Some(gas) => self.trouble(
                TroubleKind::BlocksTooSmall,
                &format!("the first of what waits asks for {gas} units of gas"),
            ),
            None => self.well(TroubleKind::BlocksTooSmall),
        }
        match machine.undecided_for(now) {
            Some(long) if long >= UNDECIDED_FOR => self.trouble(TroubleKind::TransactionUndecided, UNDECIDED),
            _ => self.well(TroubleKind::TransactionUndecided),
        }
        let mut status = self.lock();
        status.gas = *machine.told_gas();
        status.queued = machine.queue_len() as u64;
        status.in_flight = machine.in_flight() as u64;
        status.unsettled = machine.unsettled() as u64;
        status.oldest_ms = machine.oldest().map(|since| now.saturating_sub(since));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, AppenderStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long nothing may be mined, in milliseconds, before it is a trouble: some blocks of the slowest networks.
const UNMINED_FOR: Millis = 60_000;

const NOTHING_MINED: &str = "transactions were sent a minute ago or more, and none of them is in a block";

/// How long it may be unclear, in milliseconds, for what a nonce was used that a final block has used, before it is a trouble: nodes that restart
/// answer again by then.
pub(super) const UNDECIDED_FOR: Millis = 180_000;

/// What is said of it, here and of former keys.
pub(super) const UNDECIDED: &str = "a final block has used a transaction's nonce minutes ago, and the nodes do not say for what: one of them is silent, has \
                                    forgotten former states, or contradicts another";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_transactions_fare_is_told_by_whoever_holds_the_lease() {
        let shared = Shared::new(Address::default());
        shared.lease(Address::default(), true);
        shared.trouble(TroubleKind::NothingMined, NOTHING_MINED);
        shared.trouble(TroubleKind::TransactionUndecided, UNDECIDED);
        shared.trouble(TroubleKind::SigningKeyWithoutEther, "no ether");
        shared.lease(Address::default(), false);
        assert!(shared.status().troubles.is_empty());
    }

    #[test]
    fn what_is_turned_away_hears_of_the_trouble_until_it_is_over() {
        let shared = Shared::new(Address::default());
        shared.trouble(TroubleKind::AppenderWithoutNode, "no node");
        shared.trouble(TroubleKind::AppenderWithoutDatabase, "no database");
        shared.well(TroubleKind::TransactionRefused);
        let troubles = shared.status().troubles;
        assert_eq!(
            troubles.cause(TroubleKind::AppenderWithoutDatabase),
            Some("no database")
        );
        assert_eq!(shared.why_full(), Unavailable::Database);
        shared.well(TroubleKind::AppenderWithoutDatabase);
        assert_eq!(shared.why_full(), Unavailable::Chain);
        shared.well(TroubleKind::AppenderWithoutNode);
        assert!(shared.status().troubles.is_empty());
        assert_eq!(shared.why_full(), Unavailable::Overloaded);
        for kind in [
            TroubleKind::SigningKeyTaken,
            TroubleKind::SigningKeyNotAdmitted,
            TroubleKind::SigningKeyWithoutEther,
            TroubleKind::BlocksTooSmall,
        ] {
            shared.trouble(kind, "the key");
            assert_eq!(shared.why_full(), Unavailable::NotAppending);
            shared.well(kind);
        }
    }
}
