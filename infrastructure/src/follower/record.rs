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

/// What the keys tell of a record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReadRecord {
    /// Its entries, in order.
    pub entries: Vec<ReadEntry>,
    /// The position of the erasure that has ended it.
    pub erased_at: Option<Position>,
    /// Whether an entry waits for a key that is not here.
    pub lacks_key: bool,
}

/// The streams that a patient's record is in: one, until records have chapters.
pub fn streams_of_patient(secret: &MasterSecret, log: LogLocation, patient: Uuid) -> Vec<StreamId> {
    let names = StreamNames::new(secret, log.namespace);
    vec![names.seal(&PatientId::new(patient).into())]
}

/// Opens the entries of a record, of which all commits are given in their order.
///
/// Whoever is erased in the end is erased for all of it, as in a rebuild: no entry before the erasure is read, whether or not the keys are here still.
///
/// # Errors
/// When the keys cannot be read, or a newer program wrote an entry.
pub async fn read_record(
    opener: &Opener,
    stream: StreamId,
    commits: &[RecordCommit],
) -> Result<ReadRecord, FollowerError> {
    let keys = opener
        .keys_for(commits.iter().flat_map(|commit| &commit.entries))
        .await?;
    let mut so_far = SoFar::default();
    let first = read(opener, stream, commits, keys.clone(), so_far.clone())?;
    let erased: Vec<_> = first.iter().flat_map(|block| &block.erased).collect();
    if erased.is_empty() {
        return Ok(told(stream, &first));
    }
    erased.iter().for_each(|erased| so_far.told.erasures.foresee(erased));
    let mut keys = keys;
    so_far.told.erasures.destroy(&mut keys);
    Ok(told(stream, &read(opener, stream, commits, keys, so_far)?))
}

fn read(
    opener: &Opener,
    stream: StreamId,
    commits: &[RecordCommit],
    mut keys: KeySet,
    mut so_far: SoFar,
) -> Result<Vec<OpenedBlock>, FollowerError> {
    let mut opened = Vec::with_capacity(commits.len());
    for commit in commits {
        for (of, tip) in commit.behind.iter().filter(|(of, _)| *of != stream) {
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

fn told(stream: StreamId, blocks: &[OpenedBlock]) -> ReadRecord {
    let mut record = ReadRecord::default();
    for block in blocks {
        let of_record = block.erased.iter().find(|erased| erased.stream == stream);
        record.erased_at = record.erased_at.or(of_record.map(|erased| erased.position));
        let own = block
            .entries()
            .zip(&block.fates)
            .filter(|(row, _)| row.entry.stream == stream);
        for (row, fate) in own {
            let position = row.entry.position;
            let parked = block.parked.iter().find(|parked| parked.position == position);
            record.lacks_key |= parked.is_some_and(|parked| parked.reason == KEY_MISSING);
            let mut events = block.events();
            let counted = events.find(|event| event.position == position);
            record.entries.push(ReadEntry {
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
    record
}
