//! Loads an aggregate from the journal and opens it.

use std::collections::HashSet;

use application::log::{Position, StreamId};
use application::ports::registry::Trace;
use domain::kernel::{AggregateRef, AggregateType, CommandId};
use domain::state::AnyState;

use super::failure::Failure;
use super::journal::Journal;
use crate::keys::KeySet;
use crate::log::StreamHead;
use crate::sealing::{Opener, Opening};
use crate::trace::Found;

/// An aggregate as the journal has it, at its stream's head.
pub(super) struct History {
    pub(super) state: AnyState,
    /// The stream's head.
    pub(super) head: StreamHead,
    /// The position of the stream's last event; 0 when it has none.
    pub(super) position: Position,
    /// All aggregates of the stream, if they are known.
    pub(super) members: Option<HashSet<AggregateRef>>,
}

impl History {
    /// An aggregate of a stream that does not exist.
    pub(super) fn none(of: AggregateType) -> Self {
        Self {
            state: AnyState::new(of),
            head: StreamHead::default(),
            position: 0,
            members: Some(HashSet::new()),
        }
    }
}

/// How an aggregate stood.
pub(super) struct Stood {
    /// The version at which it had last changed; 0 when nothing had happened to it.
    pub(super) version: u64,
    /// The command with which it began.
    pub(super) began_with: Option<CommandId>,
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

    /// Where streams stand, in their order.
    pub(super) async fn heads(&self, streams: &[StreamId]) -> Result<Vec<StreamHead>, Failure> {
        Ok(self.journal.heads(streams).await?)
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

    /// How an aggregate stood when the log had reached a position. It needs no keys, and what cannot be read does not count.
    ///
    /// # Errors
    /// When the journal has no answer.
    pub(super) async fn stood_at(
        &self,
        aggregate: AggregateRef,
        stream: &StreamId,
        position: Position,
    ) -> Result<Stood, Failure> {
        let journaled = self.journal.read(&aggregate, stream).await?;
        let entries = journaled.iter().flat_map(|journaled| &journaled.entries);
        let mut before = entries.filter(|entry| entry.position <= position).filter_map(|entry| {
            match self.opener.open_own(entry, aggregate.stream(), &KeySet::default()) {
                Opening::Opened { event, .. } => Some((event.metadata.command_id, event.version)),
                _ => None,
            }
        });
        let first = before.next();
        Ok(Stood {
            version: before.last().or(first).map_or(0, |(_, version)| version),
            began_with: first.map(|(command, _)| command),
        })
    }

    /// Reads an aggregate's events into its state. Foreign events of its stream change nothing; personal sections without a key stay
    /// sealed.
    ///
    /// The head is of the moment of the events. Under a head that covers what was not read, or what another block had in its place,
    /// the contract would take what was decided without it.
    ///
    /// # Errors
    /// [`Failure::HeldBack`] when an event of the stream is parked or cannot be read; or when journal or keys have no answer.
    pub(super) async fn read(&self, aggregate: AggregateRef, stream: &StreamId) -> Result<History, Failure> {
        let mut history = History::none(aggregate.aggregate_type());
        let Some(journaled) = self.journal.read(&aggregate, stream).await? else {
            return Ok(history);
        };
        if journaled.is_held_back {
            return Err(Failure::HeldBack);
        }
        (history.head, history.position) = (journaled.head, journaled.position);
        history.members = journaled.members;
        let keys = self.opener.keys_for(&journaled.entries).await?;
        for entry in &journaled.entries {
            match self.opener.open_own(entry, aggregate.stream(), &keys) {
                Opening::Opened { event, .. } => {
                    let taken_in = history.state.take_in(event.event, event.version);
                    taken_in.map_err(Failure::internal)?;
                }
                Opening::Foreign | Opening::Public => {}
                Opening::Unreadable(_) | Opening::Newer { .. } => return Err(Failure::HeldBack),
            }
        }
        Ok(history)
    }
}
