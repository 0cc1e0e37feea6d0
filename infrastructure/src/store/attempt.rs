//! One attempt at a command: take the turn on every stream, load the aggregates, have it decided, hand it over.

use std::sync::Arc;

use application::command::{CommandContext, CommandError};
use application::log::{AnyEvent, StreamId};
use application::transaction::{Freshness, Scope, Target};
use domain::kernel::AggregateRef;
use domain::state::AnyState;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Duration, Instant, timeout};

use super::executor::Core;
use super::failure::Failure;
use super::hand_over::Decision;
use super::in_flight::InFlight;
use super::journal::Journal;
use super::reader::History;
use super::stream::{Loaded, Stream};
use crate::log::CommitLog;

/// How long to wait at once for a journal that is behind. A notice may come between the reading and the waiting: so not for long.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How often a stream is loaded that others change meanwhile, once there is no more time to catch up.
const LATE_LOADS: u32 = 3;

/// What an attempt decided.
pub(super) enum Verdict<E> {
    /// Handed over; the first aggregate then has this version.
    Committed { commit: InFlight, version: u64 },
    /// Nothing needs to change.
    NoChange { upon: Vec<Loaded>, version: u64 },
    /// A rule forbids it, or the caller insists on another version.
    Refused { upon: Vec<Loaded>, error: CommandError<E> },
}

/// A stream that the caller has the turn on.
struct Place {
    id: StreamId,
    stream: Arc<Stream>,
    _turn: OwnedMutexGuard<()>,
}

impl<L: CommitLog, J: Journal> Core<L, J> {
    /// One attempt.
    pub(super) async fn attempt<S, E, D>(
        &self,
        targets: &S::Targets,
        decide: &D,
        context: &CommandContext,
    ) -> Result<Verdict<E>, Failure>
    where
        S: Scope,
        D: Fn(S) -> Result<S, E> + Send + Sync,
    {
        let untyped = S::targets(targets);
        let ids: Vec<_> = untyped
            .iter()
            .map(|target| self.names.seal(&target.id.stream()))
            .collect();
        let places = self.take_turns(&ids).await;
        let mut upon = Vec::with_capacity(untyped.len());
        for (target, id) in untyped.iter().zip(&ids) {
            upon.push(self.load(target, place(&places, id)?).await?);
        }
        let is_seen = |(target, loaded): (&Target<AggregateRef>, &Loaded)| {
            target
                .expected
                .is_none_or(|expected| expected.is_current(&loaded.state))
        };
        if !untyped.iter().zip(&upon).all(is_seen) {
            let error = CommandError::Stale;
            return Ok(Verdict::Refused { upon, error });
        }
        let states: Vec<_> = upon.iter().map(|loaded| Arc::clone(&loaded.state)).collect();
        let decided = match decide(S::open(targets, &states).map_err(Failure::internal)?) {
            Ok(decided) => decided.close().map_err(Failure::internal)?,
            Err(refusal) => {
                let error = CommandError::Rejected(refusal);
                return Ok(Verdict::Refused { upon, error });
            }
        };
        let aggregates = untyped.iter().map(|target| target.id).collect();
        let decided = Decided {
            aggregates,
            ids,
            upon,
            events: decided,
        };
        let mut version = decided.upon.first().map_or(0, |loaded| loaded.state.version());
        let mut decisions = Vec::with_capacity(places.len());
        for place in &places {
            let (decision, of_first) = decided.on(place)?;
            decisions.extend(decision);
            version = of_first.unwrap_or(version);
        }
        if decisions.is_empty() {
            let upon = decided.upon;
            return Ok(Verdict::NoChange { upon, version });
        }
        // The turns are held until it is handed over.
        let commit = self.hand_over.commit(decisions, context).await?;
        drop(places);
        Ok(Verdict::Committed { commit, version })
    }

    /// Takes the turn on every stream, in one order everywhere, so that two commands never wait for each other.
    async fn take_turns(&self, ids: &[StreamId]) -> Vec<Place> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut places = Vec::with_capacity(ids.len());
        for id in ids {
            let stream = self.streams.get(id);
            let turn = stream.turn().await;
            places.push(Place {
                id,
                stream,
                _turn: turn,
            });
        }
        places
    }

    /// An aggregate in memory, not behind what the chain is known to have.
    async fn load(&self, target: &Target<AggregateRef>, place: &Place) -> Result<Loaded, Failure> {
        let is_new = || target.freshness == Freshness::New || !self.streams.known.may_exist(&place.id);
        self.fill(target.id, &place.id, &place.stream, is_new).await
    }

    /// The state for a reader: no turn is taken if it is in memory.
    pub(super) async fn peek(&self, aggregate: AggregateRef) -> Result<Arc<AnyState>, Failure> {
        let id = self.names.seal(&aggregate.stream());
        let stream = self.streams.get(id);
        if let Some(loaded) = stream.loaded(&aggregate) {
            return Ok(loaded.state);
        }
        let _turn = stream.turn().await;
        // What is only read does not come before the contract, so the journal itself must say that it is not there.
        let loaded = self.fill(aggregate, &id, &stream, || false).await?;
        Ok(loaded.state)
    }

    async fn fill(
        &self,
        aggregate: AggregateRef,
        id: &StreamId,
        stream: &Stream,
        is_new: impl Fn() -> bool + Send,
    ) -> Result<Loaded, Failure> {
        let deadline = Instant::now() + self.options.catch_up;
        let mut late = 0;
        while late < LATE_LOADS {
            if let Some(loaded) = stream.loaded(&aggregate) {
                return Ok(loaded);
            }
            let fill = stream.begin_fill();
            let history = if fill.is_first && is_new() {
                History::none(aggregate.aggregate_type())
            } else {
                self.reader.read(aggregate, id).await?
            };
            let behind = fill
                .required
                .is_some_and(|required| history.head.version < required.version);
            if !behind {
                stream.finish_fill(fill, aggregate, history);
            }
            if Instant::now() >= deadline {
                stream.give_up_waiting(fill);
                late += 1;
            } else if stream.loaded(&aggregate).is_none() {
                let _ = timeout(LOOK_AGAIN, stream.changed()).await;
            }
        }
        // Others change the stream faster than it can be read.
        Err(Failure::Stale)
    }
}

fn place<'a>(places: &'a [Place], id: &StreamId) -> Result<&'a Place, Failure> {
    let place = places.iter().find(|place| place.id == *id);
    place.ok_or_else(|| Failure::internal("a command has no turn on a stream of its own"))
}

/// What was decided on each of a command's aggregates, all in the same order.
struct Decided {
    aggregates: Vec<AggregateRef>,
    /// The streams that they stand in.
    ids: Vec<StreamId>,
    upon: Vec<Loaded>,
    events: Vec<Vec<AnyEvent>>,
}

impl Decided {
    /// What was decided for one stream, and the version of the first aggregate, if it changes there.
    ///
    /// # Errors
    /// [`Failure::Stale`] when the stream has moved while its aggregates were loaded.
    fn on(&self, place: &Place) -> Result<(Option<Decision>, Option<u64>), Failure> {
        let all = self.aggregates.iter().zip(&self.ids).zip(&self.upon).zip(&self.events);
        let here = all.enumerate().filter(|(_, (((_, id), _), _))| **id == place.id);
        let mut at: Option<&Loaded> = None;
        let (mut events, mut states, mut of_first) = (Vec::new(), Vec::new(), None);
        for (index, (((aggregate, _), loaded), decided)) in here {
            let at = at.get_or_insert(loaded);
            if (at.head, at.generation) != (loaded.head, loaded.generation) {
                return Err(Failure::Stale);
            }
            if decided.is_empty() {
                continue;
            }
            let mut state = AnyState::clone(&loaded.state);
            for event in decided {
                events.push(event.clone());
                let version = loaded.head.version + events.len() as u64;
                state.take_in(event.clone(), version).map_err(Failure::internal)?;
            }
            if index == 0 {
                of_first = Some(state.version());
            }
            if states.iter().any(|(known, _)| known == aggregate) {
                return Err(Failure::internal("a command names an aggregate twice"));
            }
            states.push((*aggregate, Arc::new(state)));
        }
        let at = at.filter(|_| !events.is_empty());
        let decision = at.map(|at| Decision {
            stream_id: place.id,
            stream: Arc::clone(&place.stream),
            generation: at.generation,
            expected: at.head,
            states,
            events,
        });
        Ok((decision, of_first))
    }
}
