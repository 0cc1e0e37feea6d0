//! An event as the log holds it: where it stands, what came with it, and what it says.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
pub use domain::event::AnyEvent;
use domain::kernel::{AccountId, CommandId};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};
use uuid::Uuid;

/// The place of an event in the whole log: gapless, from 1. Zero is the empty log.
pub type Position = u64;

/// The name of a stream on the chain. It names nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub [u8; 32]);

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_prefixed(self.0))
    }
}

/// A block of the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockRef {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The hash of the block before it.
    pub parent_hash: [u8; 32],
    /// Its time, in seconds since the Unix epoch.
    pub timestamp: u64,
}

/// How sure the network is of what an answer shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Finality {
    /// In a block that a reorganisation may still drop.
    Included,
    /// In a block that is final by the configured rule.
    Final,
}

/// Who caused an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Actor {
    /// Somebody signed in.
    Account(AccountId),
    /// The server itself, when it is set up.
    System,
}

/// What is written with every event beside its data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventMetadata {
    /// The command that decided it.
    pub command_id: CommandId,
    /// When it was decided, to the millisecond.
    pub at: DateTime<Utc>,
    /// Who caused it. `None` when that is sealed under a key that is not held here.
    pub actor: Option<Actor>,
    /// The conversation it belongs to, if another than its own command's.
    pub correlation: Option<Uuid>,
    /// The event or command that led to the command, if any.
    pub cause: Option<Uuid>,
}

/// An event in its place, opened and in today's schema.
#[derive(Clone, PartialEq, Debug)]
pub struct OpenedEvent {
    /// Its place in the log.
    pub position: Position,
    /// Its place in its stream, from 1.
    pub version: u64,
    /// What came with it.
    pub metadata: EventMetadata,
    /// Who has written it.
    pub author: Author,
    /// What it says.
    pub event: AnyEvent,
}

/// Who has written an entry. In a namespace that is shared the log tells; in an organisation's own it is always the organisation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Author {
    /// This organisation.
    Ours,
    /// Another one.
    Another,
}

/// What a contract records that is one of ours.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Registry {
    /// Who may read of patients: `domain::registries::consents`.
    Consents,
    /// Who is a practitioner: `domain::registries::practitioners`.
    Practitioners,
}

/// A plain entry of a contract that is believed, in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordedEntry {
    /// Its place in the log.
    pub position: Position,
    /// Its stream, which the contract has chosen.
    pub stream: StreamId,
    /// Its place in its stream, from 1.
    pub version: u64,
    /// The address of the contract that recorded it.
    pub contract: [u8; 20],
    /// Which of ours it is, if it is one.
    pub registry: Option<Registry>,
    /// What it says, as the contract packs it: of one byte or more.
    pub payload: Arc<[u8]>,
}

/// What read models are made of, in the order of the log.
#[derive(Clone, PartialEq, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every entry is the large one")]
pub enum LogEntry {
    /// A sealed event of ours.
    Event(OpenedEvent),
    /// What another contract recorded.
    Recorded(RecordedEntry),
}

impl LogEntry {
    /// The event, if it is one.
    pub const fn event(&self) -> Option<&OpenedEvent> {
        match self {
            Self::Event(event) => Some(event),
            Self::Recorded(_) => None,
        }
    }
}
