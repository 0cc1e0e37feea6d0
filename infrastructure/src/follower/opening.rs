//! Entries become events, or are foreign, or are parked with their stream.

use std::collections::HashSet;

use application::log::{OpenedEvent, Position, StreamId};
use domain::kernel::{AggregateRef, CommandId};
use uuid::Uuid;

use super::FollowerError;
use super::trust::CheckedBlock;
use crate::keys::KeySet;
use crate::log::Need;
use crate::log::{AppendedEntry, KeyId, StreamHead};
use crate::sealing::{Opener, Opening, PersonalPart};

/// A block whose entries were opened as far as this server can.
pub(super) struct OpenedBlock {
    pub(super) checked: CheckedBlock,
    /// For each entry, what the journal says beside the sealed payload.
    pub(super) labels: Vec<Label>,
    /// The events to project, in order.
    pub(super) events: Vec<OpenedEvent>,
    /// The entries to park.
    pub(super) parked: Vec<Parked>,
    /// How many entries are foreign.
    pub(super) foreign: u64,
}

impl OpenedBlock {
    /// Its entries, each with the head of its stream after it and what the journal says of it.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&AppendedEntry, &StreamHead, &Label)> {
        let entries = self.checked.log.appended.iter().zip(&self.checked.stream_heads);
        entries
            .zip(&self.labels)
            .map(|((entry, head), label)| (entry, head, label))
    }
}

/// What the journal says about an entry beside its sealed payload.
#[derive(Clone, Copy, Default)]
pub(super) struct Label {
    pub(super) aggregate: Option<AggregateRef>,
    pub(super) command_id: Option<CommandId>,
}

impl Label {
    /// What an event says of itself: it may be of any aggregate of its stream.
    pub(super) fn of(event: &OpenedEvent) -> Self {
        Self {
            aggregate: Some(event.event.aggregate()),
            command_id: Some(event.metadata.command_id),
        }
    }

    /// The aggregate as the journal names it.
    pub(super) fn aggregate_id(&self) -> Option<String> {
        self.aggregate.map(|aggregate| aggregate.to_string())
    }

    /// The command as the journal names it.
    pub(super) fn command(&self) -> Option<Uuid> {
        self.command_id.map(CommandId::uuid)
    }
}

/// An entry that is parked, and why.
pub(super) struct Parked {
    pub(super) position: Position,
    pub(super) stream: StreamId,
    pub(super) reason: String,
    /// The key that is not here, if that is the reason.
    pub(super) key_id: Option<KeyId>,
}

/// Why an entry is parked whose key is not here. It waits for the key to be restored: a read model without what concerns the person
/// would be taken for the truth.
pub(super) const KEY_MISSING: &str = "the data subject's key is not here";

/// Why an entry is parked that may itself be fine.
pub(super) const BEHIND: &str = "an earlier event of its stream is parked";

/// Opens a block. `held` are the streams that are held back; a stream whose event cannot be read joins them.
///
/// # Errors
/// [`FollowerError::Newer`]: nothing of the block may be written by this program, for a newer one can read it.
pub(super) fn open(
    checked: CheckedBlock,
    opener: &Opener,
    keys: &KeySet,
    held: &mut HashSet<StreamId>,
) -> Result<OpenedBlock, FollowerError> {
    let mut opened = OpenedBlock {
        labels: Vec::with_capacity(checked.log.appended.len()),
        events: Vec::with_capacity(checked.log.appended.len()),
        parked: Vec::new(),
        foreign: 0,
        checked,
    };
    for entry in &opened.checked.log.appended {
        let mut park = |reason: String, key_id: Option<KeyId>| {
            opened.parked.push(Parked {
                position: entry.position,
                stream: entry.stream,
                reason,
                key_id,
            });
        };
        let mut label = Label {
            aggregate: opener.aggregate(&entry.stream),
            command_id: None,
        };
        match opener.open(entry, keys) {
            Opening::Public => {}
            // In a stream of ours it still has its place, which whoever reads the stream must see.
            Opening::Foreign => opened.foreign = opened.foreign.saturating_add(1),
            Opening::Newer { schema } => {
                let position = entry.position;
                return Err(FollowerError::Newer { position, schema });
            }
            Opening::Unreadable(error) => {
                held.insert(entry.stream);
                park(error.to_string(), None);
            }
            Opening::Opened { event, personal } => {
                label = Label::of(&event);
                if personal == PersonalPart::Missing {
                    held.insert(entry.stream);
                    let need = opener.need(&entry.stream, &entry.payload);
                    let key_id = if let Need::Key(key_id) = need {
                        Some(key_id)
                    } else {
                        None
                    };
                    park(KEY_MISSING.to_owned(), key_id);
                } else if held.contains(&entry.stream) {
                    park(BEHIND.to_owned(), None);
                } else {
                    opened.events.push(event);
                }
            }
        }
        opened.labels.push(label);
    }
    Ok(opened)
}
