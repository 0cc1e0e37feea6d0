//! What is kept of a block that was proved: all but the payloads of entries, of which only those of the administration are read.

use infrastructure::chain::codec::Said;
use infrastructure::chain::running_hash::PlacedEntry;
use infrastructure::chain::{Hash, keccak256};
use infrastructure::log::{Namespace, Origin, RejectedCommit};

use crate::evidence::{ProvenBlock, ProvenLog};
use crate::fault::Place;

/// What a block holds of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeptBlock {
    pub(crate) number: u64,
    pub(crate) hash: Hash,
    /// In seconds since the Unix epoch.
    pub(crate) time: u64,
    /// In the order of the chain.
    pub(crate) logs: Vec<KeptLog>,
}

/// A log of the contract.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeptLog {
    pub(crate) transaction: Hash,
    transaction_index: u64,
    log_index: u64,
    pub(crate) said: Kept,
}

/// What it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    Entry(KeptEntry),
    Rejected(RejectedCommit),
}

/// An entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeptEntry {
    pub(crate) placed: PlacedEntry,
    pub(crate) payload_hash: Hash,
    /// The payload, of an entry of the administration.
    pub(crate) act: Option<Box<[u8]>>,
}

/// An entry, where it proves to stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProvenEntry {
    /// Its block, transaction, index, position and stream.
    pub place: Place,
    /// The hash of its block.
    pub block_hash: Hash,
    /// The time of its block, in seconds since the Unix epoch.
    pub time: u64,
    /// Its version in its stream.
    pub version: u64,
    /// Who wrote it, and which of its commit's entries it is.
    pub origin: Origin,
    /// keccak-256 of its payload.
    pub payload_hash: Hash,
}

impl From<ProvenBlock> for KeptBlock {
    fn from(ProvenBlock { header, logs }: ProvenBlock) -> Self {
        Self {
            number: header.number,
            hash: header.hash,
            time: header.time,
            logs: logs.into_iter().map(KeptLog::from).collect(),
        }
    }
}

impl From<ProvenLog> for KeptLog {
    fn from(log: ProvenLog) -> Self {
        let said = match log.said {
            Said::Appended(entry) => {
                let administers = Namespace::of(&entry.stream) == Namespace::ADMINISTRATION;
                Kept::Entry(KeptEntry {
                    placed: PlacedEntry::of(&entry),
                    payload_hash: keccak256(&entry.payload),
                    act: administers.then(|| Box::from(&*entry.payload)),
                })
            }
            Said::Rejected(rejected) => Kept::Rejected(rejected),
        };
        Self {
            transaction: log.transaction,
            transaction_index: log.transaction_index,
            log_index: log.log_index,
            said,
        }
    }
}

impl KeptBlock {
    /// Where one of its logs stands.
    pub(crate) fn place(&self, log: &KeptLog) -> Place {
        let place = Place {
            transaction: Some(log.transaction),
            log_index: Some(log.log_index),
            ..Place::block(self.number).transaction(log.transaction_index)
        };
        match &log.said {
            Kept::Entry(entry) => Place {
                position: Some(entry.placed.position),
                stream: Some(entry.placed.stream.0),
                ..place
            },
            Kept::Rejected(rejected) => Place {
                stream: Some(rejected.stream.0),
                ..place
            },
        }
    }

    /// Its entries, each where it proves to stand.
    pub(crate) fn entries(&self) -> impl Iterator<Item = ProvenEntry> {
        self.logs.iter().filter_map(|log| {
            let Kept::Entry(entry) = &log.said else { return None };
            Some(ProvenEntry {
                place: self.place(log),
                block_hash: self.hash,
                time: self.time,
                version: entry.placed.version,
                origin: entry.placed.origin,
                payload_hash: entry.payload_hash,
            })
        })
    }
}
