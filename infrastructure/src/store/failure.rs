//! Why a command could not be carried through, apart from the aggregate's own refusal.

use application::ports::command::{CommandError, Unavailable};

use super::journal::JournalError;
use crate::keys::KeyRingError;
use crate::postgres;
use crate::sealing::SealError;

/// A failure of the write side.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Somebody else changed the stream, or may have: decide again.
    #[error("the stream has moved on")]
    Overtaken,
    /// The stream has an event that cannot be read.
    #[error("the stream is held back")]
    HeldBack,
    /// Whom it is about is erased.
    #[error("the stream has ended with an erasure")]
    Erased,
    /// Something is not there just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// An event is larger than a transaction can carry.
    #[error("an event is larger than a transaction can carry")]
    TooLarge,
    /// A fault of ours.
    #[error("internal fault")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    pub(super) fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// The command's error. `attempts` is how often it was decided.
    pub(super) fn into_error<E>(self, attempts: u32) -> CommandError<E> {
        match self {
            Self::Overtaken => CommandError::Conflict { attempts },
            Self::HeldBack => CommandError::HeldBack,
            Self::Erased => CommandError::Erased,
            Self::TooLarge => CommandError::TooLarge,
            Self::Unavailable(what) => CommandError::Unavailable(what),
            Self::Internal(cause) => CommandError::Internal(cause),
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Unavailable(cause) => {
                tracing::warn!(error = postgres::told(&*cause), "the journal cannot be read");
                Self::Unavailable(Unavailable::Database)
            }
            malformed @ JournalError::Malformed(_) => Self::internal(malformed),
        }
    }
}

impl From<KeyRingError> for Failure {
    fn from(error: KeyRingError) -> Self {
        if is_database(&error) {
            tracing::warn!(error = postgres::told(&error), "the keys cannot be read");
            Self::Unavailable(Unavailable::Database)
        } else if error.is_missing() {
            tracing::error!("a command concerns somebody whose key is not here");
            Self::HeldBack
        } else if matches!(error, KeyRingError::EpochMissing(_)) {
            tracing::error!(%error, "nothing can be sealed");
            Self::Unavailable(Unavailable::NotAppending)
        } else if error.is_destroyed() {
            Self::Erased
        } else {
            Self::internal(error)
        }
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Keys(error) => error.into(),
            SealError::TooLarge { .. } => Self::TooLarge,
            error @ SealError::NotOurs(_) => {
                tracing::error!(%error, "nothing can be sealed");
                Self::Unavailable(Unavailable::NotAppending)
            }
            error => Self::internal(error),
        }
    }
}

fn is_database(error: &KeyRingError) -> bool {
    match error {
        KeyRingError::Database(_) => true,
        KeyRingError::Shared(shared) => is_database(shared),
        KeyRingError::Unwrap(_)
        | KeyRingError::Secret(_)
        | KeyRingError::Missing
        | KeyRingError::Destroyed
        | KeyRingError::EpochMissing(_) => false,
    }
}
