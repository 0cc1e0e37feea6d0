//! One patient's record, opened apart from everything else by the rules of the follower: for whoever has proved which entries stand in it.

use application::log::{BlockRef, Position, StreamId};
use chrono::{DateTime, Utc};
use domain::kernel::PatientId;
use uuid::Uuid;

use super::FollowerError;
use super::held::KEY_MISSING;
use super::opening::{self, Fate, OpenedBlock, SoFar};
use super::trust::CheckedBlock;
use crate::chain::keccak256;
use crate::keys::{KeySet, MasterSecret};
use crate::log::{AppendedEntry, LogBlock, LogHead, LogLocation, StreamTip};
use crate::sealing::{Opener, StreamNames};

/// A commit of which an entry stands in the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordCommit {
    /// Its block.
    pub block: BlockRef,
    /// All of its entries, in order.
    pub entries: Vec<AppendedEntry>,
    /// Where the other streams of these entries ended before the commit. One that is left out is new.
    pub behind: Vec<(StreamId, StreamTip)>,
}

/// What the keys tell of an entry of the record. Nothing of what is said in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadEntry {
    /// Its place in the log.
    pub position: Position,
    /// What became of it.
    pub fate: Fate,
    /// Why, where it is void or parked.
    pub why: Option<String>,
    /// Of which aggregate and type its event is, where it counts.
    pub event: Option<String>,
    /// When it was decided, as it says itself.
    pub claimed_at: Option<DateTime<Utc>>,
}

/// What the keys tell of a chapter of a record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReadChapter {
    /// Its entries, in order.
    pub entries: Vec<ReadEntry>,
    /// Whether it is closed, so that another one follows.
    pub is_closed: bool,
    /// The position of the erasure that has ended the record here.
    pub erased_at: Option<Position>,
    /// Whether an entry waits for a key that is not here.
    pub lacks_key: bool,
}

/// Names the chapters of a patient's record.
#[derive(Clone, Debug)]
pub struct RecordNames {
    names: StreamNames,
    patient: PatientId,
}

impl RecordNames {
    /// In a log, under the organisation's secret.
    pub fn new(secret: &MasterSecret, log: LogLocation, patient: Uuid) -> Self {
        Self {
            names: StreamNames::new(secret, log.namespace),
            patient: PatientId::new(patient),
        }
    }

    /// The stream of a chapter.
    pub fn chapter(&self, number: u16) -> StreamId {
        self.names.seal_chapter(&self.patient.into(), number)
    }
}

/// Opens the entries of a record, of which all commits are given in their order, each once, and with them what the owners of namespaces have done there, where an
/// entry rests on it. `chapters` are the record's streams, the first chapter first. The answer has as many.
///
/// Whoever is erased in the end is erased for all of it, as in a rebuild: no entry before the erasure is read, whether or not the keys are here still.
///
/// # Errors
/// When the keys cannot be read, or a newer program wrote an entry.
pub async fn read_record(
    opener: &Opener,
    chapters: &[StreamId],
    commits: &[RecordCommit],
) -> Result<Vec<ReadChapter>, FollowerError> {
    let keys = opener
        .keys_for(commits.iter().flat_map(|commit| &commit.entries))
        .await?;
    let mut so_far = SoFar::default();
    let first = read(opener, chapters, commits, keys.clone(), so_far.clone())?;
    let erased: Vec<_> = first.iter().flat_map(|block| &block.erased).collect();
    let told_by = |blocks: &[OpenedBlock]| chapters.iter().map(|stream| told(*stream, blocks)).collect();
    if erased.is_empty() {
        return Ok(told_by(&first));
    }
    erased.iter().for_each(|erased| so_far.told.erasures.foresee(erased));
    let mut keys = keys;
    so_far.told.erasures.destroy(&mut keys);
    Ok(told_by(&read(opener, chapters, commits, keys, so_far)?))
}

fn read(
    opener: &Opener,
    chapters: &[StreamId],
    commits: &[RecordCommit],
    mut keys: KeySet,
    mut so_far: SoFar,
) -> Result<Vec<OpenedBlock>, FollowerError> {
    let mut opened = Vec::with_capacity(commits.len());
    for commit in commits {
        for (of, tip) in commit.behind.iter().filter(|(of, _)| !chapters.contains(of)) {
            so_far.tips.set(*of, *tip);
        }
        opened.push(opening::open(checked(commit), opener, &mut keys, &mut so_far)?);
    }
    Ok(opened)
}

/// As the follower has a block. The running hash is nobody's business here.
fn checked(commit: &RecordCommit) -> CheckedBlock {
    let tip = |entry: &AppendedEntry| StreamTip {
        version: entry.version,
        hash: keccak256(&entry.payload),
    };
    CheckedBlock {
        head: LogHead {
            position: commit.entries.last().map_or(0, |entry| entry.position),
            running_hash: [0; 32],
        },
        tips: commit.entries.iter().map(tip).collect(),
        log: LogBlock {
            block: commit.block,
            appended: commit.entries.clone(),
            rejected: Vec::new(),
        },
    }
}

fn told(stream: StreamId, blocks: &[OpenedBlock]) -> ReadChapter {
    let mut chapter = ReadChapter::default();
    for block in blocks {
        let own = block
            .entries()
            .zip(&block.fates)
            .filter(|(row, _)| row.entry.stream == stream);
        for (row, fate) in own {
            let position = row.entry.position;
            let erases = block.erased.iter().any(|erased| erased.position == position);
            chapter.erased_at = chapter.erased_at.or(erases.then_some(position));
            chapter.is_closed |= block.closed.iter().any(|closed| closed.position == position);
            let parked = block.parked.iter().find(|parked| parked.position == position);
            chapter.lacks_key |= parked.is_some_and(|parked| parked.reason == KEY_MISSING);
            let mut events = block.events();
            let counted = events.find(|event| event.position == position);
            chapter.entries.push(ReadEntry {
                position,
                fate: *fate,
                why: row
                    .label
                    .void_reason()
                    .or_else(|| parked.map(|parked| parked.reason.clone())),
                event: counted.map(|event| event.event.name()),
                claimed_at: row.label.claimed_at,
            });
        }
    }
    chapter
}
