//! What the follower tells about itself, without asking the database.

use std::sync::{Arc, Mutex, PoisonError};

use application::ports::{Progress, ProgressSource};
use application::trouble::{Trouble, TroubleKind, Troubles, Weight};

/// How the follower is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FollowerStatus {
    /// How far the read models are.
    pub progress: Progress,
    /// The newest block of the node, as last seen.
    pub chain_head: u64,
    /// How many events of the log are foreign.
    pub foreign_events: u64,
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
            foreign_events: 0,
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
