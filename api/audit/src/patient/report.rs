//! What an audit of a patient comes to, for people and for machines. It says nothing of what entries hold but of which type they are.

use std::collections::HashMap;
use std::fmt::Write as _;

use application::log::StreamId;
use chrono::{DateTime, SecondsFormat, Utc};
use infrastructure::chain::{Address, EventLog};
use infrastructure::follower::{Fate, ReadChapter, ReadEntry};
use serde::Serialize;

use super::stream::ProvenStream;
use crate::fault::Fault;
use crate::report::{TrustedBlock, Unproved, told_fault};
use crate::text::{self, Hex};

/// What the audit of a patient comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Completeness {
    /// The history is whole.
    Complete,
    /// Nothing is wrong, and not everything can be proved.
    InPart,
    /// Something cannot be true.
    NotComplete,
}

/// What is known of the patient's keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum KeysState {
    /// They are here.
    Held,
    /// They are destroyed: the entries say nothing to anybody any more.
    Destroyed,
    /// They are not in the database.
    Missing,
    /// Nobody asked for them.
    NotUsed,
}

/// An entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryReport {
    /// Its place in its chapter, from 1.
    pub version: u64,
    /// Its place in the log.
    pub position: u64,
    /// The number of its block.
    pub block: u64,
    /// When the block was made.
    pub block_time: Option<DateTime<Utc>>,
    /// When it was decided, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_time: Option<DateTime<Utc>>,
    /// The transaction that appended it.
    #[serde(serialize_with = "text::hash")]
    pub transaction: [u8; 32],
    /// Of which aggregate and type its event is, where it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What became of it, where it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Fate>,
    /// Why, where it is void or parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A chapter of the record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChapterReport {
    /// Its number, from 0.
    pub number: u64,
    /// The name of its stream on the chain.
    #[serde(serialize_with = "stream")]
    pub stream: StreamId,
    /// How many entries it has.
    pub version: u64,
    /// What it ends with: the first bytes of the hash of its last payload.
    pub tag: Hex<[u8; 8]>,
    /// How many headers were linked for it.
    pub headers: u64,
    /// Of how many blocks the receipts were proved.
    pub blocks_with_receipts: u64,
    /// Its entries, in order.
    pub entries: Vec<EntryReport>,
}

/// What an audit of a patient comes to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PatientReport {
    /// The result.
    pub verdict: Completeness,
    /// The chain.
    pub chain_id: u64,
    /// The contract.
    pub contract: Address,
    /// The trusted block, once its header is proved.
    pub block: Option<TrustedBlock>,
    /// What is known of the keys; without a fault only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeysState>,
    /// The position of the erasure that has ended the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<u64>,
    /// The chapters of the record; without a fault only.
    pub chapters: Vec<ChapterReport>,
    /// Why the heads could not be proved.
    pub unproved: Option<Unproved>,
    /// The first thing that cannot be true.
    pub fault: Option<Fault>,
}

fn stream<S: serde::Serializer>(stream: &StreamId, serializer: S) -> Result<S::Ok, S::Error> {
    Hex(stream.0).serialize(serializer)
}

impl PatientReport {
    /// That something is wrong.
    pub(super) fn of_fault(log: &EventLog, block: Option<TrustedBlock>, fault: Fault) -> Self {
        Self {
            verdict: Completeness::NotComplete,
            chain_id: log.node().chain_id(),
            contract: log.address(),
            block,
            keys: None,
            erased_at: None,
            chapters: Vec::new(),
            unproved: None,
            fault: Some(fault),
        }
    }

    /// That everything is proved that can be; of nothing yet.
    pub(super) fn begin(log: &EventLog, block: TrustedBlock, unproved: Option<Unproved>) -> Self {
        Self {
            verdict: if unproved.is_some() {
                Completeness::InPart
            } else {
                Completeness::Complete
            },
            chain_id: log.node().chain_id(),
            contract: log.address(),
            block: Some(block),
            keys: Some(KeysState::NotUsed),
            erased_at: None,
            chapters: Vec::new(),
            unproved,
            fault: None,
        }
    }

    /// Takes the next chapter in, with what the keys tell of it.
    pub(super) fn add(&mut self, stream: StreamId, proven: &ProvenStream, read: Option<&ReadChapter>) {
        self.erased_at = self.erased_at.or(read.and_then(|read| read.erased_at));
        if let Some(read) = read {
            let of = keys_of(read);
            // Whatever is worst of all chapters.
            let worst = [KeysState::Destroyed, KeysState::Missing].into_iter();
            let worst = worst
                .chain([KeysState::Held])
                .find(|one| [self.keys, Some(of)].contains(&Some(*one)));
            self.keys = worst.or(self.keys);
        }
        let told: HashMap<u64, &ReadEntry> = read
            .iter()
            .flat_map(|read| &read.entries)
            .map(|told| (told.position, told))
            .collect();
        let entries = proven.commits.iter().flat_map(|commit| {
            let of_stream = commit.entries_of(stream);
            of_stream.map(move |(entry, place)| (entry, place, &commit.header))
        });
        let entries = entries.map(|(entry, place, header)| {
            let told = told.get(&entry.position);
            EntryReport {
                version: entry.version,
                position: entry.position,
                block: header.number,
                block_time: i64::try_from(header.time)
                    .ok()
                    .and_then(|time| DateTime::from_timestamp(time, 0)),
                claimed_time: told.and_then(|told| told.claimed_at),
                transaction: place.transaction.unwrap_or_default(),
                event: told.and_then(|told| told.event.clone()),
                state: told.map(|told| told.fate),
                why: told.and_then(|told| told.why.clone()),
            }
        });
        self.chapters.push(ChapterReport {
            number: self.chapters.len() as u64,
            stream,
            version: proven.head.version,
            tag: Hex(proven.head.tag),
            headers: proven.headers,
            blocks_with_receipts: proven.blocks_with_receipts,
            entries: entries.collect(),
        });
    }

    /// For people.
    pub fn told(&self) -> String {
        let mut text = format!("contract {} on chain {}\n", self.contract, self.chain_id);
        if let Some(block) = &self.block {
            text += &format!("block {} with the hash {}\n", block.number, Hex(block.hash));
        }
        for chapter in &self.chapters {
            text += &chapter.told();
        }
        if let Some(position) = self.erased_at {
            let _ = writeln!(text, "the patient is erased, by the entry at position {position}");
        }
        match self.keys {
            Some(KeysState::Destroyed) => {
                text += "the patient's keys are destroyed: nobody can read any more what was sealed under them\n";
            }
            Some(KeysState::Missing) => {
                text += "a key of the patient's is not in the database: what is parked waits for it (see `medconnect keys restore`)\n";
            }
            Some(KeysState::Held | KeysState::NotUsed) | None => {}
        }
        match (&self.fault, &self.unproved) {
            (Some(fault), _) => text += &told_fault("NOT COMPLETE", fault),
            (None, Some(unproved)) => {
                let _ = write!(
                    text,
                    "\nPROVED IN PART: these are all entries of these streams in the blocks up to this one, and each stands there so.\n  not proved  \
                     that this program's contract stands at the address, and that its heads of the streams are these\n  why         {}",
                    unproved.told()
                );
            }
            (None, None) => {
                text += "\nCOMPLETE: these are all entries of the patient's record up to this block, unchanged and in their order.";
            }
        }
        text
    }
}

/// What a chapter tells of the keys that it is under.
fn keys_of(read: &ReadChapter) -> KeysState {
    if read.lacks_key {
        KeysState::Missing
    } else if read.erased_at.is_some() || read.entries.iter().any(|entry| entry.fate == Fate::Sealed) {
        KeysState::Destroyed
    } else {
        KeysState::Held
    }
}

impl ChapterReport {
    fn told(&self) -> String {
        let mut text = format!(
            "chapter {} of the record, {}: {} entries, the last with the tag {}\n{} headers, linked to the block; {} blocks whose transactions and receipts are those of \
             their headers\n",
            self.number,
            Hex(self.stream.0),
            self.version,
            self.tag,
            self.headers,
            self.blocks_with_receipts,
        );
        if !self.entries.is_empty() {
            let _ = writeln!(
                text,
                "{:>7}  {:>9}  {:>9}  {:20}  {:24}  {:32}  state",
                "version", "position", "block", "block time", "claimed time", "event"
            );
        }
        for entry in &self.entries {
            let time = |time: Option<DateTime<Utc>>, format| time.map(|time| time.to_rfc3339_opts(format, true));
            let state = entry.state.map(|state| text::name_of(&state)).unwrap_or_default();
            let why = entry.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let _ = writeln!(
                text,
                "{:>7}  {:>9}  {:>9}  {:20}  {:24}  {:32}  {state}{why}",
                entry.version,
                entry.position,
                entry.block,
                time(entry.block_time, SecondsFormat::Secs).unwrap_or_default(),
                time(entry.claimed_time, SecondsFormat::Millis).unwrap_or_default(),
                entry.event.as_deref().unwrap_or_default(),
            );
        }
        text
    }
}
