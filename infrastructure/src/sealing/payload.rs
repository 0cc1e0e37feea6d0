//! A payload's form: contents become sealed bytes, and back. It knows nothing of events, nor where keys come from.

use domain::kernel::Contradiction;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce};
use ring::error::Unspecified;
use ring::hkdf::Prk;
use ring::hmac;

use super::error::SealError;
use super::event_key::event_key;
use super::header::{BeginningHeader, Header, HeaderError, PersonalHeader};
use super::mac::{MAC, Mac};
use super::packing::{self, Packing};
use super::place::{CommitProof, Place, SECRET, Section, Siblings};
use super::reference::{Blinded, Reference, References};
use super::{MAX_CONTENT, MAX_PAYLOAD, WORD};
use crate::keys::EpochNumber;
use crate::log::LogLocation;

/// What is sealed under a person's key.
pub(super) struct Personal {
    pub(super) reference: Reference,
    pub(super) key: Prk,
    pub(super) content: Vec<u8>,
}

/// What is to become a payload.
pub(super) struct Contents {
    /// What the first section says.
    pub(super) content: Vec<u8>,
    /// Which section that is.
    pub(super) section: Section,
    /// What it is under: the stream's key, or that of a category.
    pub(super) key: Prk,
    /// What stands beside a shared section.
    pub(super) personal: Option<Personal>,
    /// What a whole section begins with.
    pub(super) beginning: Option<Beginning>,
}

/// How a record begins.
pub(super) struct Beginning {
    pub(super) reference: Reference,
    pub(super) commitment: [u8; 32],
    /// The stream's key.
    pub(super) key: Prk,
}

/// What a payload has that its contents do not say.
#[derive(Clone, Copy)]
pub(super) struct Fresh<'a> {
    /// The namespace's epoch of which the stream's key is.
    pub(super) epoch: EpochNumber,
    /// Random, and used once.
    pub(super) nonce: [u8; NONCE_LEN],
    /// The commit's.
    pub(super) secret: &'a [u8; SECRET],
}

impl Contents {
    /// Seals them for a place, without the commit's MAC.
    pub(super) fn seal(
        self,
        location: &LogLocation,
        references: &References,
        place: &Place,
        Fresh { epoch, nonce, secret }: Fresh<'_>,
    ) -> Result<Vec<u8>, SealError> {
        let Self {
            mut content,
            section,
            key,
            personal,
            beginning,
        } = self;
        if place.has_siblings() {
            content.splice(..0, *secret);
        }
        let size = content.len() + personal.as_ref().map_or(0, |personal| personal.content.len());
        if size > MAX_CONTENT {
            return Err(SealError::TooLarge { size });
        }
        let (packing, mut first) = match personal {
            Some(_) => packing::pack_first(content),
            None => packing::pack_last(&content),
        };
        let mut personal = personal.map(
            |Personal {
                 reference,
                 key,
                 content,
             }| {
                let (packing, packed) = packing::pack_last(&content);
                let first_length = first.len() + AES_256_GCM.tag_len();
                let header = PersonalHeader {
                    reference: references.blind(reference, &nonce),
                    packing,
                    first_length,
                };
                (header, packed, key)
            },
        );

        let header = Header {
            epoch,
            nonce,
            packing,
            personal: personal.as_ref().map(|(header, ..)| *header),
            beginning: beginning.as_ref().map(|begins| BeginningHeader {
                reference: references.blind(begins.reference, &nonce),
                commitment: begins.commitment,
                tag: Mac::default(),
            }),
        };
        let mut payload = Vec::with_capacity(size + 3 * WORD);
        header.write(&mut payload);
        let header = payload.clone();

        let sections = if personal.is_some() { 2 } else { 1 };
        let packed = first.len() + personal.as_ref().map_or(0, |(_, packed, _)| packed.len());
        let unpadded = header.len() + packed + sections * AES_256_GCM.tag_len() + place.mac_length();
        let padding = unpadded.next_multiple_of(WORD) - unpadded;
        let last = personal.as_mut().map_or(&mut first, |(_, packed, _)| packed);
        last.resize(last.len() + padding, 0);
        if unpadded + padding > MAX_PAYLOAD {
            return Err(SealError::TooLarge {
                size: unpadded + padding,
            });
        }

        // The personal section first: the one before it binds it.
        let personal = match personal {
            Some((_, packed, key)) => {
                let associated = place.associated_data(&header, location, Section::Personal, &[]);
                seal_section(&key, nonce, associated, packed)?
            }
            None => Vec::new(),
        };
        let associated = place.associated_data(&header, location, section, &personal);
        let first = seal_section(&key, nonce, associated, first)?;
        if let Some(begins) = beginning {
            let tag = beginning_tag(
                &begins.key,
                &place.associated_data(&header, location, Section::Beginning, &first),
            )?;
            let tag_at = payload.len().saturating_sub(MAC);
            payload.splice(tag_at.., tag.0);
        }
        payload.extend(first);
        payload.extend(personal);
        Ok(payload)
    }
}

/// The tag of a beginning: under a key of the stream's for this, over what binds it.
fn beginning_tag(key: &Prk, bound: &[u8]) -> Result<Mac, Unspecified> {
    let key = key.expand(&[b"beginning"], hmac::HMAC_SHA256)?;
    Ok(Mac::of(&key.into(), bound))
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
        last.extend_from_slice(&mac.0);
    }
}

/// Why an entry that should be ours counts for nothing. Anybody who may write can append such a thing, by mistake or on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Void {
    /// Its format, or that of an entry of its commit, was not published in the namespace before.
    #[error("payload format {0} is not used here")]
    UnknownFormat(u8),
    /// Its epoch, or that of an entry of its commit, was not published in the namespace before.
    #[error("epoch {0} is not used here")]
    UnknownEpoch(u64),
    /// It is too short, or says what no payload says.
    #[error("it has not the form of a payload")]
    Malformed,
    /// It was altered, moved, or put behind another payload than the one that it was sealed for; or sealed under another key.
    #[error("it is not authentic in its place")]
    NotAuthentic,
    /// It is sealed under another key than events of its kind are: nobody whose key that is makes such a thing.
    #[error("it is sealed under another key than events like it")]
    OtherKey,
    /// The entries beside it are not those that it was sealed with.
    #[error("its commit is not whole")]
    CommitNotWhole,
    /// It stands, or an entry of its commit does, in a stream that the erasure of its data subject has ended.
    #[error("it comes after an erasure")]
    AfterErasure,
    /// It stands, or an entry of its commit does, in a chapter of a record that was closed before.
    #[error("its chapter is closed")]
    AfterClosing,
    /// It stands, or an entry of its commit does, in a chapter of a record before which another one is still open.
    #[error("its chapter has not begun")]
    BeforeItsChapter,
    /// It is authentic, in a namespace that several organisations share, and against what all of them hold to.
    #[error("it is overruled: {0}")]
    Overruled(Overruled),
}

/// Why an authentic entry of a shared namespace counts for nothing. All members come to the same, for they can read all that this rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Overruled {
    /// It, or an entry of its commit in the same namespace, contradicts what stands before it, or the rules of shared days.
    #[error("it is against the rules ({0})")]
    Contradiction(Contradiction),
    /// What it says cannot be read, by anybody.
    #[error("it does not say what an event says")]
    Undecodable,
    /// Its schema is not used there.
    #[error("schema {0} is not used here")]
    UnknownSchema(u8),
}

/// A payload whose first section is authentic, in its place and in its commit.
pub(super) struct Authentic<'a> {
    /// What the section says, without the commit's secret; `None` when it does not unpack.
    pub(super) content: Option<Vec<u8>>,
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

/// A payload in its place, taken apart. Nothing of it is authentic yet.
pub(super) struct Form<'a> {
    location: &'a LogLocation,
    place: Place,
    header: Header,
    /// The header as it is bound: with zeros in the place of a beginning's tag.
    bound: Vec<u8>,
    /// The first section, and what stands beside it.
    first: &'a [u8],
    personal: &'a [u8],
}

impl<'a> Form<'a> {
    /// Takes a payload apart.
    pub(super) fn read(location: &'a LogLocation, place: Place, payload: &'a [u8]) -> Result<Self, Void> {
        let (header, rest) = Header::read(payload).map_err(|error| match error {
            HeaderError::UnknownFormat(format) => Void::UnknownFormat(format),
            HeaderError::Malformed => Void::Malformed,
        })?;
        let header_length = payload.len().checked_sub(rest.len());
        let mut bound = header_length
            .and_then(|length| payload.get(..length))
            .filter(|_| payload.len().is_multiple_of(WORD))
            .ok_or(Void::Malformed)?
            .to_vec();
        if header.beginning.is_some() {
            // Its tag ends the header, and is made of the rest.
            let tag_at = bound.len().saturating_sub(MAC);
            bound.iter_mut().skip(tag_at).for_each(|byte| *byte = 0);
        }
        let sections = rest.len().checked_sub(place.mac_length());
        let sections = sections.and_then(|length| rest.get(..length)).ok_or(Void::Malformed)?;
        let first_length = header.personal.map_or(sections.len(), |personal| personal.first_length);
        let (first, personal) = sections.split_at_checked(first_length).ok_or(Void::Malformed)?;
        Ok(Self {
            location,
            place,
            header,
            bound,
            first,
            personal,
        })
    }

    /// How a record begins here, if it does and the holder of the stream's key says so; `Err` if somebody else does.
    pub(super) fn beginning(&self, key: &Prk) -> Result<Option<&BeginningHeader>, Void> {
        let Some(told) = &self.header.beginning else {
            return Ok(None);
        };
        let bound = self.associated_data(Section::Beginning, self.first);
        let is_right = beginning_tag(key, &bound).is_ok_and(|tag| tag == told.tag);
        is_right.then_some(Some(told)).ok_or(Void::NotAuthentic)
    }

    fn associated_data(&self, section: Section, rest: &[u8]) -> Vec<u8> {
        self.place.associated_data(&self.bound, self.location, section, rest)
    }

    /// Whether a personal section stands beside the first.
    pub(super) const fn has_personal(&self) -> bool {
        self.header.personal.is_some()
    }

    /// Which epoch of the namespace it was sealed in.
    pub(super) const fn epoch(&self) -> EpochNumber {
        self.header.epoch
    }

    /// Which nonce it has.
    pub(super) const fn nonce(&self) -> &[u8; NONCE_LEN] {
        &self.header.nonce
    }

    /// Opens the first section under the key that it may be under, for one section or the other; `None` when it is not authentic.
    pub(super) fn open(&self, section: Section, key: &Prk) -> Option<Opened> {
        self.open_with(section, &event_key(key, &self.header.nonce).ok()?)
    }

    /// The same under the section's own key.
    pub(super) fn open_with(&self, section: Section, key: &LessSafeKey) -> Option<Opened> {
        // Nothing stands beside a whole section.
        (section != Section::Whole || !self.has_personal()).then_some(())?;
        let associated = self.associated_data(section, self.personal);
        let packed = open_section(key, self.header.nonce, associated, self.first)?;
        let mut content = packing::unpack(self.header.packing, packed);
        let secret = if self.place.has_siblings() {
            content.as_mut().and_then(take_secret)
        } else {
            None
        };
        Some(Opened { content, secret })
    }

    /// What was opened, if its commit is whole.
    pub(super) fn beside(self, opened: Opened, siblings: Siblings<'_>) -> Result<Authentic<'a>, Void> {
        let Opened { content, secret } = opened;
        if self.place.has_siblings() {
            let is_whole = match (siblings, secret) {
                (Siblings::Seen, _) => true,
                (Siblings::Proof(proof), Some(secret)) => proof.holds(&secret),
                // What does not unpack is authentic all the same: it was sealed like this.
                (Siblings::Proof(_), None) => content.is_none(),
            };
            is_whole.then_some(()).ok_or(Void::CommitNotWhole)?;
        }
        let personal = self.header.personal.map(|told| SealedPersonal {
            reference: told.reference,
            packing: told.packing,
            nonce: self.header.nonce,
            associated: self.associated_data(Section::Personal, &[]),
            sealed: self.personal,
        });
        Ok(Authentic { content, personal })
    }
}

/// A first section that was opened: what it says without the commit's secret, if it unpacks, and the secret, if it has one.
pub(super) struct Opened {
    content: Option<Vec<u8>>,
    secret: Option<[u8; SECRET]>,
}

/// Takes the commit's secret off the front of a section.
fn take_secret(content: &mut Vec<u8>) -> Option<[u8; SECRET]> {
    let secret = *content.first_chunk()?;
    content.drain(..SECRET);
    Some(secret)
}

impl SealedPersonal<'_> {
    /// Opens it under the person's key. `None` when it is not authentic; `Some(None)` when it is, and does not unpack.
    pub(super) fn open(self, key: &Prk) -> Option<Option<Vec<u8>>> {
        let key = event_key(key, &self.nonce).ok()?;
        let packed = open_section(&key, self.nonce, self.associated, self.sealed)?;
        Some(packing::unpack(self.packing, packed))
    }
}

fn open_section(key: &LessSafeKey, nonce: [u8; NONCE_LEN], associated: Vec<u8>, sealed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = key.open_in_place(nonce, Aad::from(associated), &mut bytes).ok()?.len();
    bytes.truncate(opened);
    Some(bytes)
}
