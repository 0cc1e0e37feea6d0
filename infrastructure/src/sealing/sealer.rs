//! Seals commits.

use std::sync::Arc;

use application::log::{AnyEvent, EventMetadata, StreamId};
use domain::kernel::{Category, EncodedEvent, Seal, SubjectId};
use ring::aead::NONCE_LEN;
use ring::error::Unspecified;
use ring::hkdf::Prk;
use ring::rand::{SecureRandom, SystemRandom};

use super::commitments::Commitments;
use super::content;
use super::error::SealError;
use super::payload::{self, Beginning, Contents, Form, Fresh, Personal, Void};
use super::place::{CommitProof, Place, SECRET, Section, Siblings};
use super::reference::{Reference, References};
use super::stream_keys::{NoStreamKey, StreamKeys};
use crate::keys::{EpochNumber, KeyRing, KeyRingError, LogSecrets, SealingKey};
use crate::log::{LogLocation, Namespace, NewKey, StreamPart, StreamTip};

/// What a commit is to append to one stream.
#[derive(Clone, Debug)]
pub struct UnsealedPart {
    /// The stream.
    pub stream: StreamId,
    /// Where it must end.
    pub expected: StreamTip,
    /// The events, in order.
    pub events: Vec<UnsealedEvent>,
    /// Whether a chapter of a subject's record begins with the first of them that is wholly under their key.
    pub begins: bool,
}

/// An event that is to be sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnsealedEvent {
    /// What it says.
    pub encoded: EncodedEvent,
    /// Under which keys.
    pub seal: Seal,
    /// Whose they are, where they are a person's.
    pub subject: Option<SubjectId>,
    /// Of which chapter of their record: the one in which the event stands, and for what stands beside it the latest.
    pub chapter: u16,
}

impl UnsealedEvent {
    /// As the event itself says, under the keys of a chapter.
    ///
    /// # Errors
    /// When a value cannot be written, which is a mistake in its type.
    pub fn of(event: &AnyEvent, chapter: u16) -> Result<Self, postcard::Error> {
        Ok(Self {
            encoded: event.encode()?,
            subject: event.subject(),
            seal: event.seal(),
            chapter,
        })
    }
}

/// A sealed commit.
#[derive(Clone, Debug)]
pub struct SealedCommit {
    /// Its parts, in the order in which they were given.
    pub parts: Vec<StreamPart>,
    /// For each part, where its stream ends after each of its events.
    pub tips: Vec<Vec<StreamTip>>,
    /// The keys to make durable with it, if that may not have happened yet.
    pub new_keys: Vec<NewKey>,
}

/// Seals commits for one log, under one organisation's secrets and its key ring.
#[derive(Clone, Debug)]
pub struct Sealer {
    location: LogLocation,
    stream_keys: StreamKeys,
    references: References,
    keys: Arc<KeyRing>,
}

/// An event, its place, and the key of whom it concerns.
struct ToSeal<'a> {
    place: Place,
    event: &'a EncodedEvent,
    /// The epoch of the stream's namespace.
    epoch: EpochNumber,
    under: Under,
    /// The chapter whose keys are used.
    chapter: u16,
    /// Whether that begins with it.
    begins: bool,
}

/// What an event is sealed under.
enum Under {
    /// The namespace's key.
    Namespace,
    /// That, and beside it a person's key of a category.
    Beside(SealingKey, Category),
    /// A person's key of a category alone.
    Within(SealingKey, Category),
}

impl Under {
    /// The person's key, if there is one.
    const fn person(&self) -> Option<&SealingKey> {
        match self {
            Self::Namespace => None,
            Self::Beside(key, _) | Self::Within(key, _) => Some(key),
        }
    }
}

impl Sealer {
    /// A sealer.
    pub fn new(location: LogLocation, secrets: impl Into<LogSecrets>, keys: Arc<KeyRing>) -> Self {
        let secrets = secrets.into();
        Self {
            location,
            stream_keys: StreamKeys::new(location, &secrets, &keys),
            references: References::new(secrets.own()),
            keys,
        }
    }

    /// Seals a commit for its place in its streams, and for no other. What was sealed is opened again before anybody gets it.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn seal(&self, parts: &[UnsealedPart], metadata: &EventMetadata) -> Result<SealedCommit, SealError> {
        let random = |bytes: &mut [u8]| SystemRandom::new().fill(bytes);
        let key = |subject| self.keys.for_sealing(subject);
        let epoch = self.keys.sealing_epoch().await?;
        self.seal_with(parts, metadata, epoch, key, random).await
    }

    /// The same in an epoch of the organisation's own namespace, with keys, and with random bytes that are given: for the commit's secret, and for each event's nonce, which must be used once.
    pub(super) async fn seal_with<K>(
        &self,
        parts: &[UnsealedPart],
        metadata: &EventMetadata,
        epoch: EpochNumber,
        key: impl Fn(SubjectId) -> K + Send,
        mut random: impl FnMut(&mut [u8]) -> Result<(), Unspecified> + Send,
    ) -> Result<SealedCommit, SealError>
    where
        K: Future<Output = Result<SealingKey, KeyRingError>> + Send,
    {
        let mut events = Vec::new();
        let mut new_keys: Vec<NewKey> = Vec::new();
        let mut begun: Vec<StreamId> = parts
            .iter()
            .filter(|part| !part.begins)
            .map(|part| part.stream)
            .collect();
        for (place, event) in places(parts)? {
            let UnsealedEvent {
                encoded,
                seal,
                subject,
                chapter,
            } = event;
            let subject = subject.ok_or(SealError::NoSubject);
            let under = match (seal, &encoded.personal) {
                (Seal::Namespace | Seal::Beside(_), None) => Under::Namespace,
                (Seal::Beside(category), Some(_)) => Under::Beside(key(subject?).await?, *category),
                (Seal::Within(category), Some(_)) => Under::Within(key(subject?).await?, *category),
                (Seal::Namespace, Some(_)) | (Seal::Within(_), None) => return Err(SealError::NoSubject),
            };
            let new = under.person().and_then(|key| key.new.as_ref());
            if let Some(key) = new.filter(|key| new_keys.iter().all(|known| known.key_id != key.key_id)) {
                new_keys.push(key.clone());
            }
            let begins = matches!(under, Under::Within(..)) && !begun.contains(&place.stream);
            if begins {
                begun.push(place.stream);
            }
            events.push(ToSeal {
                place,
                event: encoded,
                epoch: self.epoch_of(&place.stream, epoch),
                under,
                chapter: *chapter,
                begins,
            });
        }

        let mut secret = [0; SECRET];
        random(&mut secret)?;
        let mut commit = Vec::with_capacity(events.len());
        for event in &events {
            let mut nonce = [0; NONCE_LEN];
            random(&mut nonce)?;
            let fresh = Fresh {
                epoch: event.epoch,
                nonce,
                secret: &secret,
            };
            let contents = self.contents(event, metadata)?;
            let payload = contents.seal(&self.location, &self.references, &event.place, fresh)?;
            commit.push((event.place, payload));
        }
        payload::sign(&mut commit, &secret);
        self.open_again(&events, metadata, &commit)?;

        let mut payloads = commit.into_iter().map(|(_, payload)| payload.into());
        let mut sealed = SealedCommit {
            parts: Vec::with_capacity(parts.len()),
            tips: Vec::with_capacity(parts.len()),
            new_keys,
        };
        for part in parts {
            let part = StreamPart {
                stream: part.stream,
                expected: part.expected.head(),
                payloads: payloads.by_ref().take(part.events.len()).collect(),
            };
            sealed.parts.push(part);
        }
        for (unsealed, part) in parts.iter().zip(&sealed.parts) {
            let tips = part.payloads.iter().scan(unsealed.expected, |tip, payload| {
                *tip = tip.after(payload);
                Some(*tip)
            });
            sealed.tips.push(tips.collect());
        }
        Ok(sealed)
    }

    fn stream_key(&self, stream: &StreamId, epoch: EpochNumber) -> Result<Prk, SealError> {
        self.stream_keys.of(stream, epoch).map_err(|none| match none {
            NoStreamKey::EpochMissing(epoch) => KeyRingError::EpochMissing(epoch).into(),
            NoStreamKey::NotOurs(namespace) => SealError::NotOurs(namespace),
            NoStreamKey::Void(_) => SealError::Cipher,
        })
    }

    /// The epoch that a stream is sealed in: of the organisation's own namespace the one that is given, of a shared one its latest.
    fn epoch_of(&self, stream: &StreamId, own: EpochNumber) -> EpochNumber {
        let namespace = Namespace::of(stream);
        if namespace == self.location.namespace {
            own
        } else {
            self.stream_keys.sealing_epoch(namespace)
        }
    }

    fn contents(&self, event: &ToSeal<'_>, metadata: &EventMetadata) -> Result<Contents, SealError> {
        let ToSeal {
            place,
            event,
            epoch,
            under,
            chapter,
            begins,
        } = event;
        let personal = event.personal.as_deref().unwrap_or_default();
        let content = match under {
            Under::Namespace => content::write_only(event.schema, metadata, &event.shared),
            Under::Beside(..) => content::write_shared(event.schema, metadata, &event.shared),
            Under::Within(..) => content::write_whole(event.schema, metadata, &event.shared, personal),
        };
        let content = content.ok_or(SealError::Time)?;
        if let Under::Within(key, category) = under {
            let beginning = || {
                Ok::<_, SealError>(Beginning {
                    reference: Reference {
                        key_id: key.key_id,
                        chapter: *chapter,
                    },
                    commitment: Commitments::of(&key.held.key, *chapter)?.root(),
                    key: self.stream_key(&place.stream, *epoch)?,
                })
            };
            return Ok(Contents {
                content,
                section: Section::Whole,
                key: key.held.key.category(*chapter, *category)?.expanding(),
                personal: None,
                beginning: begins.then(beginning).transpose()?,
            });
        }
        let personal = match under {
            Under::Beside(key, category) => Some(Personal {
                reference: Reference {
                    key_id: key.key_id,
                    chapter: *chapter,
                },
                key: key.held.key.category(*chapter, *category)?.expanding(),
                content: content::write_personal(metadata, key.held.subject, personal),
            }),
            Under::Namespace | Under::Within(..) => None,
        };
        Ok(Contents {
            content,
            section: Section::Shared,
            key: self.stream_key(&place.stream, *epoch)?,
            personal,
            beginning: None,
        })
    }

    /// A bit that a faulty machine turns over would be on the chain for ever, in an event that nobody can read.
    fn open_again(
        &self,
        events: &[ToSeal<'_>],
        metadata: &EventMetadata,
        commit: &[(Place, Vec<u8>)],
    ) -> Result<(), SealError> {
        let entries = commit.iter().map(|(place, payload)| (*place, payload.as_slice()));
        let proof = CommitProof::of(entries);
        for (event, (place, payload)) in events.iter().zip(commit) {
            let Contents {
                content,
                section,
                key,
                personal,
                beginning,
            } = self.contents(event, metadata)?;
            let stream_key = self.stream_key(&place.stream, event.epoch)?;
            let opened = Form::read(&self.location, *place, payload).and_then(|form| {
                let told = form.beginning(&stream_key)?;
                let same = match (told, &beginning) {
                    (None, None) => true,
                    (Some(told), Some(beginning)) => {
                        told.commitment == beginning.commitment
                            && self.references.read(told.reference, form.nonce()) == beginning.reference
                    }
                    _ => false,
                };
                (same && form.epoch() == event.epoch)
                    .then_some(())
                    .ok_or(Void::NotAuthentic)?;
                let opened = form.open(section, &key).ok_or(Void::NotAuthentic)?;
                form.beside(opened, Siblings::Proof(&proof))
            });
            let opened = opened.map_err(|_| SealError::DoesNotOpen)?;
            let same_person = match (opened.personal, personal) {
                (None, None) => true,
                (Some(sealed), Some(personal)) => {
                    self.references.read(sealed.reference, &sealed.nonce) == personal.reference
                        && sealed
                            .open(&personal.key)
                            .flatten()
                            .is_some_and(|opened| opened == personal.content)
                }
                _ => false,
            };
            let same = opened.content.is_some_and(|opened| opened == content) && same_person;
            same.then_some(()).ok_or(SealError::DoesNotOpen)?;
        }
        Ok(())
    }
}

/// Each event of a commit with its place.
fn places(parts: &[UnsealedPart]) -> Result<impl Iterator<Item = (Place, &UnsealedEvent)>, SealError> {
    let events = parts.iter().map(|part| part.events.len()).sum();
    let count = u16::try_from(events).map_err(|_| SealError::TooMany(events))?;
    let events = parts.iter().flat_map(|part| {
        let versions = part.expected.version.saturating_add(1)..;
        part.events.iter().zip(versions).map(move |event| (part, event))
    });
    Ok((0..).zip(events).map(move |(index, (part, (event, version)))| {
        let place = Place {
            stream: part.stream,
            version,
            before: part.expected.hash,
            count,
            index,
        };
        (place, event)
    }))
}
