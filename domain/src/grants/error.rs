//! Why a command to what a patient grants is refused.

use std::borrow::Cow;

use crate::consent::Details;
use crate::kernel::{DomainError, RefusalKind};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GrantsError {
    /// It grants nothing.
    #[error("a grant names at least one category")]
    NoCategory,
    /// It names too many documents.
    #[error("a grant names at most {} documents", Details::MOST_DOCUMENTS)]
    TooManyDocuments,
    /// Nothing is of the period that it is about.
    #[error("the period ends before it begins")]
    PeriodEmpty,
    /// It would be over before it holds.
    #[error("the grant ends before it begins, or has ended already")]
    Expired,
    /// There is no room for more.
    #[error("the patient has prepared as many grants as there may be")]
    Full,
    /// What was granted before cannot be read.
    #[error("what the patient has granted is sealed under a key that is not held here")]
    Sealed,
}

impl DomainError for GrantsError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NoCategory | Self::TooManyDocuments | Self::PeriodEmpty | Self::Expired => RefusalKind::Invalid,
            Self::Full => RefusalKind::Full,
            Self::Sealed => RefusalKind::Sealed,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        let field = match self {
            Self::NoCategory => "/categories",
            Self::TooManyDocuments => "/documents",
            Self::PeriodEmpty => "/until",
            Self::Expired => "/expiry",
            Self::Full | Self::Sealed => "",
        };
        field.into()
    }
}
