//! Opens payloads.
//!
//! Under which key an entry must be follows from its stream: a subject's record is under their keys alone, but for what ends it, and every
//! other stream under the namespace's.

use std::sync::Arc;

use application::log::{AnyEvent, Author, EventMetadata, OpenedEvent, StreamId};
use domain::kernel::{AggregateRef, Category, DecodeError, Seal, SubjectId};
use ring::aead::NONCE_LEN;

use super::commitments::Commitments;
use super::content::Shared;
use super::header::{BeginningHeader, Header, Written};
use super::payload::{Authentic, Form, Opened, Overruled, SealedPersonal, Void};
use super::place::{Place, Section, Siblings};
use super::reference::{Reference, References};
use super::stream_keys::{NoStreamKey, StreamKeys};
use super::{StreamName, StreamNames, content};
use crate::keys::{
    CheckValues, DataKey, EpochCommitment, EpochNumber, KeyLookup, KeyRing, KeyRingError, KeySet, LogSecrets,
    SubjectKeys,
};
use crate::log::{AppendedEntry, JournaledEntry, KeyId, LogLocation, Namespace, Need, in_record};

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
    /// In the record of somebody whose key is destroyed: nobody can tell what it is. It keeps its place, and changes nothing.
    Sealed,
    /// In the record of somebody of ours whose key is not here: to be parked, until it is.
    KeyMissing,
    /// Of an epoch that the log has published and whose secret is not here: nobody can tell what it is, before the secret is.
    EpochMissing {
        /// The epoch.
        epoch: EpochNumber,
    },
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
    /// Another organisation, with which the namespace is shared, has written it under a key of its own.
    Others,
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

/// Opens the entries of one log, under one organisation's secrets and its key ring. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Opener {
    location: LogLocation,
    stream_keys: StreamKeys,
    names: StreamNames,
    references: References,
    check_values: Arc<CheckValues>,
    keys: Arc<KeyRing>,
}

impl Opener {
    /// An opener.
    pub fn new(location: LogLocation, secrets: impl Into<LogSecrets>, keys: Arc<KeyRing>) -> Self {
        let secrets = secrets.into();
        Self {
            location,
            stream_keys: StreamKeys::new(location, &secrets, &keys),
            names: StreamNames::new(&secrets, location.namespace),
            references: References::new(secrets.own()),
            check_values: Arc::new(secrets.check_values()),
            keys,
        }
    }

    /// Under which secrets it opens.
    pub fn check_values(&self) -> &CheckValues {
        &self.check_values
    }

    /// The namespaces that the organisation shares with others, each with a check value of its secret.
    pub fn shared(&self) -> &[(Namespace, String)] {
        &self.check_values.shared
    }

    /// Whether a stream stands in a namespace that others share.
    pub fn is_shared(&self, stream: &StreamId) -> bool {
        let of = Namespace::of(stream);
        self.shared().iter().any(|(namespace, _)| *namespace == of)
    }

    /// Whether a stream stands in a shared namespace, and the secret is here of the epoch that an entry of it names at the start of its payload.
    pub fn has_shared_epoch(&self, stream: &StreamId, start: &[u8]) -> bool {
        let epoch = Written::of(start).and_then(|written| written.epoch);
        self.is_shared(stream) && epoch.is_some_and(|epoch| self.stream_keys.of(stream, epoch).is_ok())
    }

    /// Which log, and where in it the organisation writes.
    pub const fn location(&self) -> LogLocation {
        self.location
    }

    /// The streams of shared namespaces among those of entries.
    pub fn shared_streams<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a AppendedEntry>,
    ) -> impl Iterator<Item = StreamId> {
        let streams = entries.into_iter().map(|entry| entry.stream);
        streams.filter(|stream| self.is_shared(stream) && self.name(stream).is_some())
    }

    /// The aggregate after which a stream is named; `None` when the stream is none of the organisation's, nor one that it shares.
    pub fn aggregate(&self, stream: &StreamId) -> Option<AggregateRef> {
        self.name(stream).map(|name| name.aggregate)
    }

    /// The same, with the chapter.
    pub fn name(&self, stream: &StreamId) -> Option<StreamName> {
        self.names.open(stream)
    }

    /// The first chapter of the record that a stream of this name is a chapter of: by that the record goes. Any other stream goes by itself.
    pub fn record(&self, stream: &StreamId, name: Option<&StreamName>) -> StreamId {
        let later = name.filter(|name| name.chapter > 0);
        later.map_or(*stream, |name| self.names.seal(&name.aggregate))
    }

    /// A chapter of the record that a stream is a chapter of.
    pub fn chapter(&self, name: &StreamName, chapter: u16) -> StreamId {
        self.names.seal_chapter(&name.aggregate, chapter)
    }

    /// The name of the key that an entry's personal section is under, or a record that begins with it, read from its header alone.
    pub fn person_key_id(&self, payload: &[u8]) -> Option<KeyId> {
        self.reference(payload).map(|reference| reference.key_id)
    }

    /// The chapter whose keys that is under.
    #[cfg(test)]
    pub(crate) fn person_chapter(&self, payload: &[u8]) -> Option<u16> {
        self.reference(payload).map(|reference| reference.chapter)
    }

    fn reference(&self, payload: &[u8]) -> Option<Reference> {
        let header = Header::read(payload).ok()?.0;
        let personal = header.personal.map(|personal| personal.reference);
        let reference = personal.or(header.beginning.map(|beginning| beginning.reference))?;
        Some(self.references.read(reference, &header.nonce))
    }

    /// What an entry needs to be opened, read from the start of its payload.
    pub fn need(&self, stream: &StreamId, start: &[u8]) -> Need {
        if Namespace::of(stream) == Namespace::ADMINISTRATION {
            return Need::Public;
        }
        match self.aggregate(stream) {
            None => Need::Foreign,
            Some(aggregate) => match (self.person_key_id(start), aggregate.whose_record()) {
                (Some(key_id), _) => Need::Key(key_id),
                (None, Some(subject)) => Need::KeyOf(subject),
                (None, None) => Need::Nothing,
            },
        }
    }

    /// Whether a stream is a subject's record.
    pub fn is_record(&self, stream: &StreamId) -> bool {
        let aggregate = self.aggregate(stream);
        aggregate.is_some_and(|aggregate| aggregate.whose_record().is_some())
    }

    /// A key is not here under which something is.
    pub fn miss_key(&self) {
        self.keys.miss();
    }

    /// As [`Self::miss_key`], where something is parked for it: then the keys in memory are not to be relied upon either.
    pub fn miss_key_of_parked(&self) {
        self.keys.let_go();
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

    /// The persons' keys that a batch of entries needs, with at most two queries, and one more where an epoch's secret is not in memory.
    ///
    /// # Errors
    /// When the key ring cannot answer: then nobody knows what is foreign, and nothing may be opened.
    pub async fn keys_for<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a AppendedEntry>,
    ) -> Result<KeySet, KeyRingError> {
        let (mut key_ids, mut subjects, mut epochs) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            let Some(aggregate) = self.aggregate(&entry.stream) else {
                continue;
            };
            if !self.is_shared(&entry.stream) {
                let epoch = Written::of(&entry.payload).and_then(|written| written.epoch);
                epochs.extend(epoch.filter(|epoch| *epoch > 0));
            }
            match aggregate.whose_record() {
                Some(subject) => subjects.push(subject),
                None => key_ids.extend(self.person_key_id(&entry.payload)),
            }
        }
        self.keys.look_for_epochs(epochs).await?;
        self.keys.load(&key_ids, &subjects).await
    }

    /// The log has published these epochs of a namespace.
    pub fn publish_epochs<P>(&self, published: impl Fn(Namespace) -> P)
    where
        P: Iterator<Item = (EpochNumber, EpochCommitment)>,
    {
        for (namespace, epochs) in self.stream_keys.epochs() {
            for (number, commitment) in published(namespace) {
                if epochs.publish(number, commitment) {
                    // Whoever looks for what is missing looks whether its secret is here.
                    self.keys.miss();
                }
            }
        }
    }

    /// The log has published these epochs of a namespace, and no others any more.
    pub fn publish_only_epochs<P>(&self, published: impl Fn(Namespace) -> P)
    where
        P: Iterator<Item = (EpochNumber, EpochCommitment)>,
    {
        for (namespace, epochs) in self.stream_keys.epochs() {
            epochs.publish_only(published(namespace));
        }
        self.keys.miss();
    }

    /// Events are sealed under these epochs of a namespace from now on.
    pub fn seal_under_epochs(&self, latest: impl Fn(Namespace) -> EpochNumber) {
        for (namespace, epochs) in self.stream_keys.epochs() {
            epochs.seal_under(latest(namespace));
        }
    }

    /// The epochs of shared namespaces that the log has published and whose secrets are not configured.
    pub fn missing_shared_epochs(&self) -> Vec<(Namespace, EpochNumber)> {
        let shared = self.stream_keys.epochs();
        let shared = shared.filter(|(namespace, _)| *namespace != self.location.namespace);
        let missing =
            shared.flat_map(|(namespace, epochs)| epochs.missing().into_iter().map(move |number| (namespace, number)));
        missing.collect()
    }

    /// The epochs of the organisation's namespace that the log has published and whose secrets are not here.
    ///
    /// # Errors
    /// When the key ring cannot answer.
    pub async fn missing_epochs(&self) -> Result<Vec<EpochNumber>, KeyRingError> {
        self.keys.missing_epochs().await
    }

    /// Opens an entry that stands behind `before` in its stream. It asks nobody and waits for nothing: `keys` holds what
    /// [`Self::keys_for`] found.
    pub fn open(&self, entry: &AppendedEntry, before: [u8; 32], siblings: Siblings<'_>, keys: &KeySet) -> Opening {
        self.open_named(entry, self.name(&entry.stream), before, siblings, keys, Author::Ours)
    }

    /// The same, where it is known already what [`Self::name`] says of the entry's stream.
    pub fn open_named(
        &self,
        entry: &AppendedEntry,
        name: Option<StreamName>,
        before: [u8; 32],
        siblings: Siblings<'_>,
        keys: &KeySet,
        author: Author,
    ) -> Opening {
        match name {
            Some(name) => self.open_own(entry, before, siblings, name, keys, author),
            None if Namespace::of(&entry.stream) == Namespace::ADMINISTRATION => Opening::Public,
            None => Opening::Foreign,
        }
    }

    /// Opens an entry that the follower has opened before, as far as it could: its commit was whole. It is of a stream of which is known after
    /// which aggregate it is named.
    pub fn open_again(&self, journaled: &JournaledEntry, aggregate: AggregateRef, keys: &KeySet) -> Opening {
        self.open_parked(journaled, aggregate, Siblings::Seen, keys, Author::Ours)
    }

    /// Opens an entry that was parked, maybe before its commit could be seen to be whole.
    pub fn open_parked(
        &self,
        journaled: &JournaledEntry,
        aggregate: AggregateRef,
        siblings: Siblings<'_>,
        keys: &KeySet,
        author: Author,
    ) -> Opening {
        let JournaledEntry { entry, before, chapter } = journaled;
        let name = StreamName {
            aggregate,
            chapter: *chapter,
        };
        self.open_own(entry, *before, siblings, name, keys, author)
    }

    fn open_own(
        &self,
        entry: &AppendedEntry,
        before: [u8; 32],
        siblings: Siblings<'_>,
        name: StreamName,
        keys: &KeySet,
        author: Author,
    ) -> Opening {
        let form = match Form::read(&self.location, Place::of(entry, before), &entry.payload) {
            Ok(form) => form,
            Err(void) => return Opening::Void(void),
        };
        let (under, opened) = match self.unlock(&form, &entry.stream, name, keys) {
            Ok(unlocked) => unlocked,
            Err(Locked::Void(void)) => return Opening::Void(void),
            Err(Locked::Sealed) => return Opening::Sealed,
            Err(Locked::KeyMissing) => return Opening::KeyMissing,
            Err(Locked::EpochMissing(epoch)) => return Opening::EpochMissing { epoch },
        };
        let authentic = match form.beside(opened, siblings) {
            Ok(authentic) => authentic,
            Err(void) => return Opening::Void(void),
        };
        let is_shared = self.is_shared(&entry.stream);
        match self.read(entry, name, under, authentic, keys, author) {
            Ok((event, _)) if !under.is_right_for(&event.event) => Opening::Void(Void::OtherKey),
            Ok((event, personal)) => Opening::Opened {
                event: OpenedEvent { author, ..event },
                personal,
            },
            // All who share the namespace must come to the same, whichever program they have; and no member may hold back the others.
            Err(Undecodable::Event(DecodeError::UnknownSchema(schema))) if is_shared => {
                Opening::Void(Void::Overruled(Overruled::UnknownSchema(schema)))
            }
            Err(_) if is_shared => Opening::Void(Void::Overruled(Overruled::Undecodable)),
            Err(Undecodable::Event(DecodeError::UnknownSchema(schema))) => Opening::Newer { schema },
            Err(error) => Opening::Undecodable(error),
        }
    }

    /// Opens the first section under whichever key of ours it is under; or says what it is to us when it is under none.
    fn unlock(
        &self,
        form: &Form<'_>,
        stream: &StreamId,
        StreamName { aggregate, chapter }: StreamName,
        keys: &KeySet,
    ) -> Result<(Under, Opened), Locked> {
        let whose = aggregate.whose_record();
        if whose.is_some() && form.has_personal() {
            return Err(Locked::Void(Void::Malformed));
        }
        let stream_key = self.stream_keys.of(stream, form.epoch()).map_err(|none| match none {
            NoStreamKey::Void(void) => Locked::Void(void),
            NoStreamKey::EpochMissing(epoch) => Locked::EpochMissing(epoch),
            // No stream of ours stands elsewhere.
            NoStreamKey::NotOurs(_) => Locked::Void(Void::NotAuthentic),
        })?;
        let beginning = form.beginning(&stream_key).map_err(Locked::Void)?;
        let begins = beginning.is_some();
        let roots = match (beginning, whose) {
            (Some(beginning), Some(subject)) => self.root_of(beginning, form.nonce(), &subject, chapter, keys)?,
            (None, Some(subject)) => keys.of_subject(&subject),
            // No record is under the namespace's key alone.
            (Some(_), None) => return Err(Locked::Void(Void::NotAuthentic)),
            (None, None) => {
                let opened = form.open(Section::Shared, &stream_key);
                let opened = opened.map(|opened| (Under::Namespace, opened));
                return opened.ok_or(Locked::Void(Void::NotAuthentic));
            }
        };
        if let SubjectKeys::Held(roots) = &roots {
            let found = roots.iter().find_map(|root| unlock_whole(form, &root.key, chapter));
            if let Some((category, opened)) = found {
                return Ok((Under::Category(category), opened));
            }
        }
        // A record does not begin with its end.
        let ended = (!begins).then(|| form.open(Section::Shared, &stream_key)).flatten();
        ended.map(|opened| (Under::Namespace, opened)).ok_or(match roots {
            SubjectKeys::Held(_) => Locked::Void(Void::NotAuthentic),
            SubjectKeys::Destroyed => Locked::Sealed,
            SubjectKeys::Unknown => Locked::KeyMissing,
        })
    }

    /// The root that the beginning of a record's chapter names. Another one of the same subject's, which a server may have made at the same moment, is none of
    /// this record's. One that is somebody else's, or whose keys are not those that the beginning commits to, makes it void.
    fn root_of<'k>(
        &self,
        beginning: &BeginningHeader,
        nonce: &[u8; NONCE_LEN],
        subject: &SubjectId,
        chapter: u16,
        keys: &'k KeySet,
    ) -> Result<SubjectKeys<'k>, Locked> {
        let reference = self.references.read(beginning.reference, nonce);
        if reference.chapter != chapter {
            return Err(Locked::Void(Void::NotAuthentic));
        }
        if let destroyed @ SubjectKeys::Destroyed = keys.of_subject(subject) {
            return Ok(destroyed);
        }
        match keys.get(&reference.key_id) {
            KeyLookup::Held(held) => {
                let committed = Commitments::of(&held.key, chapter).map(|commitments| commitments.root());
                if held.subject == *subject && committed == Ok(beginning.commitment) {
                    Ok(SubjectKeys::Held(vec![held.as_ref()]))
                } else {
                    Err(Locked::Void(Void::NotAuthentic))
                }
            }
            KeyLookup::Unknown => Ok(SubjectKeys::Unknown),
            KeyLookup::Destroyed => Ok(SubjectKeys::Destroyed),
        }
    }

    /// Reads an authentic payload.
    fn read(
        &self,
        entry: &AppendedEntry,
        name: StreamName,
        under: Under,
        authentic: Authentic<'_>,
        keys: &KeySet,
        author: Author,
    ) -> Result<(OpenedEvent, PersonalPart), Undecodable> {
        let Authentic { content, personal } = authentic;
        let content = content.ok_or(Undecodable::Malformed)?;
        if under != Under::Namespace {
            return Ok((read_whole(entry, name, &content)?, PersonalPart::Present));
        }
        let StreamName { aggregate, chapter } = name;
        let mut shared = content::read_shared(&content).ok_or(Undecodable::Malformed)?;
        let Some(sealed) = personal else {
            let envelope = content::read_envelope(&mut shared.rest).ok_or(Undecodable::Malformed)?;
            envelope.complete(&mut shared.metadata);
            let event = decode(aggregate, &shared, None)?;
            return Ok((opened(entry, chapter, shared.metadata, event), PersonalPart::Absent));
        };
        // It says under which of the person's keys the rest is.
        let event = decode(aggregate, &shared, None)?;
        if author == Author::Another {
            return Ok((opened(entry, chapter, shared.metadata, event), PersonalPart::Others));
        }
        let metadata = shared.metadata.clone();
        let read = self.read_personal(sealed, event.seal().category(), &mut shared.metadata, keys);
        let read = read.and_then(|(part, bytes)| {
            let bytes = bytes.map(|bytes| decode(aggregate, &shared, Some(&bytes)));
            Ok((part, bytes.transpose()?))
        });
        let (part, known) = match read {
            // Whether it counts others decide by what they can read.
            Err(_) if self.is_shared(&entry.stream) => {
                shared.metadata = metadata;
                (PersonalPart::Unreadable, None)
            }
            read => read?,
        };
        let event = known.unwrap_or(event);
        Ok((opened(entry, chapter, shared.metadata, event), part))
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
        let Some(content) = key.and_then(|key| sealed.open(&key.expanding())) else {
            return Ok((PersonalPart::Unreadable, None));
        };
        let content = content.ok_or(Undecodable::Malformed)?;
        let (envelope, bytes) = content::read_personal(&content, held.subject).ok_or(Undecodable::Malformed)?;
        envelope.complete(metadata);
        Ok((PersonalPart::Present, Some(bytes)))
    }
}

/// Why a first section does not open.
enum Locked {
    /// It is under no key that it may be under.
    Void(Void),
    /// The keys of whose record it stands in are destroyed.
    Sealed,
    /// They are not here.
    KeyMissing,
    /// The secret of its epoch is not here.
    EpochMissing(EpochNumber),
}

/// Under which key a first section was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Under {
    /// The namespace's, which is the stream's own.
    Namespace,
    /// A subject's key of a category.
    Category(Category),
    /// A key of its own, which does not say what it was derived from.
    Event,
}

impl Under {
    /// Whether an event is sealed under this: a record that its category's key does not open would be hidden from whom it was shared with.
    pub(super) fn is_right_for(self, event: &AnyEvent) -> bool {
        match (event.seal(), self) {
            (Seal::Namespace | Seal::Beside(_), Self::Namespace) => true,
            (Seal::Within(of), Self::Category(category)) => of == category,
            (Seal::Within(_), Self::Event) => true,
            (Seal::Within(_), Self::Namespace)
            | (Seal::Namespace | Seal::Beside(_), Self::Category(_) | Self::Event) => false,
        }
    }
}

/// Opens a whole section under one of a subject's keys of a chapter; which it is nobody is told.
fn unlock_whole(form: &Form<'_>, root: &DataKey, chapter: u16) -> Option<(Category, Opened)> {
    let mut keys = root.categories(chapter).ok()?;
    keys.find_map(|(category, key)| Some((category, form.open(Section::Whole, &key.expanding())?)))
}

/// Reads a whole section.
pub(super) fn read_whole(
    entry: &AppendedEntry,
    StreamName { aggregate, chapter }: StreamName,
    content: &[u8],
) -> Result<OpenedEvent, Undecodable> {
    let mut told = content::read_shared(content).ok_or(Undecodable::Malformed)?;
    let (envelope, shared, personal) = content::read_whole(told.rest).ok_or(Undecodable::Malformed)?;
    envelope.complete(&mut told.metadata);
    told.rest = shared;
    let event = decode(aggregate, &told, Some(personal))?;
    Ok(opened(entry, chapter, told.metadata, event))
}

/// Decodes an event, if this program knows its schema: that is looked at before anything that another schema may have changed.
fn decode(stream: AggregateRef, shared: &Shared<'_>, personal: Option<&[u8]>) -> Result<AnyEvent, DecodeError> {
    if AnyEvent::knows(stream, shared.schema, shared.rest) {
        AnyEvent::decode(stream, shared.schema, shared.rest, personal)
    } else {
        Err(DecodeError::UnknownSchema(shared.schema))
    }
}

/// As the organisation's own.
fn opened(entry: &AppendedEntry, chapter: u16, metadata: EventMetadata, event: AnyEvent) -> OpenedEvent {
    OpenedEvent {
        position: entry.position,
        version: in_record(chapter, entry.version),
        metadata,
        author: Author::Ours,
        event,
    }
}
