//! The follower: blocks become journal rows and read models, whole blocks in one transaction. The only writer of either.
//!
//! It promises that journal, read models and checkpoint always belong together, whenever it is killed; that nothing is applied
//! which the contract's running hash does not vouch for; and that after a reorganisation inside the window they are what a fresh
//! rebuild would make of the chain as it is now.
//!
//! - [`window`]: the blocks that can still be undone, and where a node's chain parts from them. Pure.
//! - [`trust`]: what a node must show before it is believed. Pure.
//! - `finality`: what is final, compared by hash.
//! - `opening`: entries become events, or are foreign or void, or are parked with their stream. `tips`: what they were sealed behind. `authors`: who has written
//!   in namespaces that are shared. `overruling`: what counts there.
//! - `apply`: one run of blocks, one transaction; and its reverse. `connection`: the one for it.
//! - `rejections`: what a node says about rejected commits, held against what is known. `witness`: what the other nodes say.
//!   [`writers`]: who could append, as the log tells. `standby`: which of several nodes is asked first.
//! - `told`: what the log has told so far: `erasures`, who is erased; `chapters`, which chapters of records are closed; `believed`, which plain
//!   entries of other contracts count; `published`, in which formats and epochs entries may be written; `held`, what is parked.
//! - `block_times`: when blocks were made. `entries`: the journal as auditors see it. `key_check`: whether the keys are there that it needs.
//! - `parking`: another try at what is parked. `restored`: when a key has come.
//! - `missing_keys`: whether every data subject of ours has a key, and every epoch its secret. `shared_namespaces`: whether what is shared can be read.
//! - `schema_hash`: which SQL made a schema. `kind`: what a schema must have been made by for a follower to write into it.
//! - `record`: one patient's record alone, for whoever has proved what stands in it.
//! - `refold`: whether the decisions followed the rules. `comparing`: whether what is live is what was folded afresh.
//! - `rebuild`: everything once more, from the chain alone, beside what is live.
//! - `runner`: the loop, and one step of it. `config`: how it follows. `pace`: how often it asks. `start`: where it begins.
//!   `catching_up`: when it is far behind. `reorganisation`: when the node's chain is another one. `reanchoring`: when blocks were made
//!   anew with the same log. `reporting`, [`status`]: what it tells about itself.
//!
//! Two followers may run on one database: a row lock on the checkpoint decides whose transaction applies a block, and the other
//! finds it applied and only tells its own process.

mod apply;
mod authors;
mod believed;
mod block_times;
mod catching_up;
mod chapters;
mod checkpoint;
mod claim;
mod comparing;
mod config;
mod connection;
mod copy;
mod entries;
mod erasures;
mod finality;
mod held;
mod journal;
mod journaled;
mod key_check;
mod kind;
mod made_of;
mod missing_keys;
mod numbers;
mod opening;
mod overruling;
mod overview;
mod pace;
mod parking;
mod published;
mod reanchoring;
mod rebuild;
mod record;
mod refold;
mod rejections;
mod reorganisation;
mod reporting;
mod restored;
mod runner;
mod schema;
mod schema_hash;
mod shared_namespaces;
mod standby;
mod start;
pub mod status;
mod tables;
mod tips;
mod told;
pub mod trust;
pub mod window;
mod witness;
pub mod writers;

pub use checkpoint::{Followed, followed, followed_log, is_current_and_made_of};
pub use comparing::{Noted, block_of, erasures, first_difference, later_chapters, standing};
pub use config::FollowerConfig;
pub use entries::PostgresEntries;
pub use key_check::{CheckedKeys, check_keys};
pub use made_of::MadeOf;
pub use opening::Fate;
pub use overview::{LogAndOutbox, erased_entries, parked_events};
pub use parking::{Parking, Retried};
pub use published::{Published, rests_on_profiles};
pub use rebuild::{Phase, Rebuild, RebuildError, RebuildProgress, RebuildReport, Refolded};
pub use record::{ReadChapter, ReadEntry, RecordCommit, RecordNames, read_record};
pub use refold::{Contradicted, Refold};
pub use runner::Follower;
pub use schema::{create as create_schema, prepare};
pub use schema_hash::is_current;
pub use shared_namespaces::{SharedFindings, look as look_at_shared_namespaces};

use application::log::Position;
use application::trouble::TroubleKind;
use serde::{Deserialize, Serialize};

use crate::chain::ChainError;
use crate::chain::RecorderError;
use crate::chain::deploy::DeployError;
use crate::keys::{EpochNumber, KeyRingError};
use crate::postgres;

use self::trust::Distrust;

/// When a block can no longer be undone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FinalityRule {
    /// At once: a permissioned network such as QBFT, or a development chain.
    Instant,
    /// When so many blocks stand on it.
    Confirmations(u64),
    /// When the node's `finalized` tag has reached it.
    #[default]
    Finalized,
}

impl std::fmt::Display for FinalityRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Instant => f.write_str("instant"),
            Self::Confirmations(blocks) => write!(f, "confirmations({blocks})"),
            Self::Finalized => f.write_str("finalized"),
        }
    }
}

/// Why the follower does not go on. It tries again; nothing is half done.
#[derive(Debug, thiserror::Error)]
pub enum FollowerError {
    /// The node does not answer, or not in the form it should.
    #[error("the chain cannot be read: {0}")]
    Chain(#[from] ChainError),
    /// The node is not believed.
    #[error(transparent)]
    Distrust(#[from] Distrust),
    /// The database does not answer.
    #[error("the database refuses: {0}")]
    Database(#[from] sqlx::Error),
    /// A read model could not be written.
    #[error("a read model could not be written")]
    Projector(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The key ring does not answer.
    #[error("the data subjects' keys: {0}")]
    Keys(#[from] KeyRingError),
    /// Another follower moved the checkpoint: it is read again.
    #[error("another follower moved the checkpoint")]
    Moved,
    /// The contract is not the one that this program knows.
    #[error(transparent)]
    Contract(DeployError),
    /// A contract that is to be believed is not there, or not as it must be.
    #[error("a contract of `chain.recorders` cannot be believed: {0}")]
    Recorder(RecorderError),
    /// The read models are made of what other secrets open or other contracts record than those that are configured.
    #[error(
        "the read models were made of {found}, and `keys.master_secret`, `chain.recorders` and `chain.shared` name {configured}: correct the configuration if a contract, a namespace or a secret (by its check value) is wrong there, or else run `medconnect rebuild`"
    )]
    MadeOfOther {
        /// What they were made of.
        found: MadeOf,
        /// What is configured.
        configured: MadeOf,
    },
    /// An event that this program does not know how to read. Nothing of its block was written.
    #[error(
        "the event at position {position} is of {what}, which a newer version of medconnect wrote; update this one"
    )]
    Newer {
        /// The event's place in the log.
        position: Position,
        /// What is not known of it.
        what: Newer,
    },
    /// An event of an epoch that the log has published and whose secret is not here. Nothing of its block was written.
    #[error("the event at position {position} is sealed in epoch {epoch}, whose secret is not here")]
    EpochMissing {
        /// The event's place in the log.
        position: Position,
        /// The epoch.
        epoch: EpochNumber,
    },
    /// The tables are of another version of the program.
    #[error("the read models' tables were made by another version of medconnect; run `medconnect rebuild`")]
    OtherShape,
}

/// What a newer version of the program has written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Newer {
    /// An authentic event of this schema.
    Schema(u8),
    /// A payload of this format, which its namespace's owner has published.
    Format(u8),
}

impl std::fmt::Display for Newer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Schema(schema) => write!(f, "schema {schema}"),
            Self::Format(format) => write!(f, "payload format {format}"),
        }
    }
}

impl From<DeployError> for FollowerError {
    fn from(error: DeployError) -> Self {
        match error {
            DeployError::Chain(error) => error.into(),
            other => Self::Contract(other),
        }
    }
}

impl From<RecorderError> for FollowerError {
    fn from(error: RecorderError) -> Self {
        match error {
            RecorderError::Chain(error) => error.into(),
            other => Self::Recorder(other),
        }
    }
}

impl FollowerError {
    /// Whether it is the node that is wrong, so that another may be right.
    pub(crate) const fn is_distrust(&self) -> bool {
        matches!(self, Self::Distrust(_) | Self::Contract(_) | Self::Recorder(_))
    }

    /// What kind of trouble it is.
    const fn kind(&self) -> TroubleKind {
        match self {
            Self::Chain(ChainError::Inconsistent(_) | ChainError::Malformed(_)) | Self::Distrust(_) => {
                TroubleKind::NodeNotBelieved
            }
            Self::Chain(_) => TroubleKind::FollowerWithoutNode,
            Self::Database(_) => TroubleKind::FollowerWithoutDatabase,
            Self::Projector(_) => TroubleKind::ReadModelUnwritable,
            Self::Keys(_) => TroubleKind::KeysUnavailable,
            Self::Moved => TroubleKind::CheckpointMoved,
            Self::Contract(_) => TroubleKind::ContractMissing,
            Self::Recorder(_) => TroubleKind::RecorderUnusable,
            Self::MadeOfOther { .. } => TroubleKind::ReadModelsOfAnotherConfiguration,
            Self::Newer { .. } => TroubleKind::EventOfANewerVersion,
            Self::EpochMissing { .. } => TroubleKind::EpochMissing,
            Self::OtherShape => TroubleKind::ReadModelsOfAnotherVersion,
        }
    }

    /// Whether the node does not give what is needed. It may in a moment; another may at once.
    pub(crate) const fn is_the_chains(&self) -> bool {
        matches!(self, Self::Chain(_))
    }

    /// What may be said about it to whoever looks after the server: never what stands in a row, which a database's own words
    /// may repeat.
    fn told(&self) -> String {
        match (self, postgres::refusal(self)) {
            (Self::Database(_), Some(refusal)) => format!("the database refuses ({refusal})"),
            (other, Some(refusal)) => format!("{other} ({refusal})"),
            (other, None) => other.to_string(),
        }
    }
}
