//! Why a command to an engagement is refused.

use std::borrow::Cow;

use super::event::Terms;
use crate::kernel::{AggregateType, DomainError, Flaw, RefusalKind, Resource};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EngagementError {
    /// There is no such engagement.
    #[error("there is no such engagement")]
    Missing,
    /// Somebody was engaged otherwise under its id.
    #[error("there is such an engagement already")]
    Exists,
    /// What the case is called is no text that is taken.
    #[error("the reference {0}")]
    Reference(Flaw),
    /// The time that is examined is none.
    #[error("the time that is examined must end after it begins")]
    Backwards,
    /// The time that is examined is too long.
    #[error("at most {} days are examined at once", Terms::MOST_DAYS)]
    TooLong,
    /// It is too short or too long.
    #[error("an auditor is engaged for {} to {} days", Terms::DAYS.start(), Terms::DAYS.end())]
    Days,
}

impl DomainError for EngagementError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::Missing => RefusalKind::Missing(Resource::Aggregate(AggregateType::Engagement)),
            Self::Exists => RefusalKind::Exists,
            Self::Reference(_) | Self::Backwards | Self::TooLong | Self::Days => RefusalKind::Invalid,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        let field = match self {
            Self::Reference(_) => "/reference",
            Self::Backwards | Self::TooLong => "/until",
            Self::Days => "/days",
            Self::Missing | Self::Exists => "",
        };
        field.into()
    }
}
