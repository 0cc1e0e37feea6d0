//! Why an audit does not go on.

use infrastructure::chain::contract::ArtifactError;
use infrastructure::chain::{Address, ChainError, Hash};
use infrastructure::follower::FollowerError;

use crate::fault::{Check, Fault, Place};
use crate::text::Hex;

/// Why an audit could not be made: nothing is said of the log then.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The node does not give what must be looked at.
    #[error("the node does not give {what}: {source}")]
    Unanswered {
        /// What it was asked for.
        what: String,
        /// What it said, or why it said nothing.
        source: ChainError,
    },
    /// The node has no block with the hash that is trusted: it is not that chain's, or the node is not as far.
    #[error("the node has no block with the hash {0}")]
    NoBlock(Hex<Hash>),
    /// It is proved that no contract stands at the address.
    #[error("no contract stands at {contract} in block {block}")]
    NoContract {
        /// The address.
        contract: Address,
        /// The number of the block.
        block: u64,
    },
    /// A block has something that this program does not know yet.
    #[error("block {block} has {what}, which this program does not know: a newer one may")]
    Unknown {
        /// The block.
        block: u64,
        /// What it has.
        what: String,
    },
    /// The patient's streams have no entry.
    #[error(
        "the log has no patient with this id up to block {block}: no entry stands in a stream of that name, under the secret and the namespace that are \
         configured"
    )]
    NoPatient {
        /// The number of the block.
        block: u64,
    },
    /// What is proved cannot be opened.
    #[error("the entries cannot be opened: {0}")]
    Opening(#[source] FollowerError),
    /// The program was built badly.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

/// Why a step does not go on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something cannot be true.
    Fault(Box<Fault>),
    /// It cannot be looked at.
    Error(AuditError),
}

impl From<Box<Fault>> for Stop {
    fn from(fault: Box<Fault>) -> Self {
        Self::Fault(fault)
    }
}

impl From<AuditError> for Stop {
    fn from(error: AuditError) -> Self {
        Self::Error(error)
    }
}

impl From<ArtifactError> for Stop {
    fn from(error: ArtifactError) -> Self {
        Self::Error(error.into())
    }
}

impl Stop {
    /// A question without an answer. An answer that makes no sense is a fault: whoever asks cannot be shown another chain by it, but it
    /// is no answer that an honest node gives.
    pub(crate) fn unanswered(check: Check, place: Place, what: impl std::fmt::Display, source: ChainError) -> Self {
        match source {
            ChainError::Malformed(_) | ChainError::Inconsistent(_) => Fault::new(check, place, what, source).into(),
            source => Self::Error(AuditError::Unanswered {
                what: what.to_string(),
                source,
            }),
        }
    }
}
