//! Runs commands: load, decide, hand over, wait; again when somebody else was faster.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use application::log::Finality;
use application::ports::command::{
    CommandContext, CommandError, CommandExecutor, Loaded as LoadedAggregate, Receipt, Unavailable,
};
use application::ports::transaction::{Mismatched, Roots};
use application::ports::{AcceptanceListener, ProgressSource};
use dashmap::DashSet;
use domain::kernel::{AggregateRef, ClinicAggregate, CommandId};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, timeout_at};

use super::attempt::Verdict;
use super::command_lookup::Earlier;
use super::core::Core;
use super::failure::Failure;
use super::final_progress::{FinalProgress, Moment};
use super::hand_over::HandOver;
use super::journal::Journal;
use super::options::ExecutorOptions;
use super::reader::Reader;
use super::stream::Loaded;
use super::streams::Streams;
use crate::keys::{KeyRing, LogSecrets};
use crate::log::LogLocation;
use crate::log::{CommitLog, CommitOutcome};
use crate::notices::Notice;
use crate::sealing::{Opener, Sealer, StreamNames};

/// What an executor is made of.
pub struct Parts<L, J> {
    /// Where commits go.
    pub log: L,
    /// Where streams come from.
    pub journal: J,
    /// Which log it is.
    pub location: LogLocation,
    /// The organisation's secrets.
    pub secrets: LogSecrets,
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
            secrets,
            keys,
            progress,
            acceptance,
        } = parts;
        let names = StreamNames::new(&secrets, location.namespace);
        let streams = Arc::new(Streams::new(names.clone(), options.streams));
        let opener = Opener::new(location, &secrets, Arc::clone(&keys));
        let sealer = Sealer::new(location, &secrets, Arc::clone(&keys));
        Self(Arc::new(Core {
            reader: Reader::new(journal, opener),
            hand_over: HandOver::new(log, sealer, keys, names.clone(), Arc::clone(&streams), acceptance),
            names,
            streams,
            heard: FinalProgress::new(),
            progress,
            options,
            closing: DashSet::new(),
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

    /// What all commands share.
    pub(super) fn core(&self) -> &Core<L, J> {
        &self.0
    }

    /// How many streams are kept because of commits in flight.
    #[cfg(test)]
    pub(super) fn kept_streams(&self) -> usize {
        self.0.streams.kept()
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
            Verdict::Committed {
                commit,
                version,
                began,
                full,
            } => {
                self.close(full);
                match commit.clone().outcome().await {
                    CommitOutcome::Appended { position, finality } => Settled::Done(Ok(Receipt {
                        command_id,
                        version,
                        began,
                        position: Some(position),
                        finality,
                    })),
                    // It may be a second copy of one that went in: decided again, its command would be executed twice.
                    CommitOutcome::Rejected { .. } | CommitOutcome::Void => match self.0.reader.holds(command_id).await
                    {
                        Ok(false) => Settled::Again,
                        Ok(true) | Err(_) => Settled::Earlier,
                    },
                    CommitOutcome::Duplicate => Settled::Earlier,
                    CommitOutcome::HandedOver => Settled::Perhaps,
                    CommitOutcome::TooLarge => Settled::Done(Err(CommandError::TooLarge)),
                    CommitOutcome::Refused => Settled::Done(Err(CommandError::Refused)),
                    CommitOutcome::Failed(what) => Settled::Done(Err(CommandError::Unavailable(what))),
                }
            }
            Verdict::NoChange { upon, version } => {
                let unchanged = Ok(Receipt {
                    command_id,
                    version,
                    began: false,
                    position: None,
                    finality: Finality::Final,
                });
                self.conclude(&upon, unchanged, since, deadline).await
            }
            Verdict::Refused { upon, error } => self.conclude(&upon, Err(error), since, deadline).await,
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

    /// Tries until the verdict stands. A command that may have been accepted before is looked up first:
    /// decided again on what it has brought about itself, it might be refused.
    async fn run<E, F>(
        &self,
        first: AggregateRef,
        context: &CommandContext,
        mut attempt: impl FnMut() -> F,
    ) -> Result<Receipt, CommandError<E>>
    where
        F: Future<Output = Result<Verdict<E>, Failure>>,
    {
        let (core, command_id) = (&self.0, context.command_id);
        if context.repeated
            && let Some(receipt) = self.look_up(first, command_id).await?
        {
            return Ok(receipt);
        }
        let attempts = core.options.attempts;
        let mut deadline = Instant::now() + core.options.decide_within;
        // Whether a commit was handed over of which nobody knows what became.
        let mut perhaps = false;
        // Whether what was in memory of somebody erased was let go of.
        let mut let_go = false;
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
                Ok(Err(Failure::Overtaken)) => Settled::Again,
                Ok(Err(Failure::Erased)) if !std::mem::replace(&mut let_go, true) => Settled::Again,
                Ok(Err(failure)) => Settled::Done(Err(failure.into_error(number))),
                Err(_) => Settled::Done(Err(CommandError::Unavailable(Unavailable::Overloaded))),
            };
            match settled {
                Settled::Done(Ok(receipt)) if receipt.position.is_some() => return Ok(receipt),
                // What it was decided upon may be what it has brought about itself meanwhile.
                Settled::Done(result) if perhaps => {
                    return match (self.look_up(first, command_id).await?, result) {
                        (Some(receipt), _) => Ok(receipt),
                        (None, Err(CommandError::Unavailable(_) | CommandError::HeldBack)) => {
                            Err(CommandError::Unknown)
                        }
                        (None, result) => result,
                    };
                }
                Settled::Done(result) => return result,
                Settled::Again => tracing::debug!(%command_id, number, "decided again: the stream had moved on"),
                Settled::Earlier | Settled::Perhaps => {
                    perhaps |= matches!(settled, Settled::Perhaps);
                    if let Some(receipt) = self.look_up(first, command_id).await? {
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

    async fn look_up<E>(
        &self,
        aggregate: AggregateRef,
        command_id: CommandId,
    ) -> Result<Option<Receipt>, CommandError<E>> {
        match self.0.earlier(aggregate, command_id).await {
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
    async fn transact<S, E, D>(
        &self,
        targets: S::Targets,
        decide: D,
        context: &CommandContext,
    ) -> Result<Receipt, CommandError<E>>
    where
        S: Roots,
        E: Send,
        D: Fn(S) -> Result<S, E> + Send + Sync,
    {
        let first = S::targets(&targets).first().map(|target| target.id);
        let first = first.ok_or_else(|| CommandError::Internal("a command needs an aggregate".into()))?;
        let attempt = || self.0.attempt::<S, E, D>(&targets, &decide, context);
        self.run(first, context, attempt).await
    }

    async fn earlier<A: ClinicAggregate>(
        &self,
        first: A::Id,
        command: CommandId,
    ) -> Result<Option<Receipt>, CommandError<A::Error>> {
        self.look_up(first.into(), command).await
    }

    async fn load<A: ClinicAggregate>(&self, id: A::Id) -> Result<LoadedAggregate<A>, CommandError<A::Error>> {
        let loaded = self.0.peek(id.into()).await;
        let state = loaded.map_err(|failure| failure.into_error(1))?;
        let state = state
            .typed::<A>()
            .ok_or_else(|| CommandError::Internal(Mismatched.into()))?;
        Ok(LoadedAggregate {
            aggregate: state.aggregate().clone(),
            version: state.version(),
        })
    }

    async fn known<A: ClinicAggregate>(&self, id: A::Id) -> Result<Option<A>, CommandError<A::Error>> {
        let known = self.0.known(id.into()).await;
        let state = known.map_err(|failure| failure.into_error(1))?;
        let state = state
            .typed::<A>()
            .ok_or_else(|| CommandError::Internal(Mismatched.into()))?;
        Ok((state.version() > 0).then(|| state.aggregate().clone()))
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
}
