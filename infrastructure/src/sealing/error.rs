//! Why something cannot be sealed.

use ring::error::Unspecified;

use crate::keys::KeyRingError;
use crate::log::Namespace;

/// Why a commit cannot be sealed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The subject's key cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// It would stand in a namespace that this organisation does not share.
    #[error("the secret of the shared namespace {0} is not configured (`chain.shared`)")]
    NotOurs(Namespace),
    /// The event has personal bytes and concerns nobody.
    #[error("an event with personal data names no data subject")]
    NoSubject,
    /// The event's time is before 1970.
    #[error("the event's time is outside the calendar")]
    Time,
    /// The event is larger than a transaction can carry.
    #[error("the event has {size} bytes, more than can be appended")]
    TooLarge {
        /// Its size.
        size: usize,
    },
    /// The commit has more events than an entry's place can count.
    #[error("the commit has {0} events, more than can be appended together")]
    TooMany(usize),
    /// The system gives no random bytes, or the cipher refused.
    #[error("the cipher refused")]
    Cipher,
    /// What was sealed does not open as what it was: this machine makes mistakes.
    #[error("what was sealed does not open again")]
    DoesNotOpen,
}

impl From<Unspecified> for SealError {
    fn from(_: Unspecified) -> Self {
        Self::Cipher
    }
}
