//! Why the erasure of a data subject is refused.

use crate::kernel::{DomainError, RefusalKind};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ErasureError {
    /// Without the names of the keys nobody could destroy one that a backup brings back.
    #[error("no key of this data subject is here: restore it first")]
    NoKey,
}

impl DomainError for ErasureError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NoKey => RefusalKind::Sealed,
        }
    }
}
