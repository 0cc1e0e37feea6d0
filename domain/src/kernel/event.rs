//! What the log asks of an event: a stable encoding in two sections, and a way to read every schema ever written.

use cqrs_es::DomainEvent;
use uuid::Uuid;

use super::personal::from_all;
use super::{AggregateRef, PersonalSlot, Seal, SubjectId};

/// An event encoded for the log, before it is sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncodedEvent {
    /// The schema of the aggregate's events that these bytes follow.
    pub schema: u8,
    /// What the stream's rules need: sealed under the stream's key.
    pub shared: Vec<u8>,
    /// What concerns a person: sealed under that person's key.
    pub personal: Option<Vec<u8>>,
}

/// Bytes that no schema of ours can read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// The schema is newer than this program.
    #[error("schema {0} is not known to this version of the program")]
    UnknownSchema(u8),
    /// The bytes do not follow the schema they name.
    #[error("the bytes do not follow schema {schema}: {cause}")]
    Malformed {
        /// The schema named.
        schema: u8,
        /// What is wrong.
        cause: postcard::Error,
    },
}

/// An event of one of our aggregates. The [table of aggregates](crate::table) implements it.
///
/// Events are for ever. Variants are encoded by their index: only ever add one at the end. A new variant, like a change of a
/// variant's fields, is a new [`ClinicEvent::SCHEMA`], so that an older program stops before an event that it cannot read, and does
/// not take it for a broken one; an upcaster keeps reading the old ones. Schemas are counted from 1 without a gap.
pub trait ClinicEvent: DomainEvent + 'static {
    /// The schema written today.
    const SCHEMA: u8;

    /// Under which keys it is sealed.
    fn seal(&self) -> Seal;

    /// The personal value of this event, if it has one.
    fn personal(&mut self) -> Option<&mut dyn PersonalSlot>;

    /// Whose key seals the event's personal value: whom the value names, or else the data subject whose stream it is. `None` when it has no
    /// such value, or that is sealed.
    fn subject(&self, of: &AggregateRef) -> Option<SubjectId>;

    /// The part of the aggregate that it changes, where parts have versions of their own.
    fn part(&self) -> Option<Uuid>;

    /// Reads an event of any schema ever written. Without the personal section, its value stays sealed.
    ///
    /// # Errors
    /// [`DecodeError`] when the schema is unknown or the bytes do not follow it.
    fn decode(schema: u8, shared: &[u8], personal: Option<&[u8]>) -> Result<Self, DecodeError>;

    /// Writes the event in today's schema.
    ///
    /// # Errors
    /// When a value cannot be written, which is a mistake in its type.
    fn encode(&self) -> Result<EncodedEvent, postcard::Error> {
        let shared = postcard::to_stdvec(self)?;
        let personal = self.clone().personal().map(|slot| slot.encode()).transpose()?.flatten();
        Ok(EncodedEvent {
            schema: Self::SCHEMA,
            shared,
            personal,
        })
    }
}

/// Reads an event in today's schema.
///
/// # Errors
/// [`DecodeError::Malformed`] when the bytes do not follow it.
pub fn decode_current<E: ClinicEvent>(shared: &[u8], personal: Option<&[u8]>) -> Result<E, DecodeError> {
    decode_as(E::SCHEMA, shared, personal)
}

/// Reads an event of a former schema whose bytes are those of today's: for upcasters, which name the schema that they read.
///
/// # Errors
/// [`DecodeError::Malformed`] when the bytes do not follow it.
pub fn decode_as<E: ClinicEvent>(schema: u8, shared: &[u8], personal: Option<&[u8]>) -> Result<E, DecodeError> {
    let malformed = |cause| DecodeError::Malformed { schema, cause };
    let mut event: E = from_all(shared).map_err(malformed)?;
    if let (Some(slot), Some(bytes)) = (event.personal(), personal) {
        slot.decode(bytes).map_err(malformed)?;
    }
    Ok(event)
}
