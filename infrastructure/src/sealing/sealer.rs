//! Seals events.

use std::sync::Arc;

use application::log::{EventMetadata, StreamId};
use domain::kernel::{EncodedEvent, PatientId};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::Prk;
use ring::rand::{SecureRandom, SystemRandom};

use super::associated::{Section, associated_data};
use super::header::{Header, PersonalHeader};
use super::{MAX_CONTENT, MAX_PAYLOAD, WORD, content, packing};
use crate::keys::{KeyRing, KeyRingError, MasterSecret, SealingKey};
use crate::log::{LogLocation, NewKey, Payload};

/// Why an event cannot be sealed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The subject's key cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// The event has personal bytes and concerns nobody.
    #[error("an event with personal data names no data subject")]
    NoSubject,
    /// The event's time is before 1970.
    #[error("the event's time is outside the calendar")]
    Time,
    /// The event is larger than a transaction can carry.
    #[error("the event has {size} bytes, more than can be appended")]
    TooLarge {
        /// Its size.
        size: usize,
    },
    /// The system gives no random bytes, or the cipher refused.
    #[error("the cipher refused")]
    Cipher,
}

impl From<Unspecified> for SealError {
    fn from(_: Unspecified) -> Self {
        Self::Cipher
    }
}

/// A sealed event.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The payload.
    pub payload: Payload,
    /// The key to make durable with it, if that may not have happened yet.
    pub new_key: Option<NewKey>,
}

/// Seals events for one log, under one organisation's secret and its key ring.
#[derive(Clone, Debug)]
pub struct Sealer {
    location: LogLocation,
    org_key_id: [u8; 4],
    stream_keys: StreamKeys,
    keys: Arc<KeyRing>,
}

/// The streams' own keys, derived as they are needed: that is as cheap as looking one up.
#[derive(Clone)]
pub(super) struct StreamKeys(Prk);

impl StreamKeys {
    pub(super) fn new(secret: &MasterSecret) -> Self {
        Self(secret.stream_sealing())
    }

    pub(super) fn of(&self, stream: &StreamId) -> Result<LessSafeKey, Unspecified> {
        let info = [stream.0.as_slice()];
        self.0
            .expand(&info, &AES_256_GCM)
            .map(|key| LessSafeKey::new(UnboundKey::from(key)))
    }
}

impl std::fmt::Debug for StreamKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamKeys")
    }
}

impl Sealer {
    /// A sealer.
    pub fn new(location: LogLocation, secret: &MasterSecret, keys: Arc<KeyRing>) -> Self {
        Self {
            location,
            org_key_id: secret.org_key_id(),
            stream_keys: StreamKeys::new(secret),
            keys,
        }
    }

    /// Seals an event for its place in its stream, and for no other.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn seal(
        &self,
        stream: &StreamId,
        version: u64,
        event: &EncodedEvent,
        metadata: &EventMetadata,
        subject: Option<PatientId>,
    ) -> Result<Sealed, SealError> {
        let person = match (&event.personal, subject) {
            (None, _) => None,
            (Some(personal), Some(subject)) => Some((personal.as_slice(), self.keys.for_sealing(subject).await?)),
            (Some(_), None) => return Err(SealError::NoSubject),
        };
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce)?;
        let payload = self.seal_under(stream, version, event, metadata, person.as_ref(), nonce)?;
        Ok(Sealed {
            payload: payload.into(),
            new_key: person.and_then(|(_, key)| key.new),
        })
    }

    /// The same for a nonce that is given: it must be used once.
    pub(super) fn seal_under(
        &self,
        stream: &StreamId,
        version: u64,
        event: &EncodedEvent,
        metadata: &EventMetadata,
        person: Option<&(&[u8], SealingKey)>,
        nonce: [u8; NONCE_LEN],
    ) -> Result<Vec<u8>, SealError> {
        let write = if person.is_some() {
            content::write_shared
        } else {
            content::write_only
        };
        let shared = write(event.schema, metadata, &event.shared).ok_or(SealError::Time)?;
        let size = shared.len() + person.map_or(0, |(personal, _)| personal.len());
        if size > MAX_CONTENT {
            return Err(SealError::TooLarge { size });
        }

        let (shared_packing, mut shared) = if person.is_some() {
            packing::pack_first(shared)
        } else {
            packing::pack_last(&shared)
        };
        let mut personal = None;
        if let Some((bytes, key)) = person {
            let (packing, packed) = packing::pack_last(&content::write_personal(metadata, key.held.subject, bytes));
            let shared_length = shared.len() + AES_256_GCM.tag_len();
            personal = Some((
                PersonalHeader {
                    key_id: key.key_id,
                    packing,
                    shared_length,
                },
                packed,
                key,
            ));
        }

        let header = Header {
            org_key_id: self.org_key_id,
            nonce,
            shared_packing,
            personal: personal.as_ref().map(|(header, ..)| *header),
        };
        let mut payload = Vec::with_capacity(size + 3 * WORD);
        header.write(&mut payload);
        let header = payload.clone();

        let sections = if personal.is_some() { 2 } else { 1 };
        let packed = shared.len() + personal.as_ref().map_or(0, |(_, packed, _)| packed.len());
        let unpadded = header.len() + packed + sections * AES_256_GCM.tag_len();
        let padding = unpadded.next_multiple_of(WORD) - unpadded;
        let last = personal.as_mut().map_or(&mut shared, |(_, packed, _)| packed);
        last.resize(last.len() + padding, 0);
        if unpadded + padding > MAX_PAYLOAD {
            return Err(SealError::TooLarge {
                size: unpadded + padding,
            });
        }

        let mut append = |mut section: Vec<u8>, cipher: LessSafeKey, place| -> Result<(), Unspecified> {
            let associated = Aad::from(associated_data(&header, &self.location, stream, version, place));
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag: Tag = cipher.seal_in_place_separate_tag(nonce, associated, &mut section)?;
            payload.extend_from_slice(&section);
            payload.extend_from_slice(tag.as_ref());
            Ok(())
        };
        append(shared, self.stream_keys.of(stream)?, Section::Shared)?;
        if let Some((_, packed, key)) = personal {
            append(packed, key.held.key.cipher()?, Section::Personal)?;
        }
        Ok(payload)
    }
}
