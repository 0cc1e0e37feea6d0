//! Why a command to a patient is refused.

use std::borrow::Cow;

use super::matter::Matter;
use crate::kernel::{DomainError, RefusalKind, Resource};

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

impl Place {
    /// Where it stands, as a JSON pointer from the details or from the intake.
    fn pointer(self) -> Cow<'static, str> {
        match self {
            Self::Details => "/asOf".into(),
            Self::Finding(matter, index) => format!("/{}/{index}/asOf", matter).into(),
            Self::Source(matter, index) => format!("/{}/{index}/sources", matter).into(),
            Self::Withdrawn(None) => "/withdrawn".into(),
            Self::Withdrawn(Some(index)) => format!("/withdrawn/{index}").into(),
            Self::Words(None) => "/words".into(),
            Self::Words(Some(index)) => format!("/words/{index}").into(),
        }
    }
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

impl PatientError {
    /// Whether, of a registration, the intake is at fault; otherwise the details are.
    pub const fn is_of_the_intake(&self) -> bool {
        match self {
            Self::DatesAreTheHospitals(place) | Self::ToldInTheFuture(place) => !matches!(place, Place::Details),
            _ => false,
        }
    }
}

impl DomainError for PatientError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotRegistered => RefusalKind::Missing(Resource::Patient),
            Self::AlreadyRegistered => RefusalKind::Exists,
            Self::IdentifierIsFixed => RefusalKind::IdentityFixed,
            Self::NamesAreTheHospitals
            | Self::DatesAreTheHospitals(_)
            | Self::ToldInTheFuture(_)
            | Self::BornInTheFuture
            | Self::DiedInTheFuture
            | Self::DiedBeforeBirth => RefusalKind::Invalid,
            Self::Sealed => RefusalKind::Sealed,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        match self {
            Self::NamesAreTheHospitals => "/otherIdentifiers".into(),
            Self::DatesAreTheHospitals(place) | Self::ToldInTheFuture(place) => place.pointer(),
            Self::BornInTheFuture => "/birthDate".into(),
            Self::DiedInTheFuture | Self::DiedBeforeBirth => "/deceased".into(),
            Self::IdentifierIsFixed => "/identifier".into(),
            Self::NotRegistered | Self::AlreadyRegistered | Self::Sealed => "".into(),
        }
    }
}
