//! The entries of the log as auditors see them: where each stands, from whom and since when, and whether it counts. Never what it says, nor
//! of whom.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::Wallet;
use serde::{Deserialize, Serialize};
use strum::VariantNames;

use crate::log::{Finality, Position, StreamId};
use crate::ports::StoreError;
use crate::ports::queries::Page;

/// What an entry is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum EntryKind {
    /// A sealed event of ours, which is in the read models.
    Sealed,
    /// A sealed event of ours that cannot be read just now, or stands behind one.
    Parked,
    /// In a stream of ours, and means nothing: [`VoidReason`] says why.
    Void,
    /// In the record of somebody who is erased: what it was nobody can tell any more.
    Erased,
    /// What another contract recorded that is believed.
    Recorded,
    /// In a stream that is not ours.
    Foreign,
    /// What an owner of a namespace did. Nothing of it is sealed.
    Administrative,
}

/// Why an entry in a stream of ours means nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum VoidReason {
    /// Its format is none that was ever written here.
    UnknownFormat,
    /// It is of an epoch that the namespace never had.
    UnknownEpoch,
    /// It has not the form of a payload.
    Malformed,
    /// It was altered, moved or copied, or sealed under another key.
    NotAuthentic,
    /// It is sealed under another key than events like it.
    OtherKey,
    /// The entries beside it are not those that it was sealed with.
    CommitNotWhole,
    /// It, or an entry of its commit, comes after the erasure of its data subject.
    AfterErasure,
    /// It, or an entry of its commit, comes after the closing of its chapter of a record.
    AfterClosing,
    /// It, or an entry of its commit, is of a chapter of a record before which another one is still open.
    BeforeItsChapter,
    /// It is authentic, in a namespace that several organisations share, and against the rules that all of them hold to.
    Overruled,
}

/// An entry of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryView {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// The number of its block.
    pub block: u64,
    /// When the block was made, as its header says.
    pub block_time: DateTime<Utc>,
    /// The hash of its transaction.
    pub transaction: [u8; 32],
    /// Whether its block is final.
    pub finality: Finality,
    /// Who wrote it; `None` for what is administrative, which the contract itself writes.
    pub writer: Option<Wallet>,
    /// Which of its commit's entries it is, from 0.
    pub index: u16,
    /// How many entries the commit has.
    pub count: u16,
    /// What it is.
    pub kind: EntryKind,
    /// Why it means nothing, if it is void.
    pub void: Option<VoidReason>,
    /// When it was decided, as it says itself; `None` where that cannot be read.
    pub claimed_at: Option<DateTime<Utc>>,
}

/// Which entries. All conditions must hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EntryFilter {
    /// In this stream.
    pub stream: Option<StreamId>,
    /// At this position or later.
    pub from: Option<Position>,
    /// At this position or earlier.
    pub to: Option<Position>,
    /// Void, or not void.
    pub void: Option<bool>,
    /// In blocks that were made at this instant or later.
    pub since: Option<DateTime<Utc>>,
    /// In blocks that were made before this instant.
    pub until: Option<DateTime<Utc>>,
}

/// The journal of the log.
#[async_trait]
pub trait LogEntries: Send + Sync + 'static {
    /// Entries in the order of their positions.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn entries(&self, filter: &EntryFilter, page: Page<Position>) -> Result<Vec<EntryView>, StoreError>;
}
