//! Loads an aggregate from the journal and opens it.

use std::collections::HashSet;

use application::log::{Position, StreamId};
use application::ports::registry::Trace;
use domain::kernel::{AggregateRef, AggregateType, CommandId};
use domain::state::AnyState;

use super::failure::Failure;
use super::journal::Journal;
use crate::log::StreamTip;
use crate::sealing::{Opener, Opening, PersonalPart};

/// An aggregate as the journal has it, at its stream's end.
pub(super) struct History {
    pub(super) state: AnyState,
    /// Where the stream ends.
    pub(super) tip: StreamTip,
    /// The position of the stream's last event; 0 when it has none.
    pub(super) position: Position,
    /// Whether anything in the stream counts yet; of a record in the chapter that is open.
    pub(super) has_begun: bool,
    /// Whether an event of the stream is parked. Only what stands alone is read then.
    pub(super) is_held_back: bool,
    /// Whether the erasure of its data subject has ended the stream.
    pub(super) has_ended: bool,
    /// All aggregates of the stream, if they are known.
    pub(super) members: Option<HashSet<AggregateRef>>,
}

impl History {
    /// An aggregate of a stream that does not exist.
    pub(super) fn none(of: AggregateType) -> Self {
        Self {
            state: AnyState::new(of),
            tip: StreamTip::default(),
            position: 0,
            has_begun: false,
            is_held_back: false,
            has_ended: false,
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

    /// Where streams end, in their order.
    pub(super) async fn tips(&self, streams: &[StreamId]) -> Result<Vec<StreamTip>, Failure> {
        Ok(self.journal.tips(streams).await?)
    }

    /// Where a command has left a trace.
    pub(super) async fn trace(&self, command: CommandId) -> Result<Trace, Failure> {
        Ok(self.journal.trace(command).await?)
    }

    /// Whether a command has events in the log.
    pub(super) async fn holds(&self, command: CommandId) -> Result<bool, Failure> {
        Ok(self.journal.holds(command).await?)
    }

    /// How an aggregate stood when the log had reached a position. What cannot be read does not count.
    ///
    /// # Errors
    /// When journal or keys have no answer.
    pub(super) async fn stood_at(
        &self,
        aggregate: AggregateRef,
        stream: &StreamId,
        position: Position,
    ) -> Result<Stood, Failure> {
        let journaled = self.journal.read(&aggregate, stream).await?;
        let entries = journaled.iter().flat_map(|journaled| &journaled.entries);
        let entries = entries.filter(|found| found.entry.position <= position);
        let keys = self.opener.keys_for(entries.clone().map(|found| &found.entry)).await?;
        let mut before = entries.filter_map(|found| match self.opener.open_again(found, aggregate.stream(), &keys) {
            Opening::Opened { event, .. } => Some((event.metadata.command_id, event.version)),
            _ => None,
        });
        let first = before.next();
        Ok(Stood {
            version: before.last().or(first).map_or(0, |(_, version)| version),
            began_with: first.map(|(command, _)| command),
        })
    }

    /// Reads an aggregate's events into its state. Personal sections without a key stay
    /// sealed.
    ///
    /// The tip is of the moment of the events. Under one that covers what was not read, or what another block had in its place,
    /// the contract would take what was decided without it.
    ///
    /// # Errors
    /// [`Failure::Erased`] when an erasure has ended the stream though an event of it is parked. [`Failure::HeldBack`] when one is parked or cannot be read, nor its personal section where the state rests on
    /// that; or when journal or keys have no answer.
    pub(super) async fn read(&self, aggregate: AggregateRef, stream: &StreamId) -> Result<History, Failure> {
        let mut history = History::none(aggregate.aggregate_type());
        let Some(journaled) = self.journal.read(&aggregate, stream).await? else {
            return Ok(history);
        };
        if journaled.is_held_back && !aggregate.stands_alone() {
            // What is parked in a stream that has ended is read by nobody any more.
            return Err(if journaled.has_ended {
                Failure::Erased
            } else {
                Failure::HeldBack
            });
        }
        history.is_held_back = journaled.is_held_back;
        (history.tip, history.position) = (journaled.tip, journaled.position);
        history.has_begun = journaled.has_begun;
        history.has_ended = journaled.has_ended;
        history.members = journaled.members;
        let keys = self
            .opener
            .keys_for(journaled.entries.iter().map(|found| &found.entry))
            .await?;
        for found in &journaled.entries {
            match self.opener.open_again(found, aggregate.stream(), &keys) {
                Opening::Opened { event, personal } => {
                    // In a namespace that is shared it is most often another organisation's.
                    if personal == PersonalPart::Missing && !self.opener.is_shared(stream) {
                        self.opener.miss_key();
                        // What somebody has would be taken for what nobody has.
                        if aggregate.rests_on_personal_sections() {
                            return Err(Failure::HeldBack);
                        }
                    }
                    let taken_in = history.state.take_in(event.event, event.version);
                    taken_in.map_err(Failure::internal)?;
                }
                // What is known of the erased is that they are.
                Opening::Sealed if history.has_ended => {}
                Opening::KeyMissing | Opening::EpochMissing { .. } => {
                    self.opener.miss_key();
                    return Err(Failure::HeldBack);
                }
                // Of an aggregate the journal tells only what the follower has opened.
                Opening::Foreign
                | Opening::Public
                | Opening::Sealed
                | Opening::Void(_)
                | Opening::Undecodable(_)
                | Opening::Newer { .. } => return Err(Failure::HeldBack),
            }
        }
        Ok(history)
    }
}
