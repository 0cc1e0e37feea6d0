//! Who waits for calls.

use std::collections::HashMap;
use std::sync::Arc;

use application::ports::command::Unavailable;

use super::door::Waiter;
use super::machine::{CallEnd, CallNews};
use crate::calls::{Call, CallId, CallOutcome};

/// What a ticket hears at the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum CallWord {
    /// What came of the call.
    Outcome(CallOutcome),
    /// The call's row tells, now or later.
    Standing,
}

/// The other end of a call's ticket.
pub(super) type CallWaiter = Waiter<CallWord>;

/// A call that somebody of this process waits for.
struct Waited {
    call: Arc<Call>,
    is_durable: bool,
    /// A former lease ended while it was being stored: it may be.
    perhaps: bool,
    waiters: Vec<CallWaiter>,
}

/// What to tell of a call that is not stored for this reason: of one that may have been before it cannot be told.
pub(super) const fn unless_perhaps(perhaps: bool, why: Unavailable) -> CallOutcome {
    if perhaps {
        CallOutcome::HandedOver
    } else {
        CallOutcome::Failed(why)
    }
}

/// Those who wait, by what they wait for.
#[derive(Default)]
pub(super) struct CallWaiters {
    calls: HashMap<CallId, Waited>,
}

impl CallWaiters {
    /// Takes in whoever waits for a call, which perhaps is stored already. `true` when the call is to be queued: nobody has handed it over before.
    pub(super) fn take_in(&mut self, call: &Arc<Call>, mut waiter: CallWaiter, perhaps: bool) -> bool {
        let Some(waited) = self.calls.get_mut(&call.id) else {
            let waited = Waited {
                call: Arc::clone(call),
                is_durable: false,
                perhaps,
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
        waited.perhaps |= perhaps;
        waited.waiters.push(waiter);
        false
    }

    /// Tells them what the machine says.
    pub(super) fn tell(&mut self, id: CallId, news: CallNews, why: impl FnOnce() -> Unavailable) {
        match news {
            CallNews::Accepted => {
                if let Some(waited) = self.calls.get_mut(&id) {
                    waited.is_durable = true;
                    waited.waiters.iter_mut().for_each(Waiter::accept);
                }
            }
            CallNews::TurnedAway => {
                let perhaps = self.calls.get(&id).is_some_and(|waited| waited.perhaps);
                self.resolve(id, &unless_perhaps(perhaps, why()));
            }
            CallNews::AnotherHasItsId => self.resolve(id, &CallOutcome::AnotherHasItsId),
            CallNews::Standing => {
                self.tell(id, CallNews::Accepted, why);
                self.end(id, &CallWord::Standing);
            }
        }
    }

    /// Tells them what came of it; without that its row tells.
    pub(super) fn settle(&mut self, id: CallId, end: Option<CallEnd>) {
        let word = end.map_or(CallWord::Standing, |end| CallWord::Outcome(end.into()));
        self.end(id, &word);
    }

    fn resolve(&mut self, id: CallId, outcome: &CallOutcome) {
        self.end(id, &CallWord::Outcome(outcome.clone()));
    }

    /// Tells all of them that it cannot be told here what becomes of their calls.
    pub(super) fn hand_over(&mut self) {
        for waiter in self.calls.drain().flat_map(|(_, waited)| waited.waiters) {
            waiter.resolve(CallWord::Outcome(CallOutcome::HandedOver));
        }
    }

    /// Those who wait for a call that is not known to be durable, to be kept for later, and whether it may be. `None` when nobody of this process has
    /// handed it over, or it is durable.
    pub(super) fn take_back(&mut self, id: CallId) -> Option<(Vec<CallWaiter>, bool)> {
        let waited = self.calls.get(&id).filter(|waited| !waited.is_durable)?;
        let perhaps = waited.perhaps;
        Some((self.take(id), perhaps))
    }

    fn take(&mut self, id: CallId) -> Vec<CallWaiter> {
        self.calls.remove(&id).map(|waited| waited.waiters).unwrap_or_default()
    }

    fn end(&mut self, id: CallId, word: &CallWord) {
        for waiter in self.take(id) {
            waiter.resolve(word.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::*;
    use crate::calls::CallKind;

    /// Somebody who waits for a call, and what they hear: whether it was accepted, and the word.
    fn waiting(perhaps: bool) -> (CallWaiters, oneshot::Receiver<()>, oneshot::Receiver<CallWord>) {
        let (waiter, accepted, word) = CallWaiter::new();
        let call = Arc::new(Call {
            id: ID,
            kind: CallKind::UNNAMED,
            target: [7; 20],
            data: Vec::new(),
        });
        let mut waiters = CallWaiters::default();
        assert!(waiters.take_in(&call, waiter, perhaps));
        (waiters, accepted, word)
    }

    const ID: CallId = CallId(Uuid::from_u128(1));

    #[test]
    fn what_stands_under_its_id_is_accepted_only_if_it_is_the_same() {
        for (news, is_accepted, expected) in [
            (CallNews::Standing, true, CallWord::Standing),
            (
                CallNews::AnotherHasItsId,
                false,
                CallWord::Outcome(CallOutcome::AnotherHasItsId),
            ),
        ] {
            let (mut waiters, mut accepted, mut word) = waiting(false);
            waiters.tell(ID, news, || Unavailable::Database);
            assert_eq!(accepted.try_recv().is_ok(), is_accepted, "{news:?}");
            assert_eq!(word.try_recv(), Ok(expected));
        }
    }

    #[test]
    fn of_what_may_have_been_stored_it_is_never_told_that_it_was_not() {
        for (perhaps, expected) in [
            (true, CallOutcome::HandedOver),
            (false, CallOutcome::Failed(Unavailable::Database)),
        ] {
            let (mut waiters, mut accepted, mut word) = waiting(perhaps);
            waiters.tell(ID, CallNews::TurnedAway, || Unavailable::Database);
            assert!(accepted.try_recv().is_err());
            assert_eq!(word.try_recv(), Ok(CallWord::Outcome(expected)));
        }
    }

    #[test]
    fn only_what_is_not_durable_is_kept_for_the_next_lease() {
        let (mut waiters, ..) = waiting(false);
        waiters.tell(ID, CallNews::Accepted, || Unavailable::Database);
        assert!(waiters.take_back(ID).is_none());
        let (mut waiters, ..) = waiting(true);
        let (back, perhaps) = waiters.take_back(ID).unwrap();
        assert!(back.len() == 1 && perhaps);
        assert!(waiters.take_back(ID).is_none());
    }
}
