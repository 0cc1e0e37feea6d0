//! Why a command to a wallet's claim is refused.

use crate::kernel::{DomainError, RefusalKind};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WalletError {
    /// The wallet signs in to another account.
    #[error("the wallet has an account already")]
    Taken,
}

impl DomainError for WalletError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::Taken => RefusalKind::AccountExists,
        }
    }
}
