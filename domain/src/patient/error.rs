//! Why a command to a patient is refused.

use std::borrow::Cow;

use crate::kernel::{AggregateType, DomainError, RefusalKind, Resource};

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
    #[error("only a hospital says as of when a source tells something")]
    DatesAreTheHospitals,
    /// Only a hospital says as of when its system told each detail.
    #[error("only a hospital says as of when a source tells a detail")]
    DetailDatesAreTheHospitals,
    /// A detail is said to be told as of a time that is still to come.
    #[error("the time as of which a detail is told lies in the future")]
    DetailToldInTheFuture,
    /// What is told is said to be of a time that is still to come.
    #[error("the time as of which this is told lies in the future")]
    ToldInTheFuture,
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

impl DomainError for PatientError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotRegistered => RefusalKind::Missing(Resource::Aggregate(AggregateType::Patient)),
            Self::AlreadyRegistered => RefusalKind::Exists,
            Self::IdentifierIsFixed => RefusalKind::IdentityFixed,
            Self::NamesAreTheHospitals
            | Self::DatesAreTheHospitals
            | Self::DetailDatesAreTheHospitals
            | Self::DetailToldInTheFuture
            | Self::ToldInTheFuture
            | Self::BornInTheFuture
            | Self::DiedInTheFuture
            | Self::DiedBeforeBirth => RefusalKind::Invalid,
            Self::Sealed => RefusalKind::Sealed,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        match self {
            Self::NamesAreTheHospitals => "/otherIdentifiers".into(),
            Self::DatesAreTheHospitals | Self::ToldInTheFuture => "/asOf".into(),
            Self::DetailDatesAreTheHospitals | Self::DetailToldInTheFuture => "/detailDates".into(),
            Self::BornInTheFuture => "/birthDate".into(),
            Self::DiedInTheFuture | Self::DiedBeforeBirth => "/deceased".into(),
            Self::IdentifierIsFixed => "/identifier".into(),
            Self::NotRegistered | Self::AlreadyRegistered | Self::Sealed => "".into(),
        }
    }
}
