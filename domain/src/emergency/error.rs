//! Why a command to an emergency is refused.

use std::borrow::Cow;

use super::event::Opened;
use crate::kernel::{AggregateType, DomainError, Flaw, RefusalKind, Resource};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EmergencyError {
    /// Nobody has opened it, or not this practitioner.
    #[error("this practitioner has not opened the record in such an emergency")]
    NotOpened,
    /// Something else was opened under its id.
    #[error("there is such an emergency already")]
    Exists,
    /// The reason is no text that is taken.
    #[error("the reason {0}")]
    Reason(Flaw),
    /// The justification is none.
    #[error("the justification {0}")]
    Justification(Flaw),
    /// There is nothing to open.
    #[error("what of the record is opened must be said")]
    Nothing,
    /// It is not for emergencies.
    #[error("bills, who may read, and what is sensitive are not opened in an emergency")]
    NotForEmergencies,
    /// It is too short or too long.
    #[error("a record is opened for {} to {} minutes", Opened::MINUTES.start(), Opened::MINUTES.end())]
    Minutes,
    /// As many are open as may be.
    #[error("a practitioner has a record open in at most {} emergencies at once", Opened::MOST)]
    TooMany,
    /// It was justified otherwise.
    #[error("the emergency is justified, and what was said stays")]
    Justified,
    /// The time to justify it has not passed.
    #[error("the time to justify it has not passed")]
    NotDue,
    /// What is known of it cannot be read here.
    #[error("what is known of the emergency cannot be read without a key that is not held here")]
    Sealed,
}

impl DomainError for EmergencyError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotOpened => RefusalKind::Missing(Resource::Aggregate(AggregateType::Emergency)),
            Self::Exists => RefusalKind::Exists,
            Self::TooMany => RefusalKind::Full,
            Self::Justified => RefusalKind::Status,
            Self::NotDue => RefusalKind::NotYetBegun,
            Self::Sealed => RefusalKind::Sealed,
            Self::Reason(_) | Self::Justification(_) | Self::Nothing | Self::NotForEmergencies | Self::Minutes => {
                RefusalKind::Invalid
            }
        }
    }

    fn field(&self) -> Cow<'static, str> {
        let field = match self {
            Self::Reason(_) => "/reason",
            Self::Justification(_) => "/text",
            Self::Nothing | Self::NotForEmergencies => "/categories",
            Self::Minutes => "/minutes",
            Self::NotOpened | Self::Exists | Self::TooMany | Self::Justified | Self::NotDue | Self::Sealed => "",
        };
        field.into()
    }
}
