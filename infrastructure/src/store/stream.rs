//! One stream in memory: the states of its aggregates at the optimistic tip, and how much of that is certain. A patient's record is one stream here: its
//! tip is that of the chapter that is open, with versions that count over all chapters.
//!
//! Everything that speaks against the state (a rejection, somebody else's event, a reorganisation) drops it, and the next
//! command loads it from the journal again. The generation counts these moments, so that neither a slow load nor a late outcome
//! brings back what was dropped.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use application::log::{AnyEvent, Position, StreamId};
use domain::kernel::AggregateRef;
use domain::state::AnyState;
use tokio::sync::{Notify, OwnedMutexGuard};

use super::in_flight::InFlight;
use super::reader::History;
use crate::log::{CommitOutcome, StreamHead, StreamTip};

/// How many aggregates of a stream are kept in memory. A patient's record may have thousands.
const MOST_AGGREGATES: usize = 64;

/// How many aggregates of a stream are known by name.
const MOST_MEMBERS: usize = 8192;

/// An aggregate of a stream at the stream's tip, as a command finds it.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) state: Arc<AnyState>,
    pub(super) tip: StreamTip,
    /// The last position of the log that is certain to be in it.
    pub(super) position: Position,
    /// Whether anything in the stream counts yet; of a record in the chapter that is open.
    pub(super) has_begun: bool,
    /// Whether the erasure of its data subject has ended the stream.
    pub(super) has_ended: bool,
    /// The last commit in flight that it rests on. If that is appended, so are those before it.
    pub(super) upon: Option<InFlight>,
    pub(super) generation: u64,
}

impl Loaded {
    /// Whether the data subject of this aggregate is erased. Nothing is decided about them any more, but that they are.
    pub(super) const fn is_after_the_end(&self, aggregate: &AggregateRef) -> bool {
        self.has_ended && !matches!(aggregate, AggregateRef::Erasure(_))
    }
}

/// What a load from the journal must respect.
#[derive(Clone, Copy)]
pub(super) struct Fill {
    generation: u64,
    /// The head that the journal must have reached.
    pub(super) required: Option<StreamHead>,
    /// Whether nothing of the stream is in memory, and nothing is known of it.
    pub(super) is_first: bool,
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
    required: Option<Required>,
    /// Whether the journal had it once: then nobody guesses that it is new.
    exists: bool,
}

/// A head that the journal must reach before it is read.
struct Required {
    head: StreamHead,
    /// The commit that leads there, while nobody knows yet whether it is appended.
    hoped_from: Option<InFlight>,
}

struct At {
    states: HashMap<AggregateRef, Arc<AnyState>>,
    /// All aggregates to which something has happened, if they are known: then any other is new, and nobody need ask.
    members: Option<HashSet<AggregateRef>>,
    tip: StreamTip,
    /// Where the certain part ends: what was read from the journal, or appended and answered.
    base: StreamTip,
    position: Position,
    has_begun: bool,
    /// Whether an event of the stream is parked: then nothing is known but what stands alone.
    is_held_back: bool,
    has_ended: bool,
}

struct Pending {
    commit: InFlight,
    events: Vec<Moved>,
}

/// An event that moves a stream's tip.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    /// The event.
    pub(super) event: AnyEvent,
    /// The tip after it.
    pub(super) tip: StreamTip,
}

impl Pending {
    /// The tip after it.
    fn tip(&self) -> Option<StreamTip> {
        self.events.last().map(|moved| moved.tip)
    }

    /// Whether the stream stands at this tip in the middle of it, or after it.
    fn passes(&self, tip: StreamTip) -> bool {
        self.events.iter().any(|moved| moved.tip == tip)
    }
}

impl Stream {
    /// Waits for the caller's turn: from loading to handing over, commands on a stream go one after the other.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// The state of an aggregate, if it is in memory, or known to be new.
    pub(super) fn loaded(&self, aggregate: &AggregateRef) -> Option<Loaded> {
        let known = self.known();
        let at = known.loaded.as_ref()?;
        Some(Loaded {
            state: at.state(aggregate)?,
            tip: at.tip,
            position: at.position,
            has_begun: at.has_begun,
            has_ended: at.has_ended,
            upon: known.in_flight.back().map(|pending| pending.commit.clone()),
            generation: known.generation,
        })
    }

    /// Where it ends, if that is in memory.
    pub(super) fn tip(&self) -> Option<StreamTip> {
        self.known().loaded.as_ref().map(|at| at.tip)
    }

    /// Begins to load an aggregate.
    pub(super) fn begin_fill(&self) -> Fill {
        let known = self.known();
        Fill {
            generation: known.generation,
            required: known.required.as_ref().map(|required| required.head),
            is_first: known.loaded.is_none() && known.required.is_none() && !known.exists,
        }
    }

    /// Puts in an aggregate as it was loaded, unless something happened meanwhile that it may not contain.
    ///
    /// If other aggregates of the stream are in memory already, it is brought up to their tip: by what is in flight of its own.
    pub(super) fn finish_fill(&self, fill: Fill, aggregate: AggregateRef, history: History) {
        let mut known = self.known();
        if known.generation == fill.generation {
            known.put_in(aggregate, history);
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

    /// Whether the states that a command was decided on still stand.
    pub(super) fn is_current(&self, generation: u64, tip: StreamTip) -> bool {
        let known = self.known();
        known.generation == generation && known.loaded.as_ref().is_some_and(|at| at.tip == tip)
    }

    /// Whether nothing has spoken against what was loaded at this generation.
    pub(super) fn is_of(&self, generation: u64) -> bool {
        self.known().generation == generation
    }

    /// A commit was handed over: its events are on top from now on. `states` are those of the aggregates that it changed.
    pub(super) fn advance(
        &self,
        generation: u64,
        states: Vec<(AggregateRef, Arc<AnyState>)>,
        events: Vec<Moved>,
        commit: InFlight,
    ) {
        let mut known = self.known();
        if known.generation != generation {
            return;
        }
        if let (Some(at), Some(moved)) = (known.loaded.as_mut(), events.last()) {
            at.has_members(events.iter().map(|moved| moved.event.aggregate()));
            at.keep(states);
            at.has_begun = true;
            at.has_ended |= events.iter().any(|moved| matches!(moved.event, AnyEvent::Erasure(..)));
            at.tip = moved.tip;
            known.in_flight.push_back(Pending { commit, events });
        }
    }

    /// A commit was handed over that closes the chapter which was open, and ends it here. The next one begins when the journal has that.
    pub(super) fn closes(&self, generation: u64, tip: StreamTip, commit: InFlight) {
        let mut known = self.known();
        if known.generation == generation {
            known.drop_state(None);
            known.required = Some(Required {
                head: tip.head(),
                hoped_from: Some(commit),
            });
        }
    }

    /// What became of a commit.
    pub(super) fn resolved(&self, stream: &StreamId, commit: &InFlight, outcome: &CommitOutcome) {
        let mut known = self.known();
        let place = known.in_flight.iter().position(|pending| pending.commit.is(commit));
        known.hope_ended(commit, outcome);
        match (outcome, place) {
            (CommitOutcome::Appended { position, .. }, Some(place)) => {
                let appended = known.in_flight.drain(..=place).next_back();
                let tip = appended.as_ref().and_then(Pending::tip);
                if let (Some(at), Some(tip)) = (known.loaded.as_mut(), tip) {
                    at.base = tip;
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
                | CommitOutcome::Void
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

    /// The journal has the stream at this tip.
    pub(super) fn applied(&self, tip: StreamTip) {
        let mut known = self.known();
        let agrees = known.loaded.as_ref().is_some_and(|at| {
            tip.version < at.base.version || tip == at.base || known.in_flight.iter().any(|pending| pending.passes(tip))
        });
        if !agrees {
            known.drop_state(None);
            known.exists |= tip.version > 0;
        }
        drop(known);
        self.changed.notify_waiters();
    }

    /// What is in memory is not to be relied upon any more: an entry is void or parked, on top of which something may have been decided, or
    /// somebody is erased of whom it still knows.
    pub(super) fn let_go(&self) {
        let mut known = self.known();
        known.drop_state(None);
        known.exists = true;
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

impl At {
    fn state(&self, aggregate: &AggregateRef) -> Option<Arc<AnyState>> {
        if self.is_held_back && !aggregate.stands_alone() {
            return None;
        }
        let new = || Arc::new(AnyState::new(aggregate.aggregate_type()));
        let is_new = self
            .members
            .as_ref()
            .is_some_and(|members| !members.contains(aggregate));
        let known = self.states.get(aggregate).map(Arc::clone);
        known.or_else(|| is_new.then(new))
    }

    /// What happened to these aggregates is known.
    fn has_members(&mut self, changed: impl IntoIterator<Item = AggregateRef>) {
        if let Some(members) = &mut self.members {
            members.extend(changed);
        }
        self.members.take_if(|members| members.len() > MOST_MEMBERS);
    }

    /// Keeps states, and others only while there is room.
    fn keep(&mut self, states: impl IntoIterator<Item = (AggregateRef, Arc<AnyState>)>) {
        if self.states.len() >= MOST_AGGREGATES {
            self.states.clear();
        }
        self.states.extend(states);
    }
}

impl Known {
    fn put_in(&mut self, aggregate: AggregateRef, history: History) {
        let History {
            mut state,
            tip,
            position,
            has_begun,
            is_held_back,
            has_ended,
            members,
        } = history;
        let Some(at) = self.loaded.as_mut() else {
            self.loaded = Some(At {
                states: HashMap::from([(aggregate, Arc::new(state))]),
                members,
                tip,
                base: tip,
                position,
                has_begun,
                is_held_back,
                has_ended,
            });
            self.in_flight.clear();
            self.required = None;
            return;
        };
        let agrees = tip == at.base || self.in_flight.iter().any(|pending| pending.passes(tip));
        if !agrees {
            // A journal that is behind what is certain gets there. One that is elsewhere has what the others do not contain.
            if tip.version >= at.base.version {
                self.drop_state(None);
            }
            return;
        }
        let moved = self.in_flight.iter().flat_map(|pending| &pending.events);
        let own = moved.filter(|moved| moved.tip.version > tip.version && moved.event.aggregate() == aggregate);
        for moved in own {
            if state.take_in(moved.event.clone(), moved.tip.version).is_err() {
                return self.drop_state(None);
            }
        }
        at.keep([(aggregate, Arc::new(state))]);
        // What was parked is there now, of whichever aggregates it is.
        if std::mem::replace(&mut at.is_held_back, is_held_back) {
            at.members = None;
        }
        if at.members.is_none() && members.is_some() {
            at.members = members;
            let in_flight = self.in_flight.iter().flat_map(|pending| &pending.events);
            at.has_members(in_flight.map(|moved| moved.event.aggregate()));
        }
    }

    fn drop_state(&mut self, required: Option<StreamHead>) {
        self.loaded = None;
        self.in_flight.clear();
        self.generation += 1;
        // Of two heads that were reported the journal must reach the later one.
        let known = self.required.as_ref().map(|known| known.head.version);
        if let Some(head) = required.filter(|head| Some(head.version) >= known) {
            self.required = Some(Required { head, hoped_from: None });
        }
    }

    /// It is clear what became of a commit. If the journal was to get where that led, it must, or need not.
    fn hope_ended(&mut self, commit: &InFlight, outcome: &CommitOutcome) {
        let is_hoped_from = |required: &mut Required| required.hoped_from.take_if(|hoped| hoped.is(commit)).is_some();
        if self.required.as_mut().is_some_and(is_hoped_from) && !matches!(outcome, CommitOutcome::Appended { .. }) {
            self.required = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::account::AccountEvent;
    use domain::kernel::AccountId;
    use uuid::Uuid;

    use super::*;

    const ID: StreamId = StreamId([1; 32]);

    fn tip(version: u64, hash: u8) -> StreamTip {
        StreamTip {
            version,
            hash: [hash; 32],
        }
    }

    fn account(number: u128) -> AggregateRef {
        AccountId::new(Uuid::from_u128(number)).into()
    }

    /// Two aggregates that share the stream.
    fn one() -> AggregateRef {
        account(1)
    }

    fn other() -> AggregateRef {
        account(2)
    }

    fn history(tip: StreamTip, position: Position) -> History {
        History {
            tip,
            position,
            members: None,
            ..History::none(one().aggregate_type())
        }
    }

    fn stream_at(tip: StreamTip) -> Stream {
        let stream = Stream::default();
        stream.finish_fill(stream.begin_fill(), one(), history(tip, 10));
        stream
    }

    /// A commit with one event of one of them.
    fn advance_by(stream: &Stream, of: AggregateRef, to: StreamTip) -> InFlight {
        let (_, commit) = InFlight::new();
        let loaded = stream.loaded(&of).unwrap();
        let event = AnyEvent::of(of, AccountEvent::Closed).unwrap();
        let mut state = AnyState::clone(&loaded.state);
        state.take_in(event.clone(), to.version).unwrap();
        let moved = Moved { event, tip: to };
        stream.advance(
            loaded.generation,
            vec![(of, Arc::new(state))],
            vec![moved],
            commit.clone(),
        );
        commit
    }

    fn advance(stream: &Stream, to: StreamTip) -> InFlight {
        advance_by(stream, one(), to)
    }

    fn version(stream: &Stream, of: AggregateRef) -> Option<u64> {
        stream.loaded(&of).map(|loaded| loaded.state.version())
    }

    const APPENDED: CommitOutcome = CommitOutcome::Appended {
        position: 11,
        finality: application::log::Finality::Final,
    };

    #[test]
    fn after_a_strangers_event_the_journal_is_asked_and_nothing_is_guessed() {
        let stream = Stream::default();
        assert!(stream.begin_fill().is_first, "nothing is known of it");
        stream.finish_fill(stream.begin_fill(), one(), History::none(one().aggregate_type()));
        stream.applied(StreamTip::default());
        assert!(stream.loaded(&one()).is_some(), "the journal has nothing either");
        stream.applied(tip(1, 9));
        let fill = stream.begin_fill();
        assert_eq!((fill.is_first, fill.required), (false, None));
    }

    #[test]
    fn a_commit_in_flight_is_on_top_at_once() {
        let stream = stream_at(tip(1, 1));
        let commit = advance(&stream, tip(2, 2));
        let loaded = stream.loaded(&one()).unwrap();
        assert_eq!(loaded.tip, tip(2, 2));
        assert!(loaded.upon.unwrap().is(&commit));
        assert!(stream.is_in_flight());
    }

    #[test]
    fn an_appended_commit_is_certain() {
        let stream = stream_at(tip(1, 1));
        let commit = advance(&stream, tip(2, 2));
        stream.applied(tip(2, 2));
        stream.resolved(&ID, &commit, &APPENDED);
        let loaded = stream.loaded(&one()).unwrap();
        assert!(loaded.upon.is_none());
        assert_eq!((loaded.tip, loaded.position), (tip(2, 2), 11));
        stream.applied(tip(2, 2));
        assert!(stream.loaded(&one()).is_some(), "a late notice of it changes nothing");
    }

    #[test]
    fn a_rejection_drops_everything_built_on_it_and_names_what_the_journal_must_reach() {
        let stream = stream_at(tip(1, 1));
        let first = advance(&stream, tip(2, 2));
        let second = advance(&stream, tip(3, 3));
        let rejected = CommitOutcome::Rejected {
            stream: ID,
            actual: tip(2, 9).head(),
        };
        stream.resolved(&ID, &first, &rejected);
        assert!(stream.loaded(&one()).is_none());
        let fill = stream.begin_fill();
        assert_eq!(fill.required, Some(tip(2, 9).head()));
        stream.finish_fill(fill, one(), history(tip(2, 9), 12));
        stream.resolved(&ID, &second, &rejected);
        assert_eq!(
            stream.loaded(&one()).unwrap().tip,
            tip(2, 9),
            "what was loaded since is not touched"
        );
    }

    #[test]
    fn a_rejection_for_another_streams_sake_asks_nothing_of_the_journal() {
        let stream = stream_at(tip(1, 1));
        let commit = advance(&stream, tip(2, 2));
        stream.resolved(
            &ID,
            &commit,
            &CommitOutcome::Rejected {
                stream: StreamId([2; 32]),
                actual: tip(7, 7).head(),
            },
        );
        assert!(stream.loaded(&one()).is_none());
        assert_eq!(stream.begin_fill().required, None);
    }

    /// A commit that closes the chapter which is open, with this tip behind it.
    fn close(stream: &Stream, to: StreamTip) -> InFlight {
        let (_, commit) = InFlight::new();
        stream.closes(stream.loaded(&one()).unwrap().generation, to, commit.clone());
        commit
    }

    #[test]
    fn of_a_chapter_that_was_to_be_closed_the_journal_need_not_reach_what_was_rejected() {
        let stream = stream_at(tip(1, 1));
        let first = advance(&stream, tip(2, 2));
        let closing = close(&stream, tip(3, 3));
        assert_eq!(stream.begin_fill().required, Some(tip(3, 3).head()), "it may get there");
        let rejected = CommitOutcome::Rejected {
            stream: ID,
            actual: tip(2, 9).head(),
        };
        stream.resolved(&ID, &first, &rejected);
        stream.resolved(&ID, &closing, &rejected);
        assert_eq!(stream.begin_fill().required, Some(tip(2, 9).head()));
        for outcome in [CommitOutcome::Void, CommitOutcome::Duplicate, CommitOutcome::HandedOver] {
            let stream = stream_at(tip(1, 1));
            let closing = close(&stream, tip(2, 2));
            stream.resolved(&ID, &closing, &outcome);
            assert_eq!(stream.begin_fill().required, None, "{outcome:?}");
        }
    }

    #[test]
    fn of_a_chapter_that_is_closed_the_journal_must_reach_that() {
        let stream = stream_at(tip(1, 1));
        let closing = close(&stream, tip(2, 2));
        stream.resolved(&ID, &closing, &APPENDED);
        assert_eq!(stream.begin_fill().required, Some(tip(2, 2).head()));
    }

    #[test]
    fn a_head_that_was_reported_outlives_a_closing_that_came_to_nothing() {
        let stream = stream_at(tip(1, 1));
        let first = advance(&stream, tip(2, 2));
        let closing = close(&stream, tip(3, 3));
        let rejected = CommitOutcome::Rejected {
            stream: ID,
            actual: tip(7, 9).head(),
        };
        stream.resolved(&ID, &first, &rejected);
        stream.resolved(&ID, &closing, &CommitOutcome::Void);
        assert_eq!(stream.begin_fill().required, Some(tip(7, 9).head()));
    }

    #[test]
    fn what_is_void_is_not_built_upon_although_it_is_where_it_was_hoped_for() {
        let stream = stream_at(tip(1, 1));
        let commit = advance(&stream, tip(2, 2));
        stream.let_go();
        assert!(stream.loaded(&one()).is_none());
        stream.finish_fill(stream.begin_fill(), one(), history(tip(2, 2), 11));
        stream.resolved(&ID, &commit, &CommitOutcome::Void);
        assert_eq!(version(&stream, one()), Some(0), "what was read since stays");
    }

    #[test]
    fn a_strangers_event_drops_the_state() {
        let stream = stream_at(tip(1, 1));
        stream.applied(tip(2, 9));
        assert!(stream.loaded(&one()).is_none());
        let stream = stream_at(tip(1, 1));
        stream.applied(tip(1, 9));
        assert!(stream.loaded(&one()).is_none(), "another event of the same version");
    }

    #[test]
    fn an_event_that_the_state_contains_changes_nothing() {
        let stream = stream_at(tip(5, 5));
        stream.applied(tip(3, 3));
        stream.applied(tip(5, 5));
        assert!(stream.loaded(&one()).is_some());
    }

    #[test]
    fn a_load_that_something_overtook_is_not_put_in() {
        let stream = Stream::default();
        let fill = stream.begin_fill();
        stream.applied(tip(1, 1));
        stream.finish_fill(fill, one(), history(StreamTip::default(), 0));
        assert!(stream.loaded(&one()).is_none());
    }

    #[test]
    fn a_reorganisation_drops_what_rests_on_what_it_undid() {
        let stream = stream_at(tip(1, 1));
        stream.reverted(10);
        assert!(stream.loaded(&one()).is_some(), "nothing of it was undone");
        stream.reverted(9);
        assert!(stream.loaded(&one()).is_none());
    }

    #[test]
    fn commits_in_flight_survive_a_reorganisation_below_them() {
        let stream = stream_at(tip(1, 1));
        let commit = advance(&stream, tip(2, 2));
        stream.applied(tip(2, 2));
        stream.reverted(10);
        assert_eq!(stream.loaded(&one()).unwrap().tip, tip(2, 2));
        stream.applied(tip(2, 2));
        stream.resolved(&ID, &commit, &APPENDED);
        assert_eq!(stream.loaded(&one()).unwrap().tip, tip(2, 2));
    }

    #[test]
    fn another_aggregate_of_the_stream_is_put_beside_the_first_at_the_same_head() {
        let stream = stream_at(tip(3, 3));
        let mut second = history(tip(3, 3), 10);
        second
            .state
            .take_in(AnyEvent::of(other(), AccountEvent::Closed).unwrap(), 2)
            .unwrap();
        stream.finish_fill(stream.begin_fill(), other(), second);
        assert_eq!((version(&stream, one()), version(&stream, other())), (Some(0), Some(2)));
        advance_by(&stream, other(), tip(4, 4));
        assert_eq!((version(&stream, one()), version(&stream, other())), (Some(0), Some(4)));
        assert_eq!(stream.loaded(&one()).unwrap().tip, tip(4, 4), "the tip is the stream's");
    }

    #[test]
    fn an_aggregate_is_loaded_with_what_is_in_flight_of_its_own() {
        let stream = stream_at(tip(1, 1));
        stream.finish_fill(stream.begin_fill(), other(), history(tip(1, 1), 10));
        advance_by(&stream, one(), tip(2, 2));
        advance_by(&stream, other(), tip(3, 3));
        advance_by(&stream, one(), tip(4, 4));
        // Both are put out of memory; the stream stays.
        stream.known().loaded.as_mut().unwrap().states.clear();
        // The journal has the first of the three already.
        let mut read = history(tip(2, 2), 11);
        read.state
            .take_in(AnyEvent::of(one(), AccountEvent::Closed).unwrap(), 2)
            .unwrap();
        stream.finish_fill(stream.begin_fill(), one(), read);
        stream.finish_fill(stream.begin_fill(), other(), history(tip(2, 2), 11));
        assert_eq!((version(&stream, one()), version(&stream, other())), (Some(4), Some(3)));
        assert_eq!(stream.loaded(&other()).unwrap().tip, tip(4, 4));
    }

    #[test]
    fn an_aggregate_from_a_journal_that_is_behind_is_not_put_in() {
        let stream = stream_at(tip(5, 5));
        stream.finish_fill(stream.begin_fill(), other(), history(tip(4, 4), 9));
        assert!(stream.loaded(&other()).is_none());
        assert!(stream.loaded(&one()).is_some());
    }

    #[test]
    fn an_aggregate_from_a_journal_that_has_what_the_others_do_not_contain_drops_them() {
        let stream = stream_at(tip(5, 5));
        stream.finish_fill(stream.begin_fill(), other(), history(tip(6, 6), 12));
        assert!(stream.loaded(&other()).is_none());
        assert!(stream.loaded(&one()).is_none(), "everything is read again");
    }

    #[test]
    fn where_all_aggregates_of_a_stream_are_known_any_other_is_new() {
        let stream = stream_at(tip(1, 1));
        assert!(stream.loaded(&other()).is_none(), "who else is there nobody has told");
        advance(&stream, tip(2, 2));
        let told = History {
            members: Some(HashSet::from([other(), account(3)])),
            ..history(tip(1, 1), 10)
        };
        stream.finish_fill(stream.begin_fill(), other(), told);
        let new = stream.loaded(&account(4)).unwrap();
        assert_eq!((new.state.version(), new.tip), (0, tip(2, 2)));
        assert!(stream.loaded(&account(3)).is_none(), "it is in the journal alone");
        // What is changed since is known too, even when its state was let go.
        advance_by(&stream, account(4), tip(3, 3));
        assert_eq!(version(&stream, account(4)), Some(3));
        for number in 5..200 {
            stream.finish_fill(stream.begin_fill(), account(number), history(tip(1, 1), 10));
        }
        assert!(stream.loaded(&account(4)).is_none() && stream.loaded(&one()).is_none());
        assert!(stream.loaded(&account(300)).is_some());
        stream.applied(tip(9, 9));
        assert!(
            stream.loaded(&account(300)).is_none(),
            "somebody else's event may be its first"
        );
    }

    #[test]
    fn only_so_many_aggregates_of_a_stream_are_kept() {
        let stream = stream_at(tip(1, 1));
        for number in 10..10 + 2 * MOST_AGGREGATES as u128 {
            stream.finish_fill(stream.begin_fill(), account(number), history(tip(1, 1), 10));
            assert!(stream.loaded(&account(number)).is_some());
        }
        assert!(stream.known().loaded.as_ref().unwrap().states.len() <= MOST_AGGREGATES);
    }
}
