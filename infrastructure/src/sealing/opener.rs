//! Opens payloads.

use std::sync::Arc;

use application::log::{AnyEvent, EventMetadata, OpenedEvent, StreamId};
use domain::kernel::{AggregateRef, Category, DecodeError};

use super::content::Shared;
use super::header::Header;
use super::payload::{self, Authentic, SealedPersonal, Void};
use super::place::{Place, Siblings};
use super::reference::References;
use super::sealer::StreamKeys;
use super::{StreamNames, content};
use crate::keys::{KeyLookup, KeyRing, KeyRingError, KeySet, MasterSecret};
use crate::log::{AppendedEntry, JournaledEntry, KeyId, LogLocation, Namespace, Need};

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
    /// In a stream that is not ours by its name: kept as it is.
    Foreign,
    /// In a stream of ours and not what it should be. It keeps its place, changes nothing, and holds nothing back.
    Void(Void),
    /// Authentic, of a schema that this program knows, and yet not readable: to be parked.
    Undecodable(Undecodable),
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
    /// Its key is here, and does not open it. The event counts all the same, without it.
    Unreadable,
}

/// Why an authentic event cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Undecodable {
    /// What was sealed does not say what it must say.
    #[error("what is sealed is malformed")]
    Malformed,
    /// The event's bytes do not decode.
    #[error(transparent)]
    Event(#[from] DecodeError),
}

/// Opens the entries of one log, under one organisation's secret and its key ring. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Opener {
    location: LogLocation,
    stream_keys: StreamKeys,
    names: StreamNames,
    references: References,
    keys: Arc<KeyRing>,
}

impl Opener {
    /// An opener.
    pub fn new(location: LogLocation, secret: &MasterSecret, keys: Arc<KeyRing>) -> Self {
        Self {
            location,
            stream_keys: StreamKeys::new(secret),
            names: StreamNames::new(secret, location.namespace),
            references: References::new(secret),
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
    pub fn person_key_id(&self, payload: &[u8]) -> Option<KeyId> {
        let header = Header::read(payload).ok()?.0;
        let personal = header.personal?;
        Some(self.references.read(personal.reference, &header.nonce).key_id)
    }

    /// What an entry needs to be opened, read from the start of its payload.
    pub fn need(&self, stream: &StreamId, start: &[u8]) -> Need {
        if Namespace::of(stream) == Namespace::ADMINISTRATION {
            return Need::Public;
        }
        match self.aggregate(stream) {
            None => Need::Foreign,
            Some(_) => self.person_key_id(start).map_or(Need::Nothing, Need::Key),
        }
    }

    /// A key is not here under which a personal section is.
    pub fn miss_key(&self) {
        self.keys.miss();
    }

    /// Waits until a key was missed.
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
            .filter_map(|entry| self.person_key_id(&entry.payload))
            .collect();
        self.keys.load_many(&key_ids).await
    }

    /// Opens an entry that stands behind `before` in its stream. It asks nobody and waits for nothing: `keys` holds what
    /// [`Self::keys_for`] found.
    pub fn open(&self, entry: &AppendedEntry, before: [u8; 32], siblings: Siblings<'_>, keys: &KeySet) -> Opening {
        match self.aggregate(&entry.stream) {
            Some(aggregate) => self.open_own(entry, before, siblings, aggregate, keys),
            None if Namespace::of(&entry.stream) == Namespace::ADMINISTRATION => Opening::Public,
            None => Opening::Foreign,
        }
    }

    /// Opens an entry that the follower has opened before, as far as it could: its commit was whole. It is of a stream of which is known after
    /// which aggregate it is named.
    pub fn open_again(&self, journaled: &JournaledEntry, aggregate: AggregateRef, keys: &KeySet) -> Opening {
        let JournaledEntry { entry, before } = journaled;
        self.open_own(entry, *before, Siblings::Seen, aggregate, keys)
    }

    fn open_own(
        &self,
        entry: &AppendedEntry,
        before: [u8; 32],
        siblings: Siblings<'_>,
        aggregate: AggregateRef,
        keys: &KeySet,
    ) -> Opening {
        let Ok(key) = self.stream_keys.of(&entry.stream) else {
            return Opening::Void(Void::NotAuthentic);
        };
        let place = Place::of(entry, before);
        match payload::open(&self.location, place, &entry.payload, key, siblings) {
            Err(void) => Opening::Void(void),
            Ok(authentic) => match self.read(entry, aggregate, authentic, keys) {
                Ok((event, personal)) => Opening::Opened { event, personal },
                Err(Undecodable::Event(DecodeError::UnknownSchema(schema))) => Opening::Newer { schema },
                Err(error) => Opening::Undecodable(error),
            },
        }
    }

    /// Reads an authentic payload.
    fn read(
        &self,
        entry: &AppendedEntry,
        aggregate: AggregateRef,
        authentic: Authentic<'_>,
        keys: &KeySet,
    ) -> Result<(OpenedEvent, PersonalPart), Undecodable> {
        let Authentic { shared, personal } = authentic;
        let shared = shared.ok_or(Undecodable::Malformed)?;
        let mut shared = content::read_shared(&shared).ok_or(Undecodable::Malformed)?;
        let Some(sealed) = personal else {
            let envelope = content::read_envelope(&mut shared.rest).ok_or(Undecodable::Malformed)?;
            envelope.complete(&mut shared.metadata);
            let event = decode(aggregate, &shared, None)?;
            return Ok((opened(entry, shared.metadata, event), PersonalPart::Absent));
        };
        // It says under which of the person's keys the rest is.
        let event = decode(aggregate, &shared, None)?;
        let (part, bytes) = self.read_personal(sealed, event.seal().category(), &mut shared.metadata, keys)?;
        let event = match bytes {
            Some(bytes) => decode(aggregate, &shared, Some(&bytes))?,
            None => event,
        };
        Ok((opened(entry, shared.metadata, event), part))
    }

    /// Reads a personal section, as far as its key is here and opens it, and completes the metadata from it.
    fn read_personal(
        &self,
        sealed: SealedPersonal<'_>,
        category: Option<Category>,
        metadata: &mut EventMetadata,
        keys: &KeySet,
    ) -> Result<(PersonalPart, Option<Vec<u8>>), Undecodable> {
        let reference = self.references.read(sealed.reference, &sealed.nonce);
        let held = match keys.get(&reference.key_id) {
            KeyLookup::Held(held) => held,
            KeyLookup::Destroyed => return Ok((PersonalPart::Erased, None)),
            KeyLookup::Unknown => return Ok((PersonalPart::Missing, None)),
        };
        let key = category.and_then(|category| held.key.category(reference.chapter, category).ok());
        let Some(content) = key.and_then(|key| sealed.open(&key)) else {
            return Ok((PersonalPart::Unreadable, None));
        };
        let content = content.ok_or(Undecodable::Malformed)?;
        let (envelope, bytes) = content::read_personal(&content, held.subject).ok_or(Undecodable::Malformed)?;
        envelope.complete(metadata);
        Ok((PersonalPart::Present, Some(bytes)))
    }
}

/// Decodes an event, if this program knows its schema: that is looked at before anything that another schema may have changed.
fn decode(stream: AggregateRef, shared: &Shared<'_>, personal: Option<&[u8]>) -> Result<AnyEvent, DecodeError> {
    if AnyEvent::knows(stream, shared.schema, shared.rest) {
        AnyEvent::decode(stream, shared.schema, shared.rest, personal)
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
