//! Why a command to a practitioner is refused.

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PractitionerError {
    /// No such practitioner.
    #[error("the practitioner is not registered")]
    NotRegistered,
    /// There is such a practitioner, with other content.
    #[error("the practitioner is registered already, with other details")]
    AlreadyRegistered,
    /// A practitioner has at least one specialization.
    #[error("a practitioner needs at least one specialization")]
    NoSpecialization,
    /// The caller's version is not the current one.
    #[error("the entry is at version {current}, not {expected}")]
    VersionMismatch {
        /// What the caller expected.
        expected: u64,
        /// What it is.
        current: u64,
    },
    /// Identifier and time zone name the entry and its calendars; they cannot change.
    #[error("the identifier and the time zone of a practitioner cannot change")]
    IdentityIsFixed,
    /// Only a hospital says as of when its system told something.
    #[error("only a hospital says as of when a source tells something")]
    DatesAreTheHospitals,
}
