//! One attempt at a command: take the turn on every stream, load the aggregates, have it decided, hand it over.

use std::collections::BTreeMap;
use std::sync::Arc;

use application::log::{AnyEvent, StreamId};
use application::ports::command::{CommandContext, CommandError};
use application::ports::transaction::{Expected, Freshness, Roots, Target};
use domain::kernel::{AggregateRef, PatientId, Seal, SubjectId};
use domain::state::AnyState;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Duration, Instant, timeout};

use super::core::Core;
use super::failure::Failure;
use super::full_chapter::Full;
use super::hand_over::Decision;
use super::in_flight::InFlight;
use super::journal::Journal;
use super::reader::History;
use super::stream::{Loaded, Stream};
use crate::log::{CommitLog, StreamTip};

/// How long to wait at once for a journal that is behind. A notice may come between the reading and the waiting: so not for long.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How often a stream is loaded that others change meanwhile, once there is no more time to catch up.
const LATE_LOADS: u32 = 3;

/// What an attempt decided.
pub(super) enum Verdict<E> {
    /// Handed over; the first aggregate then has this version, and began with it or not.
    Committed {
        commit: InFlight,
        version: u64,
        began: bool,
        /// The chapters of records that are full with it.
        full: Vec<Full>,
    },
    /// Nothing needs to change.
    NoChange { upon: Vec<Loaded>, version: u64 },
    /// A rule forbids it, or the caller insists on another version.
    Refused { upon: Vec<Loaded>, error: CommandError<E> },
}

/// One of a command's aggregates, and the stream that it stands in.
struct Place {
    target: Target<AggregateRef>,
    id: StreamId,
    stream: Arc<Stream>,
}

/// One of a command's aggregates, as it was loaded.
struct Part {
    place: Place,
    loaded: Loaded,
}

/// A stream, and an aggregate as it was loaded from it.
type InMemory<'a> = (StreamId, &'a Stream, &'a Loaded);

impl<L: CommitLog, J: Journal> Core<L, J> {
    /// One attempt.
    pub(super) async fn attempt<S, E, D>(
        &self,
        targets: &S::Targets,
        decide: &D,
        context: &CommandContext,
    ) -> Result<Verdict<E>, Failure>
    where
        S: Roots,
        D: Fn(S) -> Result<S, E> + Send + Sync,
    {
        // The turns are held until it is handed over.
        let (places, _turns) = self.take_turns(S::targets(targets)).await?;
        let mut parts = Vec::with_capacity(places.len());
        for place in places {
            let loaded = self.load(&place).await?;
            parts.push(Part { place, loaded });
        }
        if !are_of_one_moment(&parts) {
            return Err(Failure::Overtaken);
        }
        let upon = || parts.iter().map(|part| part.loaded.clone()).collect();
        if parts.iter().any(Part::is_after_the_end) {
            self.confirm(parts.iter().map(Part::in_memory)).await?;
            return Ok(Verdict::Refused {
                upon: upon(),
                error: CommandError::Erased,
            });
        }
        let decided = match decided::<S, E, D>(&parts, targets, decide)? {
            Ok(decided) => decided.close().map_err(Failure::internal)?,
            Err(error) => {
                self.confirm(parts.iter().map(Part::in_memory)).await?;
                return Ok(Verdict::Refused { upon: upon(), error });
            }
        };
        let mut decisions = decisions(&parts, decided)?;
        for decision in &mut decisions {
            decision.chapters = self.chapters_of(decision).await?;
        }
        let is_unchanged = |part: &&Part| decisions.iter().all(|decision| decision.stream_id != part.place.id);
        self.confirm(parts.iter().filter(is_unchanged).map(Part::in_memory))
            .await?;
        let version = version_of_first(&parts, &decisions);
        if decisions.is_empty() {
            return Ok(Verdict::NoChange { upon: upon(), version });
        }
        let began = version > 0 && parts.first().is_some_and(|first| first.loaded.state.version() == 0);
        let full = decisions
            .iter()
            .filter_map(|decision| decision.full(self.options.chapter_entries))
            .collect();
        let commit = self.hand_over.commit(decisions, context).await?;
        Ok(Verdict::Committed {
            commit,
            version,
            began,
            full,
        })
    }

    /// For each event that was decided, the chapter of a record whose keys it is under: within a record its own, and for what concerns somebody
    /// beside another stream the one that is open in their record now.
    async fn chapters_of(&self, decision: &Decision) -> Result<Vec<u16>, Failure> {
        let mut chapters = Vec::with_capacity(decision.events.len());
        for event in &decision.events {
            chapters.push(match (event.seal(), event.subject()) {
                (Seal::Beside(_), Some(subject)) => self.open_chapter(subject).await?,
                (Seal::Within(_), _) => decision.expected.in_chapter().0,
                (Seal::Beside(_), None) | (Seal::Namespace, _) => 0,
            });
        }
        Ok(chapters)
    }

    /// Which chapter of somebody's record is open; 0 for who has none.
    async fn open_chapter(&self, subject: SubjectId) -> Result<u16, Failure> {
        let record = self.names.seal(&PatientId::new(subject.uuid()).into());
        if !self.streams.known.may_exist(&record) {
            return Ok(0);
        }
        let in_memory = self.streams.find(&record).and_then(|stream| stream.tip());
        let tip = match in_memory {
            Some(tip) => Some(tip),
            None => self.reader.tips(&[record]).await?.first().copied(),
        };
        Ok(tip.map_or(0, |tip| tip.in_chapter().0))
    }

    /// Takes the turn on every stream, in one order everywhere, so that two commands never wait for each other.
    async fn take_turns(
        &self,
        targets: Vec<Target<AggregateRef>>,
    ) -> Result<(Vec<Place>, Vec<OwnedMutexGuard<()>>), Failure> {
        self.streams.keys_destroyed(self.hand_over.keys_destroyed());
        let mut streams = BTreeMap::new();
        let mut places: Vec<Place> = Vec::with_capacity(targets.len());
        for target in targets {
            if places.iter().any(|place| place.target.id == target.id) {
                return Err(Failure::internal("a command names an aggregate twice"));
            }
            let id = self.names.seal(&target.id);
            let stream = streams.entry(id).or_insert_with(|| self.streams.get(id));
            let stream = Arc::clone(stream);
            places.push(Place { target, id, stream });
        }
        let mut turns = Vec::with_capacity(streams.len());
        for stream in streams.values() {
            turns.push(stream.turn().await);
        }
        Ok((places, turns))
    }

    /// An aggregate in memory, not behind what the chain is known to have.
    async fn load(&self, place: &Place) -> Result<Loaded, Failure> {
        let is_new = || place.target.freshness == Freshness::New || !self.streams.known.may_exist(&place.id);
        self.fill(place.target.id, &place.id, &place.stream, is_new).await
    }

    /// The state for a reader, not behind the journal. No turn is taken if it is in memory.
    pub(super) async fn peek(&self, aggregate: AggregateRef) -> Result<Arc<AnyState>, Failure> {
        self.streams.keys_destroyed(self.hand_over.keys_destroyed());
        let id = self.names.seal(&aggregate);
        let stream = self.streams.get(id);
        let deadline = Instant::now() + self.options.catch_up;
        loop {
            let loaded = match stream.loaded(&aggregate) {
                Some(loaded) => loaded,
                None => {
                    let _turn = stream.turn().await;
                    // Of the guess that there is nothing yet it is seen below whether it holds.
                    let is_new = || !self.streams.known.may_exist(&id);
                    self.fill(aggregate, &id, &stream, is_new).await?
                }
            };
            match self.confirm([(id, &*stream, &loaded)]).await {
                Err(Failure::Overtaken) if Instant::now() < deadline => {}
                Ok(()) if loaded.is_after_the_end(&aggregate) => return Err(Failure::Erased),
                stands => return stands.map(|()| loaded.state),
            }
        }
    }

    /// The state for who needs only what never changes. What is in memory will do if something has happened to it; else the journal is asked.
    pub(super) async fn known(&self, aggregate: AggregateRef) -> Result<Arc<AnyState>, Failure> {
        let stream = self.streams.get(self.names.seal(&aggregate));
        let in_memory = stream.loaded(&aggregate);
        match in_memory.filter(|loaded| loaded.state.version() > 0 && !loaded.has_ended) {
            Some(loaded) => Ok(loaded.state),
            None => self.peek(aggregate).await,
        }
    }

    /// Sees that what was loaded is not behind the journal. The contract checks that only of a stream that gets an event: what is refused,
    /// or left as it is, or read, would rest on what another server has changed since, or on the guess that a stream is new.
    ///
    /// # Errors
    /// [`Failure::Overtaken`] when something is: it is not in memory any more then. Or when the journal has no answer.
    async fn confirm<'a>(&self, loaded: impl IntoIterator<Item = InMemory<'a>>) -> Result<(), Failure> {
        let loaded: Vec<InMemory<'_>> = loaded.into_iter().collect();
        if loaded.is_empty() {
            return Ok(());
        }
        let streams: Vec<StreamId> = loaded.iter().map(|(id, ..)| *id).collect();
        let tips = self.reader.tips(&streams).await?;
        for ((_, stream, _), tip) in loaded.iter().zip(tips) {
            stream.applied(tip);
        }
        if loaded.iter().all(|(_, stream, loaded)| stream.is_of(loaded.generation)) {
            Ok(())
        } else {
            Err(Failure::Overtaken)
        }
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
                .is_some_and(|required| history.tip.version < required.version);
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
        Err(Failure::Overtaken)
    }
}

impl Part {
    /// Whether this is so of the version that the caller insists on.
    fn is_expected(&self, is_so: impl Fn(&Expected, &AnyState) -> bool) -> bool {
        let expected = self.place.target.expected;
        expected.is_some_and(|expected| is_so(&expected, &self.loaded.state))
    }

    fn is_after_the_end(&self) -> bool {
        self.loaded.is_after_the_end(&self.place.target.id)
    }

    fn in_memory(&self) -> InMemory<'_> {
        (self.place.id, &self.place.stream, &self.loaded)
    }

    fn moment(&self) -> (StreamId, StreamTip, u64) {
        (self.place.id, self.loaded.tip, self.loaded.generation)
    }
}

/// What a command's aggregates decide; or why it is refused: a rule forbids it, or the caller insists on another version.
fn decided<S, E, D>(parts: &[Part], targets: &S::Targets, decide: &D) -> Result<Result<S, CommandError<E>>, Failure>
where
    S: Roots,
    D: Fn(S) -> Result<S, E>,
{
    let is_any = |is_so: fn(&Expected, &AnyState) -> bool| parts.iter().any(|part| part.is_expected(is_so));
    if is_any(Expected::is_outdated) {
        return Ok(Err(CommandError::Stale));
    }
    let states: Vec<_> = parts.iter().map(|part| Arc::clone(&part.loaded.state)).collect();
    let decided = decide(S::open(targets, &states).map_err(Failure::internal)?);
    Ok(match decided {
        Ok(_) if is_any(Expected::is_of_nothing) => Err(CommandError::Stale),
        decided => decided.map_err(CommandError::Rejected),
    })
}

/// Whether no stream has moved while its aggregates were loaded.
fn are_of_one_moment(parts: &[Part]) -> bool {
    let agree = |one: &Part, two: &Part| one.place.id != two.place.id || one.moment() == two.moment();
    parts.iter().all(|one| parts.iter().all(|two| agree(one, two)))
}

/// What was decided on each stream that changes. The events come in the order of the parts.
fn decisions(parts: &[Part], decided: Vec<Vec<AnyEvent>>) -> Result<Vec<Decision>, Failure> {
    let mut decisions: BTreeMap<StreamId, Decision> = BTreeMap::new();
    for (Part { place, loaded }, events) in parts.iter().zip(decided) {
        if events.is_empty() {
            continue;
        }
        let decision = decisions.entry(place.id).or_insert_with(|| Decision {
            stream_id: place.id,
            stream: Arc::clone(&place.stream),
            generation: loaded.generation,
            expected: loaded.tip,
            states: Vec::new(),
            events: Vec::new(),
            begins: None,
            begins_chapter: place.target.id.whose_record().is_some() && !loaded.has_begun,
            chapters: Vec::new(),
        });
        // Whatever concerns a subject comes after what their own stream begins with.
        if loaded.state.version() == 0 && place.target.id == place.target.id.stream() {
            decision.begins = events.iter().find_map(AnyEvent::own_subject);
        }
        let mut state = AnyState::clone(&loaded.state);
        for event in events {
            decision.events.push(event.clone());
            let version = loaded.tip.version + decision.events.len() as u64;
            state.take_in(event, version).map_err(Failure::internal)?;
        }
        decision.states.push((place.target.id, Arc::new(state)));
    }
    Ok(decisions.into_values().collect())
}

/// The version that the first aggregate has afterwards.
fn version_of_first(parts: &[Part], decisions: &[Decision]) -> u64 {
    let version = |first: &Part| {
        let mut changed = decisions.iter().flat_map(|decision| &decision.states);
        let changed = changed.find(|(id, _)| *id == first.place.target.id);
        changed.map_or(&first.loaded.state, |(_, state)| state).version()
    };
    parts.first().map_or(0, version)
}
