//! Why a chapter is not closed.

use crate::kernel::{AggregateType, DomainError, RefusalKind, Resource};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChaptersError {
    /// It has not begun.
    #[error("the chapter has not begun")]
    NotBegun,
    /// There is no number for another one behind it.
    #[error("a record has no more chapters than 65,536")]
    Last,
}

impl DomainError for ChaptersError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotBegun => RefusalKind::Missing(Resource::Aggregate(AggregateType::Chapters)),
            Self::Last => RefusalKind::Full,
        }
    }
}
