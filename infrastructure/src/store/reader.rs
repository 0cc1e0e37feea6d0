//! Loads an aggregate from the journal and opens it.

use application::log::{OpenedEvent, Position, StreamId};
use application::registry::Trace;
use domain::kernel::{AggregateRef, AggregateType, CommandId};
use domain::state::AnyState;

use super::failure::Failure;
use super::journal::Journal;
use crate::log::{AppendedEntry, StreamHead};
use crate::sealing::{Opener, Opening};
use crate::trace::Found;

/// An aggregate as the journal has it, at its stream's head.
pub(super) struct History {
    pub(super) state: AnyState,
    /// The stream's head.
    pub(super) head: StreamHead,
    /// The position of the stream's last event; 0 when it has none.
    pub(super) position: Position,
}

impl History {
    /// An aggregate of a stream that does not exist.
    pub(super) fn none(of: AggregateType) -> Self {
        Self {
            state: AnyState::new(of),
            head: StreamHead::default(),
            position: 0,
        }
    }
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

    /// The version at which an aggregate had last changed when the log had reached a position.
    pub(super) async fn version_at(
        &self,
        aggregate: AggregateRef,
        stream: &StreamId,
        position: Position,
    ) -> Result<u64, Failure> {
        let entries = self.journal.entries(&aggregate, stream).await?;
        let events = self.open(aggregate, entries).await?;
        let before = events.iter().rev().find(|event| event.position <= position);
        Ok(before.map_or(0, |event| event.version))
    }

    /// Reads an aggregate's events into its state. Foreign events of its stream change nothing; personal sections without a key stay
    /// sealed.
    ///
    /// The stream's head is read first. An event that comes between the two questions is left out: under a head that does not cover it,
    /// whatever is decided is rejected, and under one that covers what was not read it would not be.
    pub(super) async fn read(&self, aggregate: AggregateRef, stream: &StreamId) -> Result<History, Failure> {
        let mut history = History::none(aggregate.aggregate_type());
        let Some((head, position)) = self.journal.head(stream).await? else {
            return Ok(history);
        };
        if self.journal.is_held_back(stream).await? {
            return Err(Failure::HeldBack);
        }
        (history.head, history.position) = (head, position);
        let mut entries = self.journal.entries(&aggregate, stream).await?;
        entries.retain(|entry| entry.version <= head.version);
        for event in self.open(aggregate, entries).await? {
            let taken_in = history.state.take_in(event.event, event.version);
            taken_in.map_err(Failure::internal)?;
        }
        Ok(history)
    }

    /// What entries say that are an aggregate's.
    async fn open(&self, aggregate: AggregateRef, entries: Vec<AppendedEntry>) -> Result<Vec<OpenedEvent>, Failure> {
        let keys = self.opener.keys_for(&entries).await?;
        let mut events = Vec::with_capacity(entries.len());
        for entry in entries {
            match self.opener.open(&entry, &keys) {
                Opening::Opened { event, .. } if event.event.aggregate() == aggregate => events.push(event),
                Opening::Opened { .. } | Opening::Foreign => {}
                Opening::Unreadable(_) | Opening::Newer { .. } => return Err(Failure::HeldBack),
            }
        }
        Ok(events)
    }
}
