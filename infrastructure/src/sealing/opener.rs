//! Opens payloads.

use std::sync::Arc;

use application::log::{AnyEvent, EventMetadata, OpenedEvent, StreamId};
use domain::kernel::{AggregateRef, DecodeError};
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use super::associated::{Section, associated_data};
use super::content::Shared;
use super::header::{Header, HeaderError};
use super::packing::{self, Packing};
use super::sealer::StreamKeys;
use super::{StreamNames, WORD, content};
use crate::keys::{KeyLookup, KeyRing, KeyRingError, KeySet, MasterSecret};
use crate::log::{AppendedEntry, KeyId, LogLocation, Namespace, Need};

/// An entry of the log, as this server can read it.
#[derive(Clone, PartialEq, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every entry is the large one")]
pub enum Opening {
    /// Ours.
    Opened {
        /// The event.
        event: OpenedEvent,
        /// What became of its personal section.
        personal: PersonalPart,
    },
    /// An administrative act, which is not sealed and changes no aggregate.
    Public,
    /// Sealed by another organisation, or in a stream of another's: kept as it is.
    Foreign,
    /// Ours by its name and its key, and yet not readable: to be parked.
    Unreadable(OpenError),
    /// Authentic, and of a schema that this program does not know: a newer version wrote it, which can read it. Never to be parked.
    Newer {
        /// The schema.
        schema: u8,
    },
}

/// The personal section of an opened event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PersonalPart {
    /// It has none.
    Absent,
    /// It was opened.
    Present,
    /// It is under a key of ours that is not here.
    Missing,
    /// Its key is destroyed.
    Erased,
}

/// Why an event of ours cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// The payload is none of ours in its form, though its stream and key are.
    #[error("the payload is malformed")]
    Malformed,
    /// The payload's format is newer than this program.
    #[error("payload format {0} is not known to this version of the program")]
    UnknownFormat(u8),
    /// The payload was altered or moved, or sealed under another key of the same name.
    #[error("the payload is not authentic")]
    NotAuthentic,
    /// The event's bytes do not decode.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Opens the entries of one log, under one organisation's secret and its key ring. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Opener {
    location: LogLocation,
    org_key_id: [u8; 4],
    stream_keys: StreamKeys,
    names: StreamNames,
    keys: Arc<KeyRing>,
}

impl Opener {
    /// An opener.
    pub fn new(location: LogLocation, secret: &MasterSecret, keys: Arc<KeyRing>) -> Self {
        Self {
            location,
            org_key_id: secret.org_key_id(),
            stream_keys: StreamKeys::new(secret),
            names: StreamNames::new(secret, location.namespace),
            keys,
        }
    }

    /// Which log, and where in it the organisation writes.
    pub const fn location(&self) -> LogLocation {
        self.location
    }

    /// The aggregate after which a stream is named; `None` when the stream is not the organisation's.
    pub fn aggregate(&self, stream: &StreamId) -> Option<AggregateRef> {
        self.names.open(stream)
    }

    /// The name of the key that an entry's personal section is under, read from its header alone.
    pub fn person_key_id(payload: &[u8]) -> Option<KeyId> {
        Header::read(payload).ok()?.0.personal.map(|personal| personal.key_id)
    }

    /// What an entry needs to be opened, read from the start of its payload.
    pub fn need(&self, stream: &StreamId, start: &[u8]) -> Need {
        if Namespace::of(stream) == Namespace::ADMINISTRATION {
            return Need::Public;
        }
        let header = Header::read(start).ok().map(|(header, _)| header);
        match header.filter(|header| header.org_key_id == self.org_key_id && self.aggregate(stream).is_some()) {
            None => Need::Foreign,
            Some(header) => header
                .personal
                .map_or(Need::Nothing, |personal| Need::Key(personal.key_id)),
        }
    }

    /// Waits until a key was asked for that is not here. It may be another organisation's.
    pub async fn missed_key(&self) {
        self.keys.missed().await;
    }

    /// Keys that were not here may have come.
    pub fn look_for_keys_again(&self) {
        self.keys.look_again();
    }

    /// The persons' keys that a batch of entries needs, with at most one query.
    ///
    /// # Errors
    /// When the key ring cannot answer: then nobody knows what is foreign, and nothing may be opened.
    pub async fn keys_for<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a AppendedEntry>,
    ) -> Result<KeySet, KeyRingError> {
        let key_ids: Vec<KeyId> = entries
            .into_iter()
            .filter(|entry| Namespace::of(&entry.stream) == self.location.namespace)
            .filter_map(|entry| Self::person_key_id(&entry.payload))
            .collect();
        self.keys.load_many(&key_ids).await
    }

    /// Opens an entry. It asks nobody and waits for nothing: `keys` holds what [`Self::keys_for`] found.
    pub fn open(&self, entry: &AppendedEntry, keys: &KeySet) -> Opening {
        match self.aggregate(&entry.stream) {
            Some(aggregate) => self.open_own(entry, aggregate, keys),
            None if Namespace::of(&entry.stream) == Namespace::ADMINISTRATION => Opening::Public,
            None => Opening::Foreign,
        }
    }

    /// As [`Self::open`], for an entry of a stream of which is known after which aggregate it is named.
    pub fn open_own(&self, entry: &AppendedEntry, aggregate: AggregateRef, keys: &KeySet) -> Opening {
        let (header, sections) = match Header::read(&entry.payload) {
            Ok(read) => read,
            Err(HeaderError::UnknownFormat(format)) => return Opening::Unreadable(OpenError::UnknownFormat(format)),
            Err(HeaderError::Malformed) => return Opening::Unreadable(OpenError::Malformed),
        };
        if header.org_key_id != self.org_key_id {
            return Opening::Foreign;
        }
        match self.open_sections(entry, aggregate, &header, sections, keys) {
            Ok((event, personal)) => Opening::Opened { event, personal },
            // Only what was opened, and so is authentic, is decoded.
            Err(OpenError::Decode(DecodeError::UnknownSchema(schema))) => Opening::Newer { schema },
            Err(error) => Opening::Unreadable(error),
        }
    }

    fn open_sections(
        &self,
        entry: &AppendedEntry,
        aggregate: AggregateRef,
        header: &Header,
        sections: &[u8],
        keys: &KeySet,
    ) -> Result<(OpenedEvent, PersonalPart), OpenError> {
        let header_bytes = entry
            .payload
            .len()
            .checked_sub(sections.len())
            .and_then(|length| entry.payload.get(..length))
            .filter(|_| entry.payload.len().is_multiple_of(WORD))
            .ok_or(OpenError::Malformed)?;
        let place = Place {
            location: &self.location,
            header: header_bytes,
            entry,
            nonce: header.nonce,
        };
        let stream_key = self
            .stream_keys
            .of(&entry.stream)
            .map_err(|_| OpenError::NotAuthentic)?;

        let Some(personal_header) = header.personal else {
            let shared = place.open(sections, &stream_key, header.shared_packing, Section::Shared)?;
            let mut shared = content::read_shared(&shared).ok_or(OpenError::Malformed)?;
            let envelope = content::read_envelope(&mut shared.rest).ok_or(OpenError::Malformed)?;
            known(aggregate, &shared)?;
            envelope.complete(&mut shared.metadata);
            let event = AnyEvent::decode(aggregate, shared.schema, shared.rest, None)?;
            return Ok((opened(entry, shared.metadata, event), PersonalPart::Absent));
        };

        let (shared, personal) = sections
            .split_at_checked(personal_header.shared_length)
            .ok_or(OpenError::Malformed)?;
        let shared = place.open(shared, &stream_key, header.shared_packing, Section::Shared)?;
        let mut shared = content::read_shared(&shared).ok_or(OpenError::Malformed)?;
        known(aggregate, &shared)?;
        let held = match keys.get(&personal_header.key_id) {
            KeyLookup::Held(held) => held,
            missing => {
                let event = AnyEvent::decode(aggregate, shared.schema, shared.rest, None)?;
                let erased = matches!(missing, KeyLookup::Destroyed);
                let part = if erased {
                    PersonalPart::Erased
                } else {
                    PersonalPart::Missing
                };
                return Ok((opened(entry, shared.metadata, event), part));
            }
        };
        let key = held.key.cipher().map_err(|_| OpenError::NotAuthentic)?;
        let personal = place.open(personal, &key, personal_header.packing, Section::Personal)?;
        let (envelope, bytes) = content::read_personal(&personal, held.subject).ok_or(OpenError::Malformed)?;
        envelope.complete(&mut shared.metadata);
        let event = AnyEvent::decode(aggregate, shared.schema, shared.rest, Some(&bytes))?;
        Ok((opened(entry, shared.metadata, event), PersonalPart::Present))
    }
}

/// Looked at before anything that another schema may have changed.
fn known(stream: AggregateRef, shared: &Shared<'_>) -> Result<(), DecodeError> {
    if AnyEvent::knows(stream, shared.schema, shared.rest) {
        Ok(())
    } else {
        Err(DecodeError::UnknownSchema(shared.schema))
    }
}

const fn opened(entry: &AppendedEntry, metadata: EventMetadata, event: AnyEvent) -> OpenedEvent {
    OpenedEvent {
        position: entry.position,
        version: entry.version,
        metadata,
        event,
    }
}

/// Where the payload that is being opened stands.
struct Place<'a> {
    location: &'a LogLocation,
    header: &'a [u8],
    entry: &'a AppendedEntry,
    nonce: [u8; NONCE_LEN],
}

impl Place<'_> {
    fn open(&self, sealed: &[u8], key: &LessSafeKey, packing: Packing, section: Section) -> Result<Vec<u8>, OpenError> {
        let Self {
            location,
            header,
            entry,
            nonce,
        } = *self;
        let associated = Aad::from(associated_data(header, location, &entry.stream, entry.version, section));
        let mut bytes = sealed.to_vec();
        let opened = key
            .open_in_place(Nonce::assume_unique_for_key(nonce), associated, &mut bytes)
            .map_err(|_| OpenError::NotAuthentic)?
            .len();
        bytes.truncate(opened);
        packing::unpack(packing, bytes).ok_or(OpenError::Malformed)
    }
}
