//! What the follower tells about itself, without asking the database.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use application::ports::{Progress, ProgressSource};
use application::trouble::{Trouble, TroubleKind, Troubles, Weight};

use super::shared_namespaces::SharedFindings;
use super::window::Unread;
use crate::keys::EpochNumber;
use crate::log::Namespace;

/// How long it is told that entries came which are not authentic.
const ALARM: Duration = Duration::from_secs(24 * 60 * 60);

/// How the follower is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FollowerStatus {
    /// How far the read models are.
    pub progress: Progress,
    /// The newest block of the node, as last seen.
    pub chain_head: u64,
    /// The epoch of the namespace in which events are sealed now.
    pub sealing_epoch: EpochNumber,
    /// What of the log means nothing here.
    pub unread: Unread,
    /// What of that was so when its block was read.
    pub(super) in_blocks: Unread,
    /// When the last entry came that is not authentic, or since when this follower runs, if there was one before.
    pub void_at: Option<Instant>,
    /// How many streams are held back by an event that cannot be read.
    pub held_streams: u64,
    /// How many events are parked.
    pub parked_events: u64,
    /// How many of them are under keys of ours that are not here.
    pub keyless_events: u64,
    /// How many data subjects of ours have no key.
    pub keyless_subjects: u64,
    /// Why it does not go on; `None` while it does.
    pub trouble: Option<Trouble>,
    /// What it noticed beside that. Whoever tells one of these tells when it is over.
    pub noticed: Troubles,
}

/// Shared between the follower, which writes, and everybody who asks.
#[derive(Clone, Debug)]
pub struct StatusCell(Arc<Mutex<FollowerStatus>>);

impl Default for StatusCell {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(FollowerStatus {
            progress: Progress {
                position: 0,
                block: 0,
                final_block: 0,
                final_position: 0,
            },
            chain_head: 0,
            sealing_epoch: 0,
            unread: Unread::default(),
            in_blocks: Unread::default(),
            void_at: None,
            held_streams: 0,
            parked_events: 0,
            keyless_events: 0,
            keyless_subjects: 0,
            trouble: None,
            noticed: Troubles::default(),
        })))
    }
}

impl StatusCell {
    /// The status now.
    pub fn get(&self) -> FollowerStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut FollowerStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl FollowerStatus {
    /// What the gravest of its troubles means for the server.
    pub fn weight(&self) -> Option<Weight> {
        let own = self.trouble.as_ref().map(|trouble| trouble.kind.weight());
        own.max(self.noticed.weight())
    }

    /// Tells how much of the log means nothing here, as it was read and as it came to be when it was tried again; and whether there is more of it that should not be there.
    pub(super) fn tell_unread(&mut self, in_blocks: Unread, released: Unread) {
        self.in_blocks = in_blocks;
        let unread = in_blocks.plus(released);
        let suspicious = |unread: Unread| {
            let void = unread.void.saturating_add(unread.overruled);
            void.saturating_add(unread.unreadable)
        };
        let before = std::mem::replace(&mut self.unread, unread);
        if suspicious(unread) > suspicious(before) {
            self.void_at = Some(Instant::now());
        }
        let is_told = suspicious(unread) > 0 && self.void_at.is_some_and(|at| at.elapsed() < ALARM);
        if !is_told {
            self.void_at = None;
            self.noticed.end(TroubleKind::VoidEntries);
        } else if before != unread {
            let cause = format!(
                "{} entries of our streams are void, {} of shared ones are overruled, and the personal sections of {} events cannot be read",
                unread.void, unread.overruled, unread.unreadable
            );
            self.noticed.tell(TroubleKind::VoidEntries, &cause);
        }
    }

    /// Tells whether keys are missing.
    pub(super) fn tell_keys(&mut self) {
        let (subjects, events) = (self.keyless_subjects, self.keyless_events);
        if subjects == 0 && events == 0 {
            self.noticed.end(TroubleKind::DataKeyMissing);
            return;
        }
        let cause =
            format!("{subjects} data subjects in the read models have no key, and {events} events wait for one");
        if self.noticed.tell(TroubleKind::DataKeyMissing, &cause) {
            tracing::error!(cause, "data subjects' keys are missing");
        }
    }

    /// Tells whether events of ours are parked that no key would make readable.
    pub(super) fn tell_parked(&mut self, unreadable: u64) {
        let cause = (unreadable > 0)
            .then(|| format!("{unreadable} events cannot be read; they are listed in the status (`parked`)"));
        self.tell_or_end(TroubleKind::EventsParked, cause);
    }

    /// Tells which epochs of the namespace are published and cannot be used.
    pub(super) fn tell_epochs(&mut self, missing: &[EpochNumber]) {
        let cause = missing.first().map(|first| {
            format!(
                "the secrets of {} epochs are missing, the first of them that of epoch {first}",
                missing.len()
            )
        });
        self.tell_or_end(TroubleKind::EpochMissing, cause);
    }

    /// Tells the same of namespaces that are shared.
    pub(super) fn tell_shared_epochs(&mut self, missing: &[(Namespace, EpochNumber)]) {
        let cause = missing.first().map(|(namespace, first)| {
            format!(
                "`chain.shared` lacks the secrets of {} epochs, the first of them that of epoch {first} of the namespace {namespace}",
                missing.len()
            )
        });
        self.tell_or_end(TroubleKind::SharedEpochMissing, cause);
    }

    /// Tells what is amiss with namespaces that are shared.
    pub(super) fn tell_shared_namespaces(&mut self, found: &SharedFindings) {
        self.tell_or_end(TroubleKind::SharedNamespaceNotConfigured, found.of_unconfigured());
        self.tell_or_end(TroubleKind::SharedNamespaceUnreadable, found.of_unreadable());
    }

    fn tell_or_end(&mut self, kind: TroubleKind, cause: Option<String>) {
        let Some(cause) = cause else {
            self.noticed.end(kind);
            return;
        };
        if self.noticed.tell(kind, &cause) {
            match kind.weight() {
                Weight::Warning => tracing::warn!(cause, "{}", kind.title()),
                Weight::Stalled | Weight::Unfit => tracing::error!(cause, "{}", kind.title()),
            }
        }
    }

    /// All that does not work just now: why it does not go on, then what it noticed beside that, the gravest first.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.trouble.iter().cloned().chain(self.noticed.list()).collect()
    }
}

impl ProgressSource for StatusCell {
    fn progress(&self) -> Progress {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).progress
    }
}
