//! Why a command to a treatment is refused.

use std::borrow::Cow;

use super::event::Paper;
use crate::kernel::{DomainError, RefusalKind};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TreatmentError {
    /// The paper says that it will be signed.
    #[error("the day on which the paper was signed has not come")]
    NotYetSigned,
    /// It names too many.
    #[error("a paper names at most {} practitioners", Paper::MOST_PRACTITIONERS)]
    TooManyPractitioners,
    /// It is of before what has ended the treatment.
    #[error("the treatment was ended after the paper was signed, or entered: it begins again by a new one")]
    BeforeTheEnd,
    /// They can say it themselves.
    #[error("the patient has a wallet, and agrees by signing in with it")]
    HasWallet,
}

impl DomainError for TreatmentError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotYetSigned | Self::TooManyPractitioners | Self::BeforeTheEnd => RefusalKind::Invalid,
            Self::HasWallet => RefusalKind::WalletBound,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        let field = match self {
            Self::NotYetSigned => "/paper/signedOn",
            Self::TooManyPractitioners => "/paper/practitioners",
            Self::BeforeTheEnd => "/paper",
            Self::HasWallet => "",
        };
        field.into()
    }
}
