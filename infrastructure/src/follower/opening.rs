//! Entries become events, or are what a contract that is believed has recorded, or are foreign or void, or are parked with their stream.

use std::collections::HashSet;
use std::sync::Arc;

use application::log::{Author, LogEntry, OpenedEvent, RecordedEntry, StreamId};
use chrono::{DateTime, Utc};
use domain::kernel::{AggregateRef, CommandId};
use serde::Serialize;
use uuid::Uuid;

use super::believed::Believed;
use super::chapters::Closed;
use super::erasures::Erased;
use super::held::{BEHIND, EPOCH_MISSING, KEY_MISSING, Parked, WITH_ITS_COMMIT};
use super::overruling::{InShared, SharedStates};
use super::tips::Tips;
use super::told::Told;
use super::trust::CheckedBlock;
use super::window::Unread;
use super::{FollowerError, Newer};
use crate::chain::{Hash, Recorder};
use crate::keys::KeySet;
use crate::log::{AppendedEntry, Need, StreamTip};
use crate::sealing::{CommitProof, Opener, Opening, PersonalPart, Place, Siblings, StreamName, Void};

/// A block whose entries were opened as far as this server can.
pub(super) struct OpenedBlock {
    pub(super) checked: CheckedBlock,
    /// For each entry, what its stream ended with before its commit.
    before: Vec<Hash>,
    /// For each entry, what the journal says beside the sealed payload.
    labels: Vec<Label>,
    /// For each entry, what became of it.
    pub(super) fates: Vec<Fate>,
    /// What is to be projected, in order.
    pub(super) readable: Vec<LogEntry>,
    /// The entries to park.
    pub(super) parked: Vec<Parked>,
    /// The data subjects who are erased.
    pub(super) erased: Vec<Erased>,
    /// The chapters of records that are closed.
    pub(super) closed: Vec<Closed>,
    /// How many entries mean nothing here.
    pub(super) unread: Unread,
}

/// An entry, with what else its row of the journal says.
pub(super) struct JournalRow<'a> {
    pub(super) entry: &'a AppendedEntry,
    /// Where its stream ends after it.
    pub(super) tip: &'a StreamTip,
    /// What its stream ended with before its commit.
    pub(super) before: &'a Hash,
    pub(super) label: &'a Label,
}

impl OpenedBlock {
    /// The events that count, in order.
    pub(super) fn events(&self) -> impl Iterator<Item = &OpenedEvent> {
        self.readable.iter().filter_map(LogEntry::event)
    }

    /// Its entries, each with what the journal says of it.
    pub(super) fn entries(&self) -> impl Iterator<Item = JournalRow<'_>> {
        let entries = self.checked.log.appended.iter().zip(&self.checked.tips);
        let said = self.before.iter().zip(&self.labels);
        entries.zip(said).map(|((entry, tip), (before, label))| JournalRow {
            entry,
            tip,
            before,
            label,
        })
    }
}

/// What became of an entry when it was opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// It was opened, and counts.
    Counted,
    /// It counts without its personal section, which its key does not open.
    Unreadable,
    /// It means nothing: it is not authentic in its place, or not with all of its commit.
    Void,
    /// It means nothing: it is authentic, in a namespace that is shared, and against the rules there.
    Overruled,
    /// Its keys are destroyed: nobody can tell any more what it is.
    Sealed,
    /// It is authentic and cannot be read now, or stands behind one of which that is so.
    Parked,
    /// An administrative act, which is not sealed.
    Public,
    /// What a contract recorded that is believed.
    Recorded,
    /// In a stream that is not ours.
    Foreign,
}

/// What the journal says about an entry beside its sealed payload.
#[derive(Clone, Copy, Default)]
pub(super) struct Label {
    pub(super) aggregate: Option<AggregateRef>,
    pub(super) command_id: Option<CommandId>,
    /// When it was decided, as it says itself.
    pub(super) claimed_at: Option<DateTime<Utc>>,
    /// Why it means nothing in a stream of ours.
    pub(super) void: Option<Void>,
}

impl Label {
    /// What an event says of itself: it may be of any aggregate of its stream.
    pub(super) fn of(event: &OpenedEvent) -> Self {
        Self {
            aggregate: Some(event.event.aggregate()),
            command_id: Some(event.metadata.command_id),
            claimed_at: Some(event.metadata.at),
            void: None,
        }
    }

    /// Whose command it is says only what this organisation has written: whoever shares a namespace could name anybody's.
    pub(super) fn by(self, author: Author) -> Self {
        let command_id = self.command_id.filter(|_| author == Author::Ours);
        Self { command_id, ..self }
    }

    /// Of an entry that means nothing.
    pub(super) fn of_void(void: Void) -> Self {
        Self {
            void: Some(void),
            ..Self::default()
        }
    }

    /// The aggregate as the journal names it.
    pub(super) fn aggregate_id(&self) -> Option<String> {
        self.aggregate.map(|aggregate| aggregate.to_string())
    }

    /// The command as the journal names it.
    pub(super) fn command(&self) -> Option<Uuid> {
        self.command_id.map(CommandId::uuid)
    }

    /// Why it means nothing, as the journal says it.
    pub(super) fn void_reason(&self) -> Option<String> {
        self.void.map(|void| void.to_string())
    }
}

/// What opening takes from the entries before, and leaves for those behind.
#[derive(Clone, Default)]
pub(super) struct SoFar {
    /// Where streams end.
    pub(super) tips: Tips,
    /// What the log has told.
    pub(super) told: Told,
    /// What stands in shared namespaces.
    pub(super) shared: SharedStates,
}

/// An entry, after what its stream is named, and the record or stream that it goes by.
struct Named<'a> {
    entry: &'a AppendedEntry,
    name: Option<StreamName>,
    record: StreamId,
}

impl<'a> Named<'a> {
    fn of(entry: &'a AppendedEntry, opener: &Opener) -> Self {
        let name = opener.name(&entry.stream);
        let record = opener.record(&entry.stream, name.as_ref());
        Self { entry, name, record }
    }

    /// Why whatever stands there means nothing, and its commit neither, as far as the organisation's own namespace goes: others cannot tell.
    fn void(&self, told: &Told) -> Option<Void> {
        let chapter = self.name?.chapter;
        let ended = told.erasures.has_ended(&self.record).then_some(Void::AfterErasure);
        ended.or_else(|| told.chapters.void(&self.record, chapter))
    }

    fn is_record(&self) -> bool {
        self.name.is_some_and(|name| name.aggregate.whose_record().is_some())
    }
}

/// Opens a block. `keys` are without those of who was erased before it.
///
/// # Errors
/// [`FollowerError::Newer`]: nothing of the block may be written by this program, for a newer one can read it. Nor may it where the secret of its epoch is not
/// here ([`FollowerError::EpochMissing`]).
pub(super) fn open(
    checked: CheckedBlock,
    opener: &Opener,
    keys: &mut KeySet,
    so_far: &mut SoFar,
) -> Result<OpenedBlock, FollowerError> {
    let SoFar { tips, told, shared } = so_far;
    told.published.tell(opener);
    let entries = checked.log.appended.len();
    let mut opened = OpenedBlock {
        before: Vec::with_capacity(entries),
        labels: Vec::with_capacity(entries),
        fates: Vec::with_capacity(entries),
        readable: Vec::with_capacity(entries),
        parked: Vec::new(),
        erased: Vec::new(),
        closed: Vec::new(),
        unread: Unread::default(),
        checked,
    };
    let mut first = 0;
    while let Some((commit, commit_tips)) = commit_at(&opened.checked, first) {
        first = first.saturating_add(commit.len());
        let before: Vec<Hash> = commit.iter().map(|entry| tips.of_stream(&entry.stream)).collect();
        let places = commit
            .iter()
            .zip(&before)
            .map(|(entry, before)| (Place::of(entry, *before), entry.payload.as_ref()));
        let proof = CommitProof::of(places);
        let named: Vec<Named<'_>> = commit.iter().map(|entry| Named::of(entry, opener)).collect();
        let unpublished = commit.iter().find_map(|entry| told.published.void(entry));
        let ended = named.iter().find_map(|named| named.void(told));
        let known = (opened.erased.len(), opened.closed.len());
        let mut openings = Vec::with_capacity(commit.len());
        for (named, before) in named.iter().zip(&before) {
            let (entry, siblings) = (named.entry, Siblings::Proof(&proof));
            let author = told.authors.of(entry);
            let own = opener.open_named(entry, named.name, *before, siblings, keys, author);
            let void = unpublished.or(ended.filter(|_| !opener.is_shared(&entry.stream)));
            openings.push(match (own, void) {
                (own @ (Opening::Public | Opening::Foreign), _) => own,
                // It is the reason that does not depend on keys, so that it stays the same when these are destroyed.
                (_, Some(void)) => Opening::Void(void),
                // It is published: only this program does not know it. In a shared namespace there are no others.
                (Opening::Void(Void::UnknownFormat(format)), None) if !opener.is_shared(&entry.stream) => {
                    let (position, what) = (entry.position, Newer::Format(format));
                    return Err(FollowerError::Newer { position, what });
                }
                (own, None) => own,
            });
        }
        let in_shared = named.iter().zip(&mut openings);
        let in_shared = in_shared.filter(|(named, _)| named.name.is_some() && opener.is_shared(&named.entry.stream));
        let in_shared = in_shared.map(|(Named { entry, .. }, opening)| InShared { entry, opening });
        let newly_held = shared.judge_commit(in_shared.collect(), &told.held.streams);
        told.held.streams.extend(&newly_held);
        for (named, opening) in named.iter().zip(openings) {
            let mut sorting = Sorting {
                newly_held: &newly_held,
                readable: &mut opened.readable,
                parked: &mut opened.parked,
                erased: &mut opened.erased,
                closed: &mut opened.closed,
                unread: &mut opened.unread,
                opener,
            };
            let (label, fate) = sorting.sort(named, opening, told)?;
            opened.labels.push(label);
            opened.fates.push(fate);
        }
        // What this commit ends ends with it.
        let (erased, closed) = known;
        if let Some(erased) = opened.erased.get(erased..).filter(|erased| !erased.is_empty()) {
            erased.iter().for_each(|erased| told.erasures.add(erased));
            told.erasures.destroy(keys);
        }
        let closed = opened.closed.get(closed..).unwrap_or_default();
        closed.iter().for_each(|closed| told.chapters.add(closed));
        for (entry, tip) in commit.iter().zip(commit_tips) {
            tips.set(entry.stream, *tip);
        }
        opened.before.extend(before);
    }
    told.held.add(&opened.parked);
    tell_void(&opened);
    Ok(opened)
}

/// Says how many entries of a block are void: whoever may write can append thousands.
fn tell_void(block: &OpenedBlock) {
    let entries = block.checked.log.appended.iter().zip(&block.labels);
    let mut void = entries.filter_map(|(entry, label)| Some((entry.position, label.void?)));
    if let Some((first, reason)) = void.next() {
        let number = block.checked.log.block.number;
        let entries = block.unread.void.saturating_add(block.unread.overruled);
        tracing::warn!(block = number, entries, first, %reason, "entries in streams of ours are void");
    }
}

/// The entries of the commit that begins with a block's entry. The contract writes them one after the other, and the running hash vouches for
/// how many they are; what is none of that is a commit of its own, so that no MAC fits it.
fn commit_at(block: &CheckedBlock, first: usize) -> Option<(&[AppendedEntry], &[StreamTip])> {
    let (entries, tips) = (block.log.appended.get(first..)?, block.tips.get(first..)?);
    let count = entries.first()?.origin.count;
    let is_next = |(entry, index): (&AppendedEntry, u16)| entry.origin.index == index && entry.origin.count == count;
    let whole = entries.get(..usize::from(count)).zip(tips.get(..usize::from(count)));
    whole
        .filter(|(entries, _)| !entries.is_empty() && entries.iter().zip(0..).all(is_next))
        .or_else(|| entries.get(..1).zip(tips.get(..1)))
}

fn recorded(entry: &AppendedEntry, by: &Recorder) -> RecordedEntry {
    RecordedEntry {
        position: entry.position,
        stream: entry.stream,
        version: entry.version,
        contract: by.contract.0,
        registry: by.registry,
        payload: Arc::clone(&entry.payload),
    }
}

/// Where the entries of a block go.
struct Sorting<'a> {
    /// The streams that are held back because of another entry of the same commit.
    newly_held: &'a HashSet<StreamId>,
    readable: &'a mut Vec<LogEntry>,
    parked: &'a mut Vec<Parked>,
    erased: &'a mut Vec<Erased>,
    closed: &'a mut Vec<Closed>,
    unread: &'a mut Unread,
    opener: &'a Opener,
}

impl Sorting<'_> {
    /// Puts an entry where it belongs, and answers with what the journal says of it, and what became of it.
    fn sort(&mut self, named: &Named<'_>, opening: Opening, told: &mut Told) -> Result<(Label, Fate), FollowerError> {
        let entry = named.entry;
        let author = told.authors.of(entry);
        let held = &mut told.held.streams;
        let position = entry.position;
        let of_its_stream = || Label {
            aggregate: named.name.map(|name| name.aggregate),
            ..Label::default()
        };
        Ok(match opening {
            Opening::Public => {
                told.believed.take_in(&entry.stream, &entry.payload);
                told.authors.take_in(position, &entry.stream, &entry.payload);
                if told.published.take_in(position, &entry.stream, &entry.payload) {
                    // What follows may be sealed in an epoch that begins here.
                    told.published.tell(self.opener);
                }
                (Label::default(), Fate::Public)
            }
            Opening::Foreign => (Label::default(), self.sort_plain(entry, &told.believed)),
            // Behind a beginning whose key is not here another key of the subject's may be tried in vain.
            Opening::Void(Void::NotAuthentic) if held.contains(&named.record) && named.is_record() => {
                self.park(named, BEHIND.to_owned(), None);
                (Label::default(), Fate::Parked)
            }
            Opening::Void(void @ Void::Overruled(_)) => {
                self.unread.overruled = self.unread.overruled.saturating_add(1);
                (Label::of_void(void), Fate::Overruled)
            }
            Opening::Void(void) => {
                self.unread.void = self.unread.void.saturating_add(1);
                (Label::of_void(void), Fate::Void)
            }
            Opening::Sealed => (Label::default(), Fate::Sealed),
            Opening::KeyMissing => {
                self.park_until_key(named, held);
                (of_its_stream(), Fate::Parked)
            }
            Opening::Newer { schema } => {
                let what = Newer::Schema(schema);
                return Err(FollowerError::Newer { position, what });
            }
            Opening::EpochMissing { epoch } if self.opener.is_shared(&entry.stream) => {
                let reason = format!("{EPOCH_MISSING}{epoch} of the shared namespace is not here");
                self.park(named, reason, None);
                (of_its_stream(), Fate::Parked)
            }
            Opening::EpochMissing { epoch } => {
                self.opener.miss_key();
                return Err(FollowerError::EpochMissing { position, epoch });
            }
            Opening::Undecodable(error) => {
                held.insert(named.record);
                self.park(named, error.to_string(), None);
                (of_its_stream(), Fate::Parked)
            }
            Opening::Opened { event, personal } => {
                let label = Label::of(&event).by(author);
                // It rests on nothing that was before it.
                let erased = Erased::of(named.record, &event);
                let closed = named
                    .name
                    .and_then(|name| Closed::of(named.record, &name, &event, self.opener));
                if let Some(void) = self.already(erased.as_ref(), closed.as_ref()) {
                    self.unread.void = self.unread.void.saturating_add(1);
                    return Ok((Label::of_void(void), Fate::Void));
                }
                if erased.is_some() || closed.is_some() {
                    self.erased.extend(erased);
                    self.closed.extend(closed);
                    self.readable.push(LogEntry::Event(event));
                    return Ok((label, Fate::Counted));
                }
                if personal == PersonalPart::Unreadable {
                    self.unread.unreadable = self.unread.unreadable.saturating_add(1);
                    tracing::warn!(position, "an event's personal section cannot be read");
                }
                let fate = if personal == PersonalPart::Missing {
                    self.park_until_key(named, held);
                    Fate::Parked
                } else if held.contains(&named.record) {
                    let is_first = self.newly_held.contains(&entry.stream);
                    let reason = if is_first { WITH_ITS_COMMIT } else { BEHIND };
                    self.park(named, reason.to_owned(), None);
                    Fate::Parked
                } else {
                    self.readable.push(LogEntry::Event(event));
                    if personal == PersonalPart::Unreadable {
                        Fate::Unreadable
                    } else {
                        Fate::Counted
                    }
                };
                (label, fate)
            }
        })
    }

    /// Why an erasure or a closing means nothing: an earlier entry of its commit is one as well. What an earlier commit has ended or closed was looked
    /// at before it was opened.
    fn already(&self, erased: Option<&Erased>, closed: Option<&Closed>) -> Option<Void> {
        let of_erased = |erased: &Erased| self.erased.iter().any(|other| other.stream == erased.stream);
        let of_closed = |closed: &Closed| self.closed.iter().any(|other| other.next_stream == closed.next_stream);
        if erased.is_some_and(of_erased) {
            Some(Void::AfterErasure)
        } else if closed.is_some_and(of_closed) {
            Some(Void::AfterClosing)
        } else {
            None
        }
    }

    /// What stands in no stream of ours counts if a contract recorded it that is believed.
    fn sort_plain(&mut self, entry: &AppendedEntry, believed: &Believed) -> Fate {
        match believed.recorder_of(entry) {
            Some(by) => {
                self.readable.push(LogEntry::Recorded(recorded(entry, by)));
                Fate::Recorded
            }
            None => {
                self.unread.foreign = self.unread.foreign.saturating_add(1);
                Fate::Foreign
            }
        }
    }

    fn park_until_key(&mut self, named: &Named<'_>, held: &mut HashSet<StreamId>) {
        self.opener.miss_key_of_parked();
        held.insert(named.record);
        let need = self.opener.need(&named.entry.stream, &named.entry.payload);
        self.park(named, KEY_MISSING.to_owned(), Some(need));
    }

    fn park(&mut self, named: &Named<'_>, reason: String, waits_for: Option<Need>) {
        self.parked.push(Parked {
            position: named.entry.position,
            stream: named.record,
            reason,
            waits_for,
        });
    }
}

#[cfg(test)]
mod of_epochs;
#[cfg(test)]
mod of_shared;
#[cfg(test)]
mod tests;
