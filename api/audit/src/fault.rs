//! What cannot be true of what a node answered, and where.

use std::fmt;

use infrastructure::log::{AppendedEntry, RejectedCommit};
use serde::Serialize;

use crate::text::{self, Hex};

/// Where something is, as far as that is known. What a payload holds is never in it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The number of the block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
    /// The hash of the block, where its number is not known.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text::optional")]
    pub block_hash: Option<[u8; 32]>,
    /// The hash of the transaction.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text::optional")]
    pub transaction: Option<[u8; 32]>,
    /// Which transaction of its block, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_index: Option<u64>,
    /// Which log of its block, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_index: Option<u64>,
    /// The position in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The stream.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text::optional")]
    pub stream: Option<[u8; 32]>,
}

impl Place {
    /// Somewhere in a block.
    pub(crate) fn block(number: u64) -> Self {
        Self {
            block: Some(number),
            ..Self::default()
        }
    }

    /// An entry, there.
    pub(crate) const fn entry(self, entry: &AppendedEntry) -> Self {
        Self {
            position: Some(entry.position),
            stream: Some(entry.stream.0),
            ..self
        }
    }

    /// A transaction of the block, by its index.
    pub(crate) fn transaction(self, index: u64) -> Self {
        Self {
            transaction_index: Some(index),
            ..self
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [
            ("position", self.position.map(|number| number.to_string())),
            ("stream", self.stream.map(|stream| Hex(stream).to_string())),
            ("block", self.block.map(|number| number.to_string())),
            ("block with the hash", self.block_hash.map(|hash| Hex(hash).to_string())),
            ("transaction", self.transaction.map(|hash| Hex(hash).to_string())),
            (
                "transaction index",
                self.transaction_index.map(|index| index.to_string()),
            ),
            ("log index", self.log_index.map(|index| index.to_string())),
        ];
        let named = named
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| format!("{name} {value}")));
        f.write_str(&named.collect::<Vec<_>>().join(", "))
    }
}

/// What was being proved when it turned out to be wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Check {
    /// That a header has the hash that it must have.
    Header,
    /// That the contract's account is what the block's state root says.
    Account,
    /// That the contract's code is this program's.
    Code,
    /// That a value of the contract's storage is what the state root says.
    Storage,
    /// That a block's transactions are what its header says.
    Transactions,
    /// That a block's receipts are what its header says.
    Receipts,
    /// That a log of the contract is one that the contract writes.
    Log,
    /// That the node's own list of the log's entries is what the receipts say.
    NodesList,
    /// That positions are gapless, from 1 to the head.
    Position,
    /// That the running hash over all entries is the contract's.
    RunningHash,
    /// That a stream's versions are gapless.
    Stream,
    /// That a stream ends where the contract says.
    StreamHead,
    /// That a commit is there with all of its entries.
    Commit,
    /// That who wrote was a writer, and who administered could do so.
    Namespace,
    /// That a rejected commit was rejected at the head that its stream had.
    Rejection,
}

/// What cannot be true. Expected and got are hashes, numbers and short descriptions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// What was being proved.
    pub check: Check,
    /// Where.
    pub place: Place,
    /// What must have been there.
    pub expected: String,
    /// What was there.
    pub got: String,
}

impl Fault {
    pub(crate) fn new(check: Check, place: Place, expected: impl fmt::Display, got: impl fmt::Display) -> Box<Self> {
        Box::new(Self {
            check,
            place,
            expected: text::shown(expected),
            got: text::shown(got),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.check {
            Check::Header => "a header is not that of its block",
            Check::Account => "the contract's account is not what the block's state has",
            Check::Code => "the contract is not this program's event log",
            Check::Storage => "a value of the contract's storage is not what the block's state has",
            Check::Transactions => "the transactions of a block are not those that its header names",
            Check::Receipts => "the receipts of a block are not those that its header names",
            Check::Log => "a log of the contract is none that it writes",
            Check::NodesList => "the node's list of entries is not what the receipts say",
            Check::Position => "an entry is not at the next position",
            Check::RunningHash => "the running hash is not the contract's",
            Check::Stream => "an entry does not have the next version of its stream",
            Check::StreamHead => "the entries of a stream do not end with its head",
            Check::Commit => "a commit is not whole",
            Check::Namespace => "somebody did what they could not do in a namespace",
            Check::Rejection => "a commit was not rejected at the head of its stream",
        };
        write!(f, "{what}")
    }
}

/// A rejection, in a few words.
pub(crate) fn rejection(rejected: &RejectedCommit) -> String {
    format!(
        "commit {} rejected at version {} and tag {}",
        rejected.index,
        rejected.actual.version,
        hex::encode_prefixed(rejected.actual.tag)
    )
}
