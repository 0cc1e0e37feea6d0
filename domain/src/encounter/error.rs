//! Why a command to an encounter is refused.

use std::borrow::Cow;

use super::event::EncounterStatus;
use crate::kernel::{DomainError, RefusalKind, Resource};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EncounterError {
    /// It has no length.
    #[error("an encounter must last at least one minute")]
    Empty,
    /// It has not begun yet.
    #[error("the visit has not begun yet")]
    NotYetBegun,
    /// There is no such encounter.
    #[error("no such encounter")]
    Unknown,
    /// It is recorded already, with other content.
    #[error("the visit exists already, with other content")]
    AlreadyExists,
    /// The id is that of a visit that is certainly, or as far as their names tell, another one.
    #[error("another visit is recorded under this identifier")]
    AnotherVisit,
    /// Several recorded visits may be meant, and nothing tells which.
    #[error("it may be any of several recorded visits, and nothing tells which")]
    Ambiguous,
    /// The source has told a newer state of it before, or another one of the same moment, or somebody here has concluded what this state leaves open.
    #[error("what is recorded of the visit is as new as this, or newer")]
    Superseded,
    /// Its status does not allow it.
    #[error("the visit is {status}")]
    WrongStatus {
        /// Where it stands.
        status: EncounterStatus,
    },
    /// It is one of the past that another system tells of, and is neither confirmed nor moved here.
    #[error("a recorded visit is neither confirmed nor moved")]
    Recorded,
    /// It is sealed under a key that is not held here, and cannot be compared with what is told.
    #[error("the visit is sealed under a key that is not held here")]
    Sealed,
}

impl DomainError for EncounterError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::Empty => RefusalKind::Invalid,
            Self::NotYetBegun => RefusalKind::NotYetBegun,
            Self::Unknown => RefusalKind::Missing(Resource::Appointment),
            Self::AlreadyExists | Self::AnotherVisit => RefusalKind::Exists,
            Self::Ambiguous => RefusalKind::Ambiguous,
            Self::Superseded => RefusalKind::Superseded,
            Self::WrongStatus { .. } => RefusalKind::Status,
            Self::Recorded => RefusalKind::Recorded,
            Self::Sealed => RefusalKind::Sealed,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        let field = match self {
            Self::Empty => "/minutes",
            _ => "",
        };
        field.into()
    }
}
