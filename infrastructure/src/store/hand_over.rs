//! From a decision to a commit that the appender owns.

use std::sync::Arc;

use application::log::{AnyEvent, EventMetadata, StreamId};
use application::ports::AcceptanceListener;
use application::ports::command::CommandContext;
use domain::kernel::{AggregateRef, CommandId, PatientId, SubjectId};
use domain::state::AnyState;

use super::failure::Failure;
use super::full_chapter::Full;
use super::in_flight::{InFlight, Resolver};
use super::stream::{Moved, Stream};
use super::streams::Streams;
use crate::keys::KeyRing;
use crate::log::{Commit, CommitLog, CommitOutcome, CommitTicket, KeyId, StreamHead, StreamTip, in_record};
use crate::sealing::{SealedCommit, Sealer, StreamNames, UnsealedEvent, UnsealedPart};

/// What was decided for one stream.
pub(super) struct Decision {
    pub(super) stream_id: StreamId,
    pub(super) stream: Arc<Stream>,
    pub(super) generation: u64,
    pub(super) expected: StreamTip,
    /// The aggregates that change, with the events applied.
    pub(super) states: Vec<(AggregateRef, Arc<AnyState>)>,
    /// The events, in order; at least one.
    pub(super) events: Vec<AnyEvent>,
    /// The data subject to whom nothing has happened before this. Their stream may have begun all the same, with what is void.
    pub(super) begins: Option<SubjectId>,
    /// Whether nothing counts yet in the chapter of the record that is open.
    pub(super) begins_chapter: bool,
    /// For each event, the chapter of their record whose keys it is under that concern a person.
    pub(super) chapters: Vec<u16>,
}

impl Decision {
    fn unsealed(&self, names: &StreamNames) -> Result<UnsealedPart, Failure> {
        let (chapter, expected) = self.expected.in_chapter();
        let events = self.events.iter().zip(&self.chapters);
        let unsealed = |(event, chapter): (_, &u16)| UnsealedEvent::of(event, *chapter).map_err(Failure::internal);
        Ok(UnsealedPart {
            stream: names.chapter(&self.stream_id, chapter),
            expected,
            events: events.map(unsealed).collect::<Result<_, Failure>>()?,
            begins: self.begins_chapter,
        })
    }

    /// The chapter of a record that is full with this, if one is. What closes or ends it leaves nothing to close.
    pub(super) fn full(&self, chapter_entries: u64) -> Option<Full> {
        let ends = |event: &AnyEvent| matches!(event, AnyEvent::Chapters(..) | AnyEvent::Erasure(..));
        let (of, _) = self.states.first()?;
        let patient = PatientId::try_from(of.stream()).ok()?;
        let version = self.expected.version + self.events.len() as u64;
        Full::of(self.stream_id, patient, version, chapter_entries).filter(|_| !self.events.iter().any(ends))
    }

    /// Whether it closes a chapter of a record.
    fn closes(&self) -> bool {
        self.events.iter().any(|event| matches!(event, AnyEvent::Chapters(..)))
    }
}

/// Seals decisions and hands them over.
pub(super) struct HandOver<L> {
    log: L,
    sealer: Sealer,
    keys: Arc<KeyRing>,
    names: StreamNames,
    streams: Arc<Streams>,
    acceptance: Arc<dyn AcceptanceListener>,
}

impl<L: CommitLog> HandOver<L> {
    pub(super) const fn new(
        log: L,
        sealer: Sealer,
        keys: Arc<KeyRing>,
        names: StreamNames,
        streams: Arc<Streams>,
        acceptance: Arc<dyn AcceptanceListener>,
    ) -> Self {
        Self {
            log,
            sealer,
            keys,
            names,
            streams,
            acceptance,
        }
    }

    /// How often a key was destroyed.
    pub(super) fn keys_destroyed(&self) -> u64 {
        self.keys.forgotten()
    }

    /// Makes one commit of the decisions and hands it over. The caller has the turn on every stream in it, and keeps it until
    /// this answers, so that commits on a stream reach the log in the order of their heads.
    ///
    /// Dropping the future hands over nothing or everything: there is no step between the log's taking the commit and the
    /// streams' moving on.
    pub(super) async fn commit(&self, decisions: Vec<Decision>, context: &CommandContext) -> Result<InFlight, Failure> {
        let metadata = EventMetadata {
            command_id: context.command_id,
            at: context.at,
            actor: Some(context.actor),
            correlation: context.correlation,
            cause: context.cause,
        };
        for subject in decisions.iter().filter_map(|decision| decision.begins) {
            self.keys.begin(subject).await?;
        }
        let unsealed = decisions
            .iter()
            .map(|decision| decision.unsealed(&self.names))
            .collect::<Result<Vec<_>, _>>()?;
        let sealed = self.sealer.seal(&unsealed, &metadata).await.map_err(Failure::from);
        if matches!(sealed, Err(Failure::Erased)) {
            // In memory is still known what nobody can read any more. Decided without it, it may go well.
            decisions.iter().for_each(|decision| decision.stream.let_go());
        }
        let SealedCommit { parts, tips, new_keys } = sealed?;
        // Whatever comes of it, what has no commit in flight afterwards is let go.
        let _kept = Kept {
            ids: decisions.iter().map(|decision| decision.stream_id).collect(),
            streams: &self.streams,
        };
        // Not a round trip to the chain for what is known to be stale already.
        let stands = |decision: &Decision| {
            decision.stream.is_current(decision.generation, decision.expected)
                && self.streams.keep(decision.stream_id, &decision.stream)
        };
        if !decisions.iter().all(stands) {
            return Err(Failure::Overtaken);
        }
        let key_ids = new_keys.iter().map(|key| key.key_id).collect();
        let ticket = self
            .log
            .append(
                Commit {
                    command_id: context.command_id,
                    parts,
                },
                new_keys,
            )
            .await?;

        let (resolver, commit) = InFlight::new();
        let mut streams = Vec::with_capacity(decisions.len());
        for ((decision, part), tips) in decisions.into_iter().zip(&unsealed).zip(tips) {
            let (chapter, _) = decision.expected.in_chapter();
            let mut tips = tips.into_iter().map(|tip| tip.in_record(chapter));
            if decision.closes() {
                let last = tips.next_back().unwrap_or(decision.expected);
                decision.stream.closes(decision.generation, last, commit.clone());
            } else {
                let moved = decision.events.into_iter().zip(tips);
                let moved = moved.map(|(event, tip)| Moved { event, tip }).collect();
                decision
                    .stream
                    .advance(decision.generation, decision.states, moved, commit.clone());
            }
            self.streams.keep(decision.stream_id, &decision.stream);
            streams.push(Written {
                id: decision.stream_id,
                chapter: (part.stream, chapter),
                stream: decision.stream,
            });
        }
        let watch = Watch {
            command_id: context.command_id,
            streams,
            key_ids,
            commit: commit.clone(),
            resolver,
            keys: Arc::clone(&self.keys),
            cache: Arc::clone(&self.streams),
            acceptance: Arc::clone(&self.acceptance),
        };
        tokio::spawn(watch.run(ticket));
        Ok(commit)
    }

    /// Tells whoever is interested that a command is durable.
    pub(super) fn tell_accepted(&self, command: CommandId) {
        self.acceptance.accepted(command);
    }
}

/// Lets streams go at the end of a hand-over, unless it put a commit in flight on them.
struct Kept<'a> {
    ids: Vec<StreamId>,
    streams: &'a Streams,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        for id in &self.ids {
            self.streams.release(id);
        }
    }
}

/// A stream that a commit was handed over for.
struct Written {
    /// The stream, or the first chapter of the record.
    id: StreamId,
    /// The stream of the chapter that was written, and which it is.
    chapter: (StreamId, u16),
    stream: Arc<Stream>,
}

impl Written {
    /// What became of the commit, in the terms of the stream in memory.
    fn told(&self, outcome: &CommitOutcome) -> CommitOutcome {
        match outcome {
            CommitOutcome::Rejected { stream, actual } if *stream == self.chapter.0 => CommitOutcome::Rejected {
                stream: self.id,
                actual: StreamHead {
                    version: in_record(self.chapter.1, actual.version),
                    tag: actual.tag,
                },
            },
            other => *other,
        }
    }
}

/// Sees one commit through, whether or not anybody waits for it.
struct Watch {
    command_id: CommandId,
    streams: Vec<Written>,
    key_ids: Vec<KeyId>,
    commit: InFlight,
    resolver: Resolver,
    keys: Arc<KeyRing>,
    cache: Arc<Streams>,
    acceptance: Arc<dyn AcceptanceListener>,
}

impl Watch {
    async fn run(self, mut ticket: impl CommitTicket) {
        if ticket.accepted().await {
            for key_id in &self.key_ids {
                self.keys.mark_durable(key_id);
            }
            self.acceptance.accepted(self.command_id);
        }
        let outcome = ticket.outcome().await;
        for written in &self.streams {
            let told = written.told(&outcome);
            written.stream.resolved(&written.id, &self.commit, &told);
            self.cache.release(&written.id);
        }
        self.resolver.resolve(outcome);
    }
}
