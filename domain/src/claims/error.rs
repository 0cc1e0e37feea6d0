//! Why a command to a bucket of claims is refused.

use crate::kernel::{DataSubject, DomainError, RefusalKind};

/// A refusal.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClaimsError {
    /// The identifier names somebody else.
    #[error("the identifier names somebody else")]
    Identifier {
        /// Whom it names.
        names: DataSubject,
    },
    /// The wallet signs in to another account.
    #[error("the wallet has an account already")]
    Wallet,
}

impl DomainError for ClaimsError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::Identifier { .. } => RefusalKind::Exists,
            Self::Wallet => RefusalKind::AccountExists,
        }
    }
}
