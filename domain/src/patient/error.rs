//! Why a command to a patient is refused.

use super::event::Matter;

/// Where, in what is told of a patient, it stands what a source has told, and as of when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the details.
    Details,
    /// In the finding of this index in one of the three lists.
    Finding(Matter, usize),
    /// In what the source calls the finding of this index in one of the three lists.
    Source(Matter, usize),
    /// In what was taken back, at this index; `None` when it is about all of it, for something is missing.
    Withdrawn(Option<usize>),
    /// In when it was said that none are known, at this index; `None` when it is about all of it, for something is missing.
    Words(Option<usize>),
}

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
    /// Only a hospital says under which other identifiers a patient is known.
    #[error("only a hospital says which identifiers of another system are a patient's")]
    NamesAreTheHospitals,
    /// Only a hospital says as of when its system told something.
    #[error("only a hospital says as of when a source tells something, and what it has taken back")]
    DatesAreTheHospitals(Place),
    /// What is told is said to be of a time that is still to come.
    #[error("the time as of which this is told lies in the future")]
    ToldInTheFuture(Place),
    /// The date of birth is still to come, wherever one is.
    #[error("the date of birth lies in the future")]
    BornInTheFuture,
    /// The death is still to come, wherever one is.
    #[error("the death lies in the future")]
    DiedInTheFuture,
    /// The death was before the day of birth, wherever that was.
    #[error("the death lies before the date of birth")]
    DiedBeforeBirth,
    /// The patient's key is destroyed or not held here.
    #[error("the record is sealed under a key that is not held here")]
    Sealed,
}
