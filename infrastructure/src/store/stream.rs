//! One stream in memory: its state at the optimistic head, and how much of that is certain.
//!
//! Everything that speaks against the state (a rejection, somebody else's event, a reorganisation) drops it, and the next
//! command loads it from the journal again. The generation counts these moments, so that neither a slow load nor a late outcome
//! brings back what was dropped.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use application::log::{Position, StreamId};
use tokio::sync::{Notify, OwnedMutexGuard};

use super::in_flight::InFlight;
use crate::log::{CommitOutcome, StreamHead};

/// The state of an aggregate, typed when it is taken out.
pub(super) type AnyState = Arc<dyn Any + Send + Sync>;

/// A stream's state at a head, as a command finds it.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) state: AnyState,
    pub(super) head: StreamHead,
    /// The last position of the log that is certain to be in it.
    pub(super) position: Position,
    /// The last commit in flight that it rests on. If that is appended, so are those before it.
    pub(super) upon: Option<InFlight>,
    pub(super) generation: u64,
}

/// What a load from the journal must respect.
#[derive(Clone, Copy)]
pub(super) struct Fill {
    generation: u64,
    /// The head that the journal must have reached.
    pub(super) required: Option<StreamHead>,
}

/// One stream.
#[derive(Default)]
pub(super) struct Stream {
    turn: Arc<tokio::sync::Mutex<()>>,
    known: Mutex<Known>,
    changed: Notify,
}

#[derive(Default)]
struct Known {
    loaded: Option<At>,
    /// Oldest first; each rests on the one before it.
    in_flight: VecDeque<Pending>,
    generation: u64,
    required: Option<StreamHead>,
}

struct At {
    state: AnyState,
    head: StreamHead,
    /// Where the certain part ends: what was read from the journal, or appended and answered.
    base: StreamHead,
    position: Position,
}

struct Pending {
    commit: InFlight,
    /// The heads after each of its events.
    heads: Vec<StreamHead>,
}

impl Stream {
    /// Waits for the caller's turn: from loading to handing over, commands on a stream go one after the other.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// The state, if it is in memory.
    pub(super) fn loaded(&self) -> Option<Loaded> {
        let known = self.known();
        let at = known.loaded.as_ref()?;
        Some(Loaded {
            state: Arc::clone(&at.state),
            head: at.head,
            position: at.position,
            upon: known.in_flight.back().map(|pending| pending.commit.clone()),
            generation: known.generation,
        })
    }

    /// Begins to load.
    pub(super) fn begin_fill(&self) -> Fill {
        let known = self.known();
        Fill {
            generation: known.generation,
            required: known.required,
        }
    }

    /// Puts in what was loaded, unless something happened meanwhile that it may not contain.
    pub(super) fn finish_fill(&self, fill: Fill, state: AnyState, head: StreamHead, position: Position) {
        let mut known = self.known();
        if known.generation == fill.generation {
            known.loaded = Some(At {
                state,
                head,
                base: head,
                position,
            });
            known.in_flight.clear();
            known.required = None;
        }
    }

    /// The journal does not get where it was said to be: a reorganisation took that away.
    pub(super) fn give_up_waiting(&self, fill: Fill) {
        let mut known = self.known();
        if known.generation == fill.generation {
            known.required = None;
        }
    }

    /// Waits until something is said about the stream. It may miss what was said just before, so wait with a timeout.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether the state that a command was decided on still stands.
    pub(super) fn is_current(&self, generation: u64, head: StreamHead) -> bool {
        let known = self.known();
        known.generation == generation && known.loaded.as_ref().is_some_and(|at| at.head == head)
    }

    /// A commit was handed over: its events are on top of the state from now on.
    pub(super) fn advance(&self, generation: u64, state: AnyState, heads: Vec<StreamHead>, commit: InFlight) {
        let mut known = self.known();
        if known.generation != generation {
            return;
        }
        if let (Some(at), Some(head)) = (known.loaded.as_mut(), heads.last()) {
            at.state = state;
            at.head = *head;
            known.in_flight.push_back(Pending { commit, heads });
        }
    }

    /// What became of a commit.
    pub(super) fn resolved(&self, stream: &StreamId, commit: &InFlight, outcome: &CommitOutcome) {
        let mut known = self.known();
        let place = known.in_flight.iter().position(|pending| pending.commit.is(commit));
        match (outcome, place) {
            (CommitOutcome::Appended { position, .. }, Some(place)) => {
                let appended = known.in_flight.drain(..=place).next_back();
                let head = appended.and_then(|pending| pending.heads.last().copied());
                if let (Some(at), Some(head)) = (known.loaded.as_mut(), head) {
                    at.base = head;
                    at.position = at.position.max(*position);
                }
            }
            // The state does not rest on it any more; a load finds it in the journal.
            (CommitOutcome::Appended { .. }, None) => {}
            (CommitOutcome::Rejected { stream: stale, actual }, place) if stale == stream => {
                if place.is_some() || known.loaded.is_none() {
                    known.drop_state(Some(*actual));
                }
            }
            (
                CommitOutcome::Rejected { .. }
                | CommitOutcome::Duplicate
                | CommitOutcome::HandedOver
                | CommitOutcome::TooLarge
                | CommitOutcome::Refused
                | CommitOutcome::Failed(_),
                place,
            ) => {
                if place.is_some() {
                    known.drop_state(None);
                }
            }
        }
        drop(known);
        self.changed.notify_waiters();
    }

    /// The journal has an event of the stream.
    pub(super) fn applied(&self, head: StreamHead) {
        let mut known = self.known();
        let agrees = known.loaded.as_ref().is_some_and(|at| {
            head.version < at.base.version
                || head == at.base
                || known.in_flight.iter().any(|pending| pending.heads.contains(&head))
        });
        if !agrees {
            known.drop_state(None);
        }
        drop(known);
        self.changed.notify_waiters();
    }

    /// Everything after a position was undone. Commits in flight are appended again in their order, so a state that
    /// rests on nothing else of what was undone may stay.
    pub(super) fn reverted(&self, position: Position) {
        let mut known = self.known();
        if known.loaded.as_ref().is_none_or(|at| at.position > position) {
            known.drop_state(None);
        }
        known.required = None;
        drop(known);
        self.changed.notify_waiters();
    }

    /// Whether the state rests on commits in flight.
    pub(super) fn is_in_flight(&self) -> bool {
        !self.known().in_flight.is_empty()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn drop_state(&mut self, required: Option<StreamHead>) {
        self.loaded = None;
        self.in_flight.clear();
        self.generation += 1;
        // Of two heads that were reported the journal must reach the later one.
        let later = |head: &StreamHead| self.required.is_none_or(|known| head.version >= known.version);
        if let Some(required) = required.filter(later) {
            self.required = Some(required);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: StreamId = StreamId([1; 32]);

    fn head(version: u64, tag: u8) -> StreamHead {
        StreamHead { version, tag: [tag; 8] }
    }

    fn stream_at(head: StreamHead) -> Stream {
        let stream = Stream::default();
        stream.finish_fill(stream.begin_fill(), Arc::new(()), head, 10);
        stream
    }

    fn advance(stream: &Stream, to: StreamHead) -> InFlight {
        let (_, commit) = InFlight::new(vec![(ID, to)]);
        stream.advance(
            stream.loaded().unwrap().generation,
            Arc::new(()),
            vec![to],
            commit.clone(),
        );
        commit
    }

    const APPENDED: CommitOutcome = CommitOutcome::Appended {
        position: 11,
        finality: application::log::Finality::Final,
    };

    #[test]
    fn a_commit_in_flight_is_on_top_at_once() {
        let stream = stream_at(head(1, 1));
        let commit = advance(&stream, head(2, 2));
        let loaded = stream.loaded().unwrap();
        assert_eq!(loaded.head, head(2, 2));
        assert!(loaded.upon.unwrap().is(&commit));
        assert!(stream.is_in_flight());
    }

    #[test]
    fn an_appended_commit_is_certain() {
        let stream = stream_at(head(1, 1));
        let commit = advance(&stream, head(2, 2));
        stream.applied(head(2, 2));
        stream.resolved(&ID, &commit, &APPENDED);
        let loaded = stream.loaded().unwrap();
        assert!(loaded.upon.is_none());
        assert_eq!((loaded.head, loaded.position), (head(2, 2), 11));
        stream.applied(head(2, 2));
        assert!(stream.loaded().is_some(), "a late notice of it changes nothing");
    }

    #[test]
    fn a_rejection_drops_everything_built_on_it_and_names_what_the_journal_must_reach() {
        let stream = stream_at(head(1, 1));
        let first = advance(&stream, head(2, 2));
        let second = advance(&stream, head(3, 3));
        let rejected = CommitOutcome::Rejected {
            stream: ID,
            actual: head(2, 9),
        };
        stream.resolved(&ID, &first, &rejected);
        assert!(stream.loaded().is_none());
        let fill = stream.begin_fill();
        assert_eq!(fill.required, Some(head(2, 9)));
        stream.finish_fill(fill, Arc::new(()), head(2, 9), 12);
        stream.resolved(&ID, &second, &rejected);
        assert_eq!(
            stream.loaded().unwrap().head,
            head(2, 9),
            "what was loaded since is not touched"
        );
    }

    #[test]
    fn a_rejection_for_another_streams_sake_asks_nothing_of_the_journal() {
        let stream = stream_at(head(1, 1));
        let commit = advance(&stream, head(2, 2));
        stream.resolved(
            &ID,
            &commit,
            &CommitOutcome::Rejected {
                stream: StreamId([2; 32]),
                actual: head(7, 7),
            },
        );
        assert!(stream.loaded().is_none());
        assert_eq!(stream.begin_fill().required, None);
    }

    #[test]
    fn a_strangers_event_drops_the_state() {
        let stream = stream_at(head(1, 1));
        stream.applied(head(2, 9));
        assert!(stream.loaded().is_none());
        let stream = stream_at(head(1, 1));
        stream.applied(head(1, 9));
        assert!(
            stream.loaded().is_none(),
            "an event of the same version with another tag"
        );
    }

    #[test]
    fn an_event_that_the_state_contains_changes_nothing() {
        let stream = stream_at(head(5, 5));
        stream.applied(head(3, 3));
        stream.applied(head(5, 5));
        assert!(stream.loaded().is_some());
    }

    #[test]
    fn a_load_that_something_overtook_is_not_put_in() {
        let stream = Stream::default();
        let fill = stream.begin_fill();
        stream.applied(head(1, 1));
        stream.finish_fill(fill, Arc::new(()), StreamHead::default(), 0);
        assert!(stream.loaded().is_none());
    }

    #[test]
    fn a_reorganisation_drops_what_rests_on_what_it_undid() {
        let stream = stream_at(head(1, 1));
        stream.reverted(10);
        assert!(stream.loaded().is_some(), "nothing of it was undone");
        stream.reverted(9);
        assert!(stream.loaded().is_none());
    }

    #[test]
    fn commits_in_flight_survive_a_reorganisation_below_them() {
        let stream = stream_at(head(1, 1));
        let commit = advance(&stream, head(2, 2));
        stream.applied(head(2, 2));
        stream.reverted(10);
        assert_eq!(stream.loaded().unwrap().head, head(2, 2));
        stream.applied(head(2, 2));
        stream.resolved(&ID, &commit, &APPENDED);
        assert_eq!(stream.loaded().unwrap().head, head(2, 2));
    }
}
