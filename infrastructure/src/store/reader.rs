//! Loads a stream from the journal and opens it.

use std::any::Any;

use application::command::CommandContext;
use application::log::{Actor, AnyEvent, EventMetadata, Position, StreamId};
use application::registry::Trace;
use cqrs_es::EventEnvelope;
use domain::kernel::{AggregateRef, ClinicAggregate, CommandId};

use super::failure::Failure;
use super::journal::Journal;
use crate::log::{AppendedEntry, StreamHead};
use crate::sealing::{Opener, Opening};
use crate::trace::Found;

/// A stream as the journal has it.
pub(super) struct History<A> {
    pub(super) state: A,
    pub(super) head: StreamHead,
    pub(super) position: Position,
}

/// Reads streams.
pub(super) struct Reader<J> {
    journal: J,
    opener: Opener,
}

impl<J: Journal> Reader<J> {
    pub(super) const fn new(journal: J, opener: Opener) -> Self {
        Self { journal, opener }
    }

    /// The streams that began after a position.
    pub(super) async fn streams_after(&self, position: Position) -> Result<Vec<(Position, StreamId)>, Failure> {
        Ok(self.journal.streams_after(position).await?)
    }

    /// Where a command has left a trace.
    pub(super) async fn trace(&self, command: CommandId) -> Result<Trace, Failure> {
        Ok(self.journal.trace(command).await?)
    }

    /// How much of a commit that was rejected is in the log all the same.
    pub(super) async fn found_of(
        &self,
        command: CommandId,
        heads: &[(StreamId, StreamHead)],
    ) -> Result<Found, Failure> {
        Ok(self.journal.found_of(command, heads).await?)
    }

    /// A stream's version when the log had reached a position.
    pub(super) async fn version_at<A: ClinicAggregate>(
        &self,
        aggregate: AggregateRef,
        stream: &StreamId,
        position: Position,
    ) -> Result<u64, Failure> {
        let entries = self.journal.entries::<A>(&aggregate, stream).await?;
        let before = entries.iter().rev().find(|entry| entry.position <= position);
        Ok(before.map_or(0, |entry| entry.version))
    }

    /// Reads a whole stream into its state. Foreign events count, and change nothing; personal sections without a key stay
    /// sealed.
    pub(super) async fn read<A: ClinicAggregate>(
        &self,
        aggregate: AggregateRef,
        stream: &StreamId,
    ) -> Result<History<A>, Failure> {
        let mut history = History {
            state: A::default(),
            head: StreamHead::default(),
            position: 0,
        };
        for (entry, ours) in self.events::<A>(aggregate, stream).await? {
            history.head = history.head.after(&entry.payload);
            history.position = entry.position;
            if entry.version != history.head.version {
                return Err(Failure::internal("the journal has a gap in a stream"));
            }
            if let Some((_, event)) = ours {
                history.state.apply(event);
            }
        }
        Ok(history)
    }

    /// The stream's events in the shape of cqrs-es, without the foreign ones.
    pub(super) async fn envelopes<A: ClinicAggregate>(
        &self,
        aggregate: AggregateRef,
        stream: &StreamId,
    ) -> Result<Vec<EventEnvelope<A>>, Failure> {
        let envelope = |(entry, ours): (AppendedEntry, Option<(EventMetadata, A::Event)>)| {
            let (metadata, payload) = ours?;
            let context = CommandContext {
                command_id: metadata.command_id,
                at: metadata.at,
                actor: metadata.actor.unwrap_or(Actor::System),
                correlation: metadata.correlation,
                cause: metadata.cause,
                repeated: false,
            };
            Some(EventEnvelope {
                aggregate_id: aggregate.to_string(),
                sequence: usize::try_from(entry.version).ok()?,
                payload,
                metadata: context.to_metadata(),
            })
        };
        Ok(self
            .events::<A>(aggregate, stream)
            .await?
            .into_iter()
            .filter_map(envelope)
            .collect())
    }

    /// The entries, with what those of ours say.
    async fn events<A: ClinicAggregate>(
        &self,
        aggregate: AggregateRef,
        stream: &StreamId,
    ) -> Result<Vec<(AppendedEntry, Option<(EventMetadata, A::Event)>)>, Failure> {
        let entries = self.journal.entries::<A>(&aggregate, stream).await?;
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        if self.journal.is_held_back(stream).await? {
            return Err(Failure::HeldBack);
        }
        let keys = self.opener.keys_for(&entries).await?;
        let open = |entry: AppendedEntry| match self.opener.open_own(&entry, aggregate, &keys) {
            Opening::Opened { event, .. } => match typed(event.event) {
                Some(own) => Ok((entry, Some((event.metadata, own)))),
                None => Err(Failure::internal("an event of another aggregate")),
            },
            Opening::Foreign => Ok((entry, None)),
            Opening::Unreadable(_) | Opening::Newer { .. } => Err(Failure::HeldBack),
        };
        entries.into_iter().map(open).collect()
    }
}

/// The event as its own type.
fn typed<E: 'static>(event: AnyEvent) -> Option<E> {
    let event: Box<dyn Any> = match event {
        AnyEvent::Patient(_, event) => Box::new(event),
        AnyEvent::Practitioner(_, event) => Box::new(event),
        AnyEvent::Calendar(_, event) => Box::new(event),
        AnyEvent::Account(_, event) => Box::new(event),
        AnyEvent::Wallet(_, event) => Box::new(event),
    };
    event.downcast().ok().map(|event| *event)
}
