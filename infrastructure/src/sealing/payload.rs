//! A payload's form: contents become sealed bytes, and back. It knows nothing of events, nor where keys come from.

use ring::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce};
use ring::error::Unspecified;
use ring::hkdf::Prk;

use super::error::SealError;
use super::event_key::event_key;
use super::header::{Header, HeaderError, PersonalHeader};
use super::packing::{self, Packing};
use super::place::{CommitProof, Place, SECRET, Section, Siblings};
use super::reference::{Blinded, Reference, References};
use super::{MAX_CONTENT, MAX_PAYLOAD, WORD};
use crate::log::LogLocation;

/// The epoch of the namespace's secret. There is one, until secrets are shared and rotated: the organisation's own.
pub(crate) const EPOCH: u64 = 0;

/// What is sealed under a person's key.
pub(super) struct Personal {
    pub(super) reference: Reference,
    pub(super) key: Prk,
    pub(super) content: Vec<u8>,
}

/// What is to become a payload.
pub(super) struct Contents {
    pub(super) shared: Vec<u8>,
    /// The stream's key.
    pub(super) key: Prk,
    pub(super) personal: Option<Personal>,
}

impl Contents {
    /// Seals them for a place, without the commit's MAC. The nonce must be used once; the secret is the commit's.
    pub(super) fn seal(
        self,
        location: &LogLocation,
        references: &References,
        place: &Place,
        nonce: [u8; NONCE_LEN],
        secret: &[u8; SECRET],
    ) -> Result<Vec<u8>, SealError> {
        let Self {
            mut shared,
            key,
            personal,
        } = self;
        if place.has_siblings() {
            shared.splice(..0, *secret);
        }
        let size = shared.len() + personal.as_ref().map_or(0, |personal| personal.content.len());
        if size > MAX_CONTENT {
            return Err(SealError::TooLarge { size });
        }
        let (shared_packing, mut shared) = match personal {
            Some(_) => packing::pack_first(shared),
            None => packing::pack_last(&shared),
        };
        let mut personal = personal.map(
            |Personal {
                 reference,
                 key,
                 content,
             }| {
                let (packing, packed) = packing::pack_last(&content);
                let shared_length = shared.len() + AES_256_GCM.tag_len();
                let header = PersonalHeader {
                    reference: references.blind(reference, &nonce),
                    packing,
                    shared_length,
                };
                (header, packed, key)
            },
        );

        let header = Header {
            epoch: EPOCH,
            nonce,
            shared_packing,
            personal: personal.as_ref().map(|(header, ..)| *header),
        };
        let mut payload = Vec::with_capacity(size + 3 * WORD);
        header.write(&mut payload);
        let header = payload.clone();

        let sections = if personal.is_some() { 2 } else { 1 };
        let packed = shared.len() + personal.as_ref().map_or(0, |(_, packed, _)| packed.len());
        let unpadded = header.len() + packed + sections * AES_256_GCM.tag_len() + place.mac_length();
        let padding = unpadded.next_multiple_of(WORD) - unpadded;
        let last = personal.as_mut().map_or(&mut shared, |(_, packed, _)| packed);
        last.resize(last.len() + padding, 0);
        if unpadded + padding > MAX_PAYLOAD {
            return Err(SealError::TooLarge {
                size: unpadded + padding,
            });
        }

        // The personal section first: the shared one binds it.
        let personal = match personal {
            Some((_, packed, key)) => {
                let associated = place.associated_data(&header, location, Section::Personal, &[]);
                seal_section(&key, nonce, associated, packed)?
            }
            None => Vec::new(),
        };
        let associated = place.associated_data(&header, location, Section::Shared, &personal);
        payload.extend(seal_section(&key, nonce, associated, shared)?);
        payload.extend(personal);
        Ok(payload)
    }
}

fn seal_section(
    key: &Prk,
    nonce: [u8; NONCE_LEN],
    associated: Vec<u8>,
    mut section: Vec<u8>,
) -> Result<Vec<u8>, Unspecified> {
    let cipher = event_key(key, &nonce)?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    cipher.seal_in_place_append_tag(nonce, Aad::from(associated), &mut section)?;
    Ok(section)
}

/// Completes a commit: of several payloads the last one ends in a MAC over all of them.
pub(super) fn sign(commit: &mut [(Place, Vec<u8>)], secret: &[u8; SECRET]) {
    let entries = commit.iter().map(|(place, payload)| (*place, payload.as_slice()));
    let mac = CommitProof::mac_of(entries, secret);
    if let Some((_, last)) = commit.last_mut().filter(|(place, _)| place.has_siblings()) {
        last.extend_from_slice(&mac);
    }
}

/// Why an entry that should be ours counts for nothing. Anybody who may write can append such a thing, by mistake or on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Void {
    /// Its format is none that was ever written in this namespace.
    #[error("payload format {0} is not used here")]
    UnknownFormat(u8),
    /// It is of an epoch that the namespace never had.
    #[error("epoch {0} is not used here")]
    UnknownEpoch(u64),
    /// It is too short, or says what no payload says.
    #[error("it has not the form of a payload")]
    Malformed,
    /// It was altered, moved, or put behind another payload than the one that it was sealed for; or sealed under another key.
    #[error("it is not authentic in its place")]
    NotAuthentic,
    /// The entries beside it are not those that it was sealed with.
    #[error("its commit is not whole")]
    CommitNotWhole,
    /// It stands, or an entry of its commit does, in a stream that the erasure of its data subject has ended.
    #[error("it comes after an erasure")]
    AfterErasure,
}

/// A payload whose shared section is authentic, in its place and in its commit.
pub(super) struct Authentic<'a> {
    /// What the shared section says, without the commit's secret; `None` when it does not unpack.
    pub(super) shared: Option<Vec<u8>>,
    pub(super) personal: Option<SealedPersonal<'a>>,
}

/// A personal section that is not opened yet.
pub(super) struct SealedPersonal<'a> {
    pub(super) reference: Blinded,
    packing: Packing,
    pub(super) nonce: [u8; NONCE_LEN],
    associated: Vec<u8>,
    sealed: &'a [u8],
}

/// Opens a payload's shared section under its stream's key.
pub(super) fn open<'a>(
    location: &LogLocation,
    place: Place,
    payload: &'a [u8],
    key: Prk,
    siblings: Siblings<'_>,
) -> Result<Authentic<'a>, Void> {
    let (header, rest) = Header::read(payload).map_err(|error| match error {
        HeaderError::UnknownFormat(format) => Void::UnknownFormat(format),
        HeaderError::Malformed => Void::Malformed,
    })?;
    if header.epoch != EPOCH {
        return Err(Void::UnknownEpoch(header.epoch));
    }
    let header_bytes = payload.len().checked_sub(rest.len());
    let header_bytes = header_bytes
        .and_then(|length| payload.get(..length))
        .filter(|_| payload.len().is_multiple_of(WORD))
        .ok_or(Void::Malformed)?;
    let sections = rest.len().checked_sub(place.mac_length());
    let sections = sections.and_then(|length| rest.get(..length)).ok_or(Void::Malformed)?;
    let shared_length = header
        .personal
        .map_or(sections.len(), |personal| personal.shared_length);
    let (shared, personal) = sections.split_at_checked(shared_length).ok_or(Void::Malformed)?;

    let associated = place.associated_data(header_bytes, location, Section::Shared, personal);
    let shared = open_section(&key, header.nonce, associated, shared).ok_or(Void::NotAuthentic)?;
    let mut shared = packing::unpack(header.shared_packing, shared);
    if place.has_siblings() {
        let secret = shared.as_mut().and_then(take_secret);
        let is_whole = match (siblings, secret) {
            (Siblings::Seen, _) => true,
            (Siblings::Proof(proof), Some(secret)) => proof.holds(&secret),
            // What does not unpack is authentic all the same: it was sealed like this.
            (Siblings::Proof(_), None) => shared.is_none(),
        };
        is_whole.then_some(()).ok_or(Void::CommitNotWhole)?;
    }
    let personal = header.personal.map(|told| SealedPersonal {
        reference: told.reference,
        packing: told.packing,
        nonce: header.nonce,
        associated: place.associated_data(header_bytes, location, Section::Personal, &[]),
        sealed: personal,
    });
    Ok(Authentic { shared, personal })
}

/// Takes the commit's secret off the front of a shared section.
fn take_secret(shared: &mut Vec<u8>) -> Option<[u8; SECRET]> {
    let secret = *shared.first_chunk()?;
    shared.drain(..SECRET);
    Some(secret)
}

impl SealedPersonal<'_> {
    /// Opens it under the person's key. `None` when it is not authentic; `Some(None)` when it is, and does not unpack.
    pub(super) fn open(self, key: &Prk) -> Option<Option<Vec<u8>>> {
        let packed = open_section(key, self.nonce, self.associated, self.sealed)?;
        Some(packing::unpack(self.packing, packed))
    }
}

fn open_section(key: &Prk, nonce: [u8; NONCE_LEN], associated: Vec<u8>, sealed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = sealed.to_vec();
    let cipher = event_key(key, &nonce).ok()?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = cipher
        .open_in_place(nonce, Aad::from(associated), &mut bytes)
        .ok()?
        .len();
    bytes.truncate(opened);
    Some(bytes)
}
