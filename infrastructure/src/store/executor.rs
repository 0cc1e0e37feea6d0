//! Runs commands: load, decide, hand over, wait; again when somebody else was faster.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use application::command::{
    CommandContext, CommandError, CommandExecutor, Freshness, Loaded as LoadedAggregate, Receipt, Unavailable,
};
use application::log::Finality;
use application::ports::{AcceptanceListener, ProgressSource};
use cqrs_es::{AggregateError, CqrsFramework, EventEnvelope};
use domain::kernel::{AggregateRef, ClinicAggregate, CommandId};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::earlier::Earlier;
use super::failure::Failure;
use super::hand_over::{Decision, HandOver};
use super::heard::{Heard, Moment};
use super::in_flight::InFlight;
use super::journal::Journal;
use super::reader::Reader;
use super::session::{Place, Session};
use super::stream::{Loaded, Stream};
use super::streams::Streams;
use crate::keys::{KeyRing, MasterSecret};
use crate::log::{CommitLog, CommitOutcome};
use crate::notices::Notice;
use crate::sealing::{LogLocation, Opener, Sealer, StreamNames};
use crate::trace::Found;

/// How much the executor tries and keeps.
#[derive(Clone, Copy, Debug)]
pub struct ExecutorOptions {
    /// How often a command is decided before it is a conflict.
    pub attempts: u32,
    /// How many streams are kept in memory, beside those with commits in flight.
    pub streams: u64,
    /// How long a command waits for the journal to reach what the chain is known to have.
    pub catch_up: Duration,
    /// How long a command may take until it is handed over, or until it is certain that it needs not be. Then it is given up.
    pub decide_within: Duration,
}

impl Default for ExecutorOptions {
    fn default() -> Self {
        Self {
            attempts: 8,
            streams: 50_000,
            catch_up: Duration::from_secs(10),
            decide_within: Duration::from_secs(20),
        }
    }
}

/// What an executor is made of.
pub struct Parts<L, J> {
    /// Where commits go.
    pub log: L,
    /// Where streams come from.
    pub journal: J,
    /// Which log it is.
    pub location: LogLocation,
    /// The organisation's secret.
    pub secret: MasterSecret,
    /// The key ring.
    pub keys: Arc<KeyRing>,
    /// How far the read models are.
    pub progress: Arc<dyn ProgressSource>,
    /// Who is told that a command is durable.
    pub acceptance: Arc<dyn AcceptanceListener>,
}

/// Runs commands. Cheap to clone.
pub struct Executor<L, J>(Arc<Core<L, J>>);

impl<L, J> Clone for Executor<L, J> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L, J> std::fmt::Debug for Executor<L, J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Executor")
    }
}

/// What all commands share.
pub(super) struct Core<L, J> {
    pub(super) reader: Reader<J>,
    pub(super) names: StreamNames,
    streams: Arc<Streams>,
    pub(super) hand_over: HandOver<L>,
    pub(super) heard: Heard,
    progress: Arc<dyn ProgressSource>,
    pub(super) options: ExecutorOptions,
}

/// What an attempt decided.
enum Verdict<E> {
    /// Handed over; the first stream then stands at this version.
    Committed { commit: InFlight, version: u64 },
    /// Nothing needs to change.
    NoChange { upon: Vec<Loaded> },
    /// A rule forbids it.
    Refused { upon: Vec<Loaded>, refusal: E },
}

/// How an attempt ended.
enum Settled<E> {
    Done(Result<Receipt, CommandError<E>>),
    /// Somebody else was faster, or what it rested on was undone.
    Again,
    /// The command was accepted before.
    Earlier,
    /// It may have been accepted, now.
    Perhaps,
}

impl<L: CommitLog, J: Journal> Executor<L, J> {
    /// An executor. It must [`Self::follow`] the follower's notices.
    pub fn new(parts: Parts<L, J>, options: ExecutorOptions) -> Self {
        let Parts {
            log,
            journal,
            location,
            secret,
            keys,
            progress,
            acceptance,
        } = parts;
        let streams = Arc::new(Streams::new(options.streams));
        let opener = Opener::new(location, &secret, Arc::clone(&keys));
        let sealer = Sealer::new(location, &secret, Arc::clone(&keys));
        Self(Arc::new(Core {
            reader: Reader::new(journal, opener),
            names: StreamNames::new(&secret),
            hand_over: HandOver::new(log, sealer, keys, Arc::clone(&streams), acceptance),
            streams,
            heard: Heard::new(),
            progress,
            options,
        }))
    }

    /// Hears the follower's notices, until there are no more. Without it nothing is wrong, but what others append is only
    /// noticed when the contract rejects a commit, and nothing that rests on the log alone is known to be final.
    ///
    /// As soon as it also knows which streams the journal has, the first command on a new stream asks no database.
    pub async fn follow(self, mut notices: UnboundedReceiver<Arc<Notice>>) {
        self.0.heard.final_up_to(self.0.progress.progress().final_position);
        let learning = tokio::spawn(Arc::clone(&self.0).learn_streams());
        while let Some(notice) = notices.recv().await {
            self.0.streams.hear(&notice);
            self.0.heard.hear(&notice);
        }
        learning.abort();
        self.0.streams.known.set_complete(false);
    }

    /// How many streams are kept because of commits in flight.
    #[cfg(test)]
    pub(super) fn kept_streams(&self) -> usize {
        self.0.streams.kept()
    }

    /// One attempt, through cqrs-es.
    async fn attempt<A: ClinicAggregate>(
        &self,
        aggregate: AggregateRef,
        freshness: Freshness,
        command: A::Command,
        context: &CommandContext,
    ) -> Result<Verdict<A::Error>, Failure> {
        let (session, report) = Session::new(Arc::clone(&self.0), aggregate, freshness);
        let framework: CqrsFramework<A, _> = CqrsFramework::new(session, Vec::new(), ());
        let result = framework
            .execute_with_metadata(&aggregate.to_string(), command, context.to_metadata())
            .await;
        let report = std::mem::take(&mut *report.lock().unwrap_or_else(PoisonError::into_inner));
        match (result, report.failure, report.commit, report.upon) {
            (_, Some(failure), ..) => Err(failure),
            (Ok(()), None, Some((commit, events)), Some(upon)) => Ok(Verdict::Committed {
                commit,
                version: upon.head.version + events,
            }),
            (Ok(()), None, None, Some(upon)) => Ok(Verdict::NoChange { upon: vec![upon] }),
            (Err(AggregateError::UserError(refusal)), None, _, Some(upon)) => Ok(Verdict::Refused {
                upon: vec![upon],
                refusal,
            }),
            (Err(error), ..) => Err(Failure::internal(error.to_string())),
            (Ok(()), None, _, None) => Err(Failure::internal("cqrs-es decided on nothing")),
        }
    }

    /// One attempt at two aggregates.
    async fn attempt_pair<A, B, E, D>(
        &self,
        first: AggregateRef,
        second: AggregateRef,
        decide: &D,
        context: &CommandContext,
    ) -> Result<Verdict<E>, Failure>
    where
        A: ClinicAggregate,
        B: ClinicAggregate,
        E: From<A::Error> + From<B::Error> + Send,
        D: Fn(&A, &B) -> Result<(A::Command, B::Command), E> + Send + Sync,
    {
        let core = &self.0;
        // Turns are taken in one order everywhere, so that two commits never wait for each other.
        let (a, b) = if core.names.seal(&first) < core.names.seal(&second) {
            let a = core.enter::<A>(first, Freshness::MayExist).await?;
            let b = core.enter::<B>(second, Freshness::MayExist).await?;
            (a, b)
        } else {
            let b = core.enter::<B>(second, Freshness::MayExist).await?;
            let a = core.enter::<A>(first, Freshness::MayExist).await?;
            (a, b)
        };
        let upon = vec![a.loaded.clone(), b.loaded.clone()];
        let (state_a, state_b) = (a.loaded.typed::<A>()?, b.loaded.typed::<B>()?);
        let decided = decide(state_a, state_b)
            .and_then(|(command_a, command_b)| Ok((state_a.decide(command_a)?, state_b.decide(command_b)?)));
        let (events_a, events_b) = match decided {
            Ok(events) => events,
            Err(refusal) => return Ok(Verdict::Refused { upon, refusal }),
        };
        let version = a.loaded.head.version + events_a.len() as u64;
        let decisions = [part::<A>(&first, &a, &events_a)?, part::<B>(&second, &b, &events_b)?];
        self.commit(decisions, upon, version, context).await
    }

    /// One attempt at three aggregates.
    async fn attempt_three<A, B, C, E, D>(
        &self,
        [first, second, third]: [AggregateRef; 3],
        decide: &D,
        context: &CommandContext,
    ) -> Result<Verdict<E>, Failure>
    where
        A: ClinicAggregate,
        B: ClinicAggregate,
        C: ClinicAggregate,
        E: From<A::Error> + From<B::Error> + From<C::Error> + Send,
        D: Fn(&A, &B, &C) -> Result<(A::Command, B::Command, C::Command), E> + Send + Sync,
    {
        let core = &self.0;
        let (mut a, mut b, mut c) = (None, None, None);
        // As for two.
        let mut order = [first, second, third];
        order.sort_by_key(|aggregate| core.names.seal(aggregate));
        for aggregate in order {
            if aggregate == first {
                a = Some(core.enter::<A>(aggregate, Freshness::MayExist).await?);
            } else if aggregate == second {
                b = Some(core.enter::<B>(aggregate, Freshness::MayExist).await?);
            } else {
                c = Some(core.enter::<C>(aggregate, Freshness::MayExist).await?);
            }
        }
        let (Some(a), Some(b), Some(c)) = (a, b, c) else {
            return Err(Failure::internal("three commands need three aggregates"));
        };
        let upon = vec![a.loaded.clone(), b.loaded.clone(), c.loaded.clone()];
        let (state_a, state_b) = (a.loaded.typed::<A>()?, b.loaded.typed::<B>()?);
        let state_c = c.loaded.typed::<C>()?;
        let decided = decide(state_a, state_b, state_c)
            .and_then(|(a, b, c)| Ok((state_a.decide(a)?, state_b.decide(b)?, state_c.decide(c)?)));
        let (events_a, events_b, events_c) = match decided {
            Ok(events) => events,
            Err(refusal) => return Ok(Verdict::Refused { upon, refusal }),
        };
        let version = a.loaded.head.version + events_a.len() as u64;
        let decisions = [
            part::<A>(&first, &a, &events_a)?,
            part::<B>(&second, &b, &events_b)?,
            part::<C>(&third, &c, &events_c)?,
        ];
        self.commit(decisions, upon, version, context).await
    }

    /// Hands over what was decided for several aggregates, unless it is nothing. The caller has the turn on all of them.
    async fn commit<E, const N: usize>(
        &self,
        decisions: [Option<Decision>; N],
        upon: Vec<Loaded>,
        version: u64,
        context: &CommandContext,
    ) -> Result<Verdict<E>, Failure> {
        let decisions: Vec<_> = decisions.into_iter().flatten().collect();
        if decisions.is_empty() {
            return Ok(Verdict::NoChange { upon });
        }
        let commit = self.0.hand_over.commit(decisions, context).await?;
        Ok(Verdict::Committed { commit, version })
    }

    /// Waits until the verdict is certain. What was handed over is waited for without an end, for it has one; anything else until
    /// the deadline. `since` is a moment before the decision.
    async fn settle<E>(
        &self,
        verdict: Verdict<E>,
        command_id: CommandId,
        since: Moment,
        deadline: Instant,
    ) -> Settled<E> {
        match verdict {
            Verdict::Committed { commit, version } => match commit.clone().outcome().await {
                CommitOutcome::Appended { position, finality } => Settled::Done(Ok(Receipt {
                    command_id,
                    version,
                    position: Some(position),
                    finality,
                })),
                // It may be a second copy of one that went in: decided again, its command would be executed twice.
                CommitOutcome::Rejected { .. } => match self.0.reader.found_of(command_id, commit.heads()).await {
                    Ok(Found::Nothing) => Settled::Again,
                    Ok(Found::Part) => {
                        tracing::error!(command = %command_id, "whoever may write has appended a part of a commit of ours");
                        Settled::Done(Err(CommandError::Refused))
                    }
                    Ok(Found::Whole) | Err(_) => Settled::Earlier,
                },
                CommitOutcome::Duplicate => Settled::Earlier,
                CommitOutcome::HandedOver => Settled::Perhaps,
                CommitOutcome::TooLarge => Settled::Done(Err(CommandError::TooLarge)),
                CommitOutcome::Refused => Settled::Done(Err(CommandError::Refused)),
                CommitOutcome::Failed(what) => Settled::Done(Err(CommandError::Unavailable(what))),
            },
            Verdict::NoChange { upon } => {
                let version = upon.first().map_or(0, |loaded| loaded.head.version);
                let unchanged = Ok(Receipt {
                    command_id,
                    version,
                    position: None,
                    finality: Finality::Final,
                });
                self.conclude(&upon, unchanged, since, deadline).await
            }
            Verdict::Refused { upon, refusal } => {
                let refused = Err(CommandError::Rejected(refusal));
                self.conclude(&upon, refused, since, deadline).await
            }
        }
    }

    /// The answer to a command that changes nothing, once what it was decided upon is final.
    async fn conclude<E>(
        &self,
        upon: &[Loaded],
        answer: Result<Receipt, CommandError<E>>,
        since: Moment,
        deadline: Instant,
    ) -> Settled<E> {
        match timeout_at(deadline, self.becomes_final(upon, since)).await {
            Ok(true) => Settled::Done(answer),
            Ok(false) => Settled::Again,
            Err(_) => Settled::Done(Err(CommandError::Unavailable(Unavailable::NotFinal))),
        }
    }

    /// Waits until states are final; `false` when one of them turns out never to have been.
    async fn becomes_final(&self, upon: &[Loaded], since: Moment) -> bool {
        for loaded in upon {
            let stands = match &loaded.upon {
                None => self.0.heard.until_final(loaded.position, since).await,
                Some(commit) => matches!(commit.clone().outcome().await, CommitOutcome::Appended { .. }),
            };
            if !stands {
                return false;
            }
        }
        true
    }

    /// Before another attempt: a moment, longer each time and never the same for two, lest rivals meet again.
    async fn pause(&self, attempt: u32) {
        let jitter = RandomState::new().hash_one(attempt) % 8;
        sleep(Duration::from_millis(u64::from(attempt) * jitter)).await;
    }

    /// Tries until the verdict stands. `A` is the first aggregate. A command that may have been accepted before is looked up first:
    /// decided again on what it has brought about itself, it might be refused.
    async fn run<A, E, F>(
        &self,
        aggregate: AggregateRef,
        context: &CommandContext,
        mut attempt: impl FnMut() -> F,
    ) -> Result<Receipt, CommandError<E>>
    where
        A: ClinicAggregate,
        F: Future<Output = Result<Verdict<E>, Failure>>,
    {
        let (core, command_id) = (&self.0, context.command_id);
        if context.repeated
            && let Some(receipt) = self.look_up::<A, E>(aggregate, command_id).await?
        {
            return Ok(receipt);
        }
        let attempts = core.options.attempts;
        let mut deadline = Instant::now() + core.options.decide_within;
        // Whether a commit was handed over of which nobody knows what became.
        let mut perhaps = false;
        for number in 1..=attempts {
            let since = core.heard.moment();
            // An attempt that is dropped has handed over nothing.
            let settled = match timeout_at(deadline, attempt()).await {
                Ok(Ok(verdict)) => {
                    let committed = matches!(verdict, Verdict::Committed { .. });
                    let settled = self.settle(verdict, command_id, since, deadline).await;
                    if committed {
                        deadline = Instant::now() + core.options.decide_within;
                    }
                    settled
                }
                Ok(Err(Failure::Stale)) => Settled::Again,
                Ok(Err(failure)) => Settled::Done(Err(failure.into_error(number))),
                Err(_) => Settled::Done(Err(CommandError::Unavailable(Unavailable::Overloaded))),
            };
            match settled {
                Settled::Done(Err(CommandError::Unavailable(_))) if perhaps => return Err(CommandError::Unknown),
                Settled::Done(result) => return result,
                Settled::Again => tracing::debug!(%command_id, number, "decided again: the stream had moved on"),
                Settled::Earlier | Settled::Perhaps => {
                    perhaps |= matches!(settled, Settled::Perhaps);
                    if let Some(receipt) = self.look_up::<A, E>(aggregate, command_id).await? {
                        return Ok(receipt);
                    }
                }
            }
            self.pause(number).await;
        }
        Err(if perhaps {
            CommandError::Unknown
        } else {
            CommandError::Conflict { attempts }
        })
    }

    async fn look_up<A: ClinicAggregate, E>(
        &self,
        aggregate: AggregateRef,
        command_id: CommandId,
    ) -> Result<Option<Receipt>, CommandError<E>> {
        match self.0.earlier::<A>(aggregate, command_id).await {
            Ok(Earlier::Appended(receipt)) => Ok(Some(receipt)),
            Ok(Earlier::Nothing) => Ok(None),
            Ok(Earlier::Refused) => Err(CommandError::Refused),
            Err(failure) => {
                tracing::warn!(%failure, %command_id, "what became of a command cannot be found out");
                Err(CommandError::Unknown)
            }
        }
    }
}

impl<L: CommitLog, J: Journal> CommandExecutor for Executor<L, J> {
    async fn execute<A: ClinicAggregate>(
        &self,
        id: A::Id,
        freshness: Freshness,
        command: A::Command,
        context: &CommandContext,
    ) -> Result<Receipt, CommandError<A::Error>>
    where
        A::Command: Clone + Sync,
    {
        let aggregate = id.into();
        self.run::<A, _, _>(aggregate, context, || {
            self.attempt::<A>(aggregate, freshness, command.clone(), context)
        })
        .await
    }

    async fn execute_pair<A, B, E, D>(
        &self,
        first: A::Id,
        second: B::Id,
        decide: D,
        context: &CommandContext,
    ) -> Result<Receipt, CommandError<E>>
    where
        A: ClinicAggregate,
        B: ClinicAggregate,
        E: From<A::Error> + From<B::Error> + Send,
        D: Fn(&A, &B) -> Result<(A::Command, B::Command), E> + Send + Sync,
    {
        let (first, second) = (first.into(), second.into());
        if first == second {
            return Err(CommandError::Internal("a pair needs two aggregates".into()));
        }
        self.run::<A, _, _>(first, context, || {
            self.attempt_pair::<A, B, E, D>(first, second, &decide, context)
        })
        .await
    }

    async fn execute_three<A, B, C, E, D>(
        &self,
        (first, second, third): (A::Id, B::Id, C::Id),
        decide: D,
        context: &CommandContext,
    ) -> Result<Receipt, CommandError<E>>
    where
        A: ClinicAggregate,
        B: ClinicAggregate,
        C: ClinicAggregate,
        E: From<A::Error> + From<B::Error> + From<C::Error> + Send,
        D: Fn(&A, &B, &C) -> Result<(A::Command, B::Command, C::Command), E> + Send + Sync,
    {
        let ids: [AggregateRef; 3] = [first.into(), second.into(), third.into()];
        let [first, second, third] = ids;
        if first == second || second == third || first == third {
            return Err(CommandError::Internal("three commands need three aggregates".into()));
        }
        self.run::<A, _, _>(first, context, || {
            self.attempt_three::<A, B, C, E, D>(ids, &decide, context)
        })
        .await
    }

    async fn earlier<A: ClinicAggregate>(
        &self,
        first: A::Id,
        command: CommandId,
    ) -> Result<Option<Receipt>, CommandError<A::Error>> {
        self.look_up::<A, _>(first.into(), command).await
    }

    async fn load<A: ClinicAggregate>(&self, id: A::Id) -> Result<LoadedAggregate<A>, CommandError<A::Error>> {
        self.0
            .peek::<A>(id.into())
            .await
            .map_err(|failure| failure.into_error(1))
    }
}

impl<L: CommitLog, J: Journal> Core<L, J> {
    /// Learns which streams the journal has. What is new since the notices were subscribed to, they tell.
    async fn learn_streams(self: Arc<Self>) {
        let mut position = 0;
        loop {
            match self.reader.streams_after(position).await {
                Ok(streams) => {
                    for (_, stream) in &streams {
                        self.streams.known.insert(stream);
                    }
                    match streams.last() {
                        Some((last, _)) => position = *last,
                        None => return self.streams.known.set_complete(true),
                    }
                }
                Err(failure) => {
                    tracing::debug!(%failure, "which streams exist is not known yet");
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Takes the turn on a stream, and loads it.
    pub(super) async fn enter<A: ClinicAggregate>(
        &self,
        aggregate: AggregateRef,
        freshness: Freshness,
    ) -> Result<Place, Failure> {
        let stream_id = self.names.seal(&aggregate);
        let stream = self.streams.get(stream_id);
        let turn = stream.turn().await;
        let is_new = || freshness == Freshness::New || !self.streams.known.may_exist(&stream_id);
        let loaded = self.load::<A>(aggregate, &stream, is_new).await?;
        Ok(Place {
            stream_id,
            stream,
            loaded,
            _turn: turn,
        })
    }

    /// The state for a reader: no turn is taken if it is in memory.
    async fn peek<A: ClinicAggregate>(&self, aggregate: AggregateRef) -> Result<LoadedAggregate<A>, Failure> {
        let stream = self.streams.get(self.names.seal(&aggregate));
        let loaded = match stream.loaded() {
            Some(loaded) => loaded,
            None => {
                let _turn = stream.turn().await;
                // What is only read does not come before the contract, so the journal itself must say that it is not there.
                self.load::<A>(aggregate, &stream, || false).await?
            }
        };
        Ok(LoadedAggregate {
            aggregate: loaded.typed::<A>()?.clone(),
            version: loaded.head.version,
        })
    }

    /// The events of a stream, as far as the journal has them.
    pub(super) async fn events<A: ClinicAggregate>(
        &self,
        aggregate: AggregateRef,
    ) -> Result<Vec<EventEnvelope<A>>, Failure> {
        self.reader.envelopes(aggregate, &self.names.seal(&aggregate)).await
    }

    /// Loads a stream into memory, not behind what the chain is known to have.
    async fn load<A: ClinicAggregate>(
        &self,
        aggregate: AggregateRef,
        stream: &Stream,
        is_new: impl Fn() -> bool + Send,
    ) -> Result<Loaded, Failure> {
        let stream_id = self.names.seal(&aggregate);
        let deadline = Instant::now() + self.options.catch_up;
        let mut late = 0;
        while late < 3 {
            if let Some(loaded) = stream.loaded() {
                return Ok(loaded);
            }
            let fill = stream.begin_fill();
            if fill.required.is_none() && is_new() {
                stream.finish_fill(fill, Arc::new(A::default()), crate::log::StreamHead::default(), 0);
                continue;
            }
            let history = self.reader.read::<A>(aggregate, &stream_id).await?;
            let behind = fill
                .required
                .is_some_and(|required| history.head.version < required.version);
            if !behind {
                stream.finish_fill(fill, Arc::new(history.state), history.head, history.position);
            }
            if Instant::now() >= deadline {
                stream.give_up_waiting(fill);
                late += 1;
            } else if behind {
                // A notice may come between the reading and this: so not for long.
                let _ = timeout(Duration::from_millis(20), stream.changed()).await;
            }
        }
        // Others change the stream faster than it can be read.
        Err(Failure::Stale)
    }
}

impl Loaded {
    /// The state as its aggregate.
    pub(super) fn typed<A: ClinicAggregate>(&self) -> Result<&A, Failure> {
        self.state
            .downcast_ref()
            .ok_or_else(|| Failure::internal("a stream in memory holds another aggregate"))
    }
}

/// What was decided for one of several aggregates; `None` when nothing.
fn part<A: ClinicAggregate>(
    aggregate: &AggregateRef,
    place: &Place,
    events: &[A::Event],
) -> Result<Option<Decision>, Failure> {
    if events.is_empty() {
        return Ok(None);
    }
    let state = applied(place.loaded.typed::<A>()?, events);
    Decision::new::<A>(aggregate, place, state, events).map(Some)
}

fn applied<A: ClinicAggregate>(state: &A, events: &[A::Event]) -> A {
    let mut state = state.clone();
    for event in events {
        state.apply(event.clone());
    }
    state
}
