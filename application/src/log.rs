//! An event as the log holds it: where it stands, what came with it, and what it says.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::account::AccountEvent;
use domain::calendar::CalendarEvent;
use domain::kernel::{
    AccountId, AggregateRef, CalendarId, ClinicEvent, CommandId, DecodeError, PatientId, PractitionerId, WalletId,
};
use domain::patient::PatientEvent;
use domain::practitioner::PractitionerEvent;
use domain::wallet::WalletEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The place of an event in the whole log: gapless, from 1. Zero is the empty log.
pub type Position = u64;

/// The name of a stream on the chain. It names nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub [u8; 32]);

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// An event of any aggregate, with the aggregate's id.
#[derive(Clone, PartialEq, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most events are of the larger kinds, and a box for each costs more"
)]
pub enum AnyEvent {
    /// A patient's.
    Patient(PatientId, PatientEvent),
    /// A practitioner's.
    Practitioner(PractitionerId, PractitionerEvent),
    /// A calendar's.
    Calendar(CalendarId, CalendarEvent),
    /// An account's.
    Account(AccountId, AccountEvent),
    /// A wallet's claim's.
    Wallet(WalletId, WalletEvent),
}

impl AnyEvent {
    /// Whose event it is.
    pub fn aggregate(&self) -> AggregateRef {
        match self {
            Self::Patient(id, _) => (*id).into(),
            Self::Practitioner(id, _) => (*id).into(),
            Self::Calendar(id, _) => (*id).into(),
            Self::Account(id, _) => (*id).into(),
            Self::Wallet(id, _) => (*id).into(),
        }
    }

    /// Whether events of this aggregate are read in this schema. One that is not known is a newer program's.
    pub const fn knows(of: AggregateRef, schema: u8) -> bool {
        let newest = match of {
            AggregateRef::Patient(_) => PatientEvent::SCHEMA,
            AggregateRef::Practitioner(_) => PractitionerEvent::SCHEMA,
            AggregateRef::Calendar(_) => CalendarEvent::SCHEMA,
            AggregateRef::Account(_) => AccountEvent::SCHEMA,
            AggregateRef::Wallet(_) => WalletEvent::SCHEMA,
        };
        0 < schema && schema <= newest
    }

    /// Reads an event of any aggregate, in any schema ever written. Without the personal section, its field stays sealed.
    ///
    /// # Errors
    /// [`DecodeError`] when the schema is unknown or the bytes do not follow it.
    pub fn decode(of: AggregateRef, schema: u8, shared: &[u8], personal: Option<&[u8]>) -> Result<Self, DecodeError> {
        Ok(match of {
            AggregateRef::Patient(id) => Self::Patient(id, PatientEvent::decode(schema, shared, personal)?),
            AggregateRef::Practitioner(id) => {
                Self::Practitioner(id, PractitionerEvent::decode(schema, shared, personal)?)
            }
            AggregateRef::Calendar(id) => Self::Calendar(id, CalendarEvent::decode(schema, shared, personal)?),
            AggregateRef::Account(id) => Self::Account(id, AccountEvent::decode(schema, shared, personal)?),
            AggregateRef::Wallet(id) => Self::Wallet(id, WalletEvent::decode(schema, shared, personal)?),
        })
    }
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
    /// What it says.
    pub event: AnyEvent,
}
