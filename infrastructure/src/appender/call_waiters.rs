//! Who waits for calls.

use std::collections::HashMap;
use std::sync::Arc;

use application::ports::command::Unavailable;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::machine::CallNews;
use crate::calls::{Call, CallId, CallOutcome};

/// What a ticket hears at the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum CallWord {
    /// What came of the call.
    Outcome(CallOutcome),
    /// The call's row tells, now or later.
    Standing,
}

/// The other end of a call's ticket. It holds a place in the queue until the call is durable.
#[derive(Debug)]
pub(super) struct CallWaiter {
    pub(super) accepted: Option<oneshot::Sender<()>>,
    pub(super) word: oneshot::Sender<CallWord>,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

impl CallWaiter {
    fn accept(&mut self) {
        self.place = None;
        if let Some(accepted) = self.accepted.take() {
            let _ = accepted.send(());
        }
    }

    pub(super) fn resolve(self, word: CallWord) {
        let _ = self.word.send(word);
    }
}

/// A call that somebody of this process waits for.
struct Waited {
    call: Arc<Call>,
    is_durable: bool,
    waiters: Vec<CallWaiter>,
}

/// Those who wait, by what they wait for.
#[derive(Default)]
pub(super) struct CallWaiters {
    calls: HashMap<CallId, Waited>,
}

impl CallWaiters {
    /// Takes in whoever waits for a call. `true` when the call is to be queued: nobody has handed it over before.
    pub(super) fn take_in(&mut self, call: &Arc<Call>, mut waiter: CallWaiter) -> bool {
        let Some(waited) = self.calls.get_mut(&call.id) else {
            let waited = Waited {
                call: Arc::clone(call),
                is_durable: false,
                waiters: vec![waiter],
            };
            self.calls.insert(call.id, waited);
            return true;
        };
        if (call.target, &call.data) != (waited.call.target, &waited.call.data) {
            waiter.resolve(CallWord::Outcome(CallOutcome::AnotherHasItsId));
            return false;
        }
        if waited.is_durable {
            waiter.accept();
        }
        waited.waiters.push(waiter);
        false
    }

    /// Tells them what the machine says.
    pub(super) fn tell(&mut self, id: CallId, news: CallNews, why: impl FnOnce() -> Unavailable) {
        match news {
            CallNews::Accepted => {
                if let Some(waited) = self.calls.get_mut(&id) {
                    waited.is_durable = true;
                    waited.waiters.iter_mut().for_each(CallWaiter::accept);
                }
            }
            CallNews::TurnedAway => self.end(id, &CallWord::Outcome(CallOutcome::Failed(why()))),
            CallNews::Standing => {
                self.tell(id, CallNews::Accepted, why);
                self.end(id, &CallWord::Standing);
            }
        }
    }

    /// Tells them what came of it.
    pub(super) fn resolve(&mut self, id: CallId, outcome: &CallOutcome) {
        self.end(id, &CallWord::Outcome(outcome.clone()));
    }

    /// Tells all of them that it cannot be told here what becomes of their calls.
    pub(super) fn hand_over(&mut self) {
        for waiter in self.calls.drain().flat_map(|(_, waited)| waited.waiters) {
            waiter.resolve(CallWord::Outcome(CallOutcome::HandedOver));
        }
    }

    /// Those who wait for a call that is not durable, to be kept for later.
    pub(super) fn take_back(&mut self, id: CallId) -> Vec<CallWaiter> {
        self.calls.remove(&id).map(|waited| waited.waiters).unwrap_or_default()
    }

    fn end(&mut self, id: CallId, word: &CallWord) {
        for waiter in self.take_back(id) {
            waiter.resolve(word.clone());
        }
    }
}
