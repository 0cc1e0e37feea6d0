//! Why a command to a practitioner is refused.

use std::borrow::Cow;

use crate::kernel::{AggregateType, DomainError, RefusalKind, Resource};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PractitionerError {
    /// No such practitioner.
    #[error("the practitioner is not registered")]
    NotRegistered,
    /// There is such a practitioner, with other content.
    #[error("the practitioner is registered already, with other details")]
    AlreadyRegistered,
    /// There is such a practitioner, whose calendar stands elsewhere.
    #[error("the practitioner is registered already, with another calendar")]
    CalendarIsFixed,
    /// A practitioner has at least one specialization.
    #[error("a practitioner needs at least one specialization")]
    NoSpecialization,
    /// Identifier and time zone name the entry and its calendars; they cannot change.
    #[error("the identifier and the time zone of a practitioner cannot change")]
    IdentityIsFixed,
    /// Only a hospital says under which other identifiers a practitioner is known.
    #[error("only a hospital says which identifiers of another system are a practitioner's")]
    NamesAreTheHospitals,
    /// Who they are cannot be told: the practitioner's key is destroyed or not held here.
    #[error("the entry is sealed under a key that is not held here")]
    Sealed,
    /// Only a hospital says as of when its system told something.
    #[error("only a hospital says as of when a source tells something")]
    DatesAreTheHospitals,
}

impl DomainError for PractitionerError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotRegistered => RefusalKind::Missing(Resource::Aggregate(AggregateType::Practitioner)),
            Self::AlreadyRegistered | Self::CalendarIsFixed => RefusalKind::Exists,
            Self::NoSpecialization | Self::NamesAreTheHospitals | Self::DatesAreTheHospitals => RefusalKind::Invalid,
            Self::IdentityIsFixed => RefusalKind::IdentityFixed,
            Self::Sealed => RefusalKind::Sealed,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        let field = match self {
            Self::NoSpecialization => "/specializations",
            Self::NamesAreTheHospitals => "/otherIdentifiers",
            Self::DatesAreTheHospitals => "/asOf",
            _ => "",
        };
        field.into()
    }
}
