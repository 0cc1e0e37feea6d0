//! Why a command to a patient is refused.

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PatientError {
    /// No such patient.
    #[error("the patient is not registered")]
    NotRegistered,
    /// There is such a patient, with other content.
    #[error("the patient is registered already, with other details")]
    AlreadyRegistered,
    /// The caller's version is not the current one.
    #[error("the record is at version {current}, not {expected}")]
    VersionMismatch {
        /// What the caller expected.
        expected: u64,
        /// What it is.
        current: u64,
    },
    /// The identifier names the record; it cannot change.
    #[error("the identifier of a patient cannot change")]
    IdentifierIsFixed,
    /// The patient's key is destroyed or not held here.
    #[error("the record is sealed under a key that is not held here")]
    Sealed,
}
