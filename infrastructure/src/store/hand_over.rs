//! From a decision to a commit that the appender owns.

use std::sync::Arc;

use application::log::{AnyEvent, EventMetadata, StreamId};
use application::ports::AcceptanceListener;
use application::ports::command::CommandContext;
use domain::kernel::{AggregateRef, CommandId, SubjectId};
use domain::state::AnyState;

use super::failure::Failure;
use super::in_flight::{InFlight, Resolver};
use super::stream::{Moved, Stream};
use super::streams::Streams;
use crate::keys::KeyRing;
use crate::log::{Commit, CommitLog, CommitTicket, KeyId, StreamTip};
use crate::sealing::{SealedCommit, Sealer, UnsealedEvent, UnsealedPart};

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
}

impl Decision {
    fn unsealed(&self) -> Result<UnsealedPart, Failure> {
        let unsealed = |event| UnsealedEvent::of(event).map_err(Failure::internal);
        Ok(UnsealedPart {
            stream: self.stream_id,
            expected: self.expected,
            events: self.events.iter().map(unsealed).collect::<Result<_, Failure>>()?,
            begins: self.begins.is_some(),
        })
    }
}

/// Seals decisions and hands them over.
pub(super) struct HandOver<L> {
    log: L,
    sealer: Sealer,
    keys: Arc<KeyRing>,
    streams: Arc<Streams>,
    acceptance: Arc<dyn AcceptanceListener>,
}

impl<L: CommitLog> HandOver<L> {
    pub(super) const fn new(
        log: L,
        sealer: Sealer,
        keys: Arc<KeyRing>,
        streams: Arc<Streams>,
        acceptance: Arc<dyn AcceptanceListener>,
    ) -> Self {
        Self {
            log,
            sealer,
            keys,
            streams,
            acceptance,
        }
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
            .map(Decision::unsealed)
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
        for (decision, tips) in decisions.into_iter().zip(tips) {
            let moved = decision.events.into_iter().zip(tips);
            let moved = moved.map(|(event, tip)| Moved { event, tip }).collect();
            decision
                .stream
                .advance(decision.generation, decision.states, moved, commit.clone());
            self.streams.keep(decision.stream_id, &decision.stream);
            streams.push((decision.stream_id, decision.stream));
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

/// Sees one commit through, whether or not anybody waits for it.
struct Watch {
    command_id: CommandId,
    streams: Vec<(StreamId, Arc<Stream>)>,
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
        for (id, stream) in &self.streams {
            stream.resolved(id, &self.commit, &outcome);
            self.cache.release(id);
        }
        self.resolver.resolve(outcome);
    }
}
