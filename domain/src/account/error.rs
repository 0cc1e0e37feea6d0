//! Why a command to an account is refused.

use std::borrow::Cow;

use crate::kernel::{AggregateType, DomainError, RefusalKind, Resource};

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AccountError {
    /// No such account.
    #[error("there is no such account")]
    NotOpen,
    /// The account exists, for another holder.
    #[error("the account exists already, for another holder")]
    AlreadyOpen,
    /// The account is closed.
    #[error("the account is closed")]
    Closed,
    /// Only services have keys.
    #[error("only a service has keys")]
    NotAService,
    /// The role cannot be held that way.
    #[error("an account of this role cannot be opened here")]
    RoleNotAllowed,
    /// A key needs a scope.
    #[error("must not be empty")]
    NoScope,
    /// The expiry is not in the future.
    #[error("must be in the future")]
    AlreadyExpired,
    /// There is a key with this id.
    #[error("the key exists already")]
    KeyExists,
    /// There is no key with this id.
    #[error("there is no such key")]
    UnknownKey,
    /// Another wallet is bound: it takes that one's signature, or a registrar.
    #[error("the account has a wallet already")]
    WalletBound,
    /// Another wallet is bound than the command names, or none.
    #[error("this is not the account's wallet")]
    NotTheWallet,
    /// Who signs in has changed since this was allowed.
    #[error("the invitation has been used")]
    InvitationUsed,
    /// Services have no wallets.
    #[error("a service has no wallet")]
    NotAPerson,
    /// Whose account it is cannot be told: the holder's key is destroyed or not held here.
    #[error("the account is sealed under a key that is not held here")]
    Sealed,
}

impl DomainError for AccountError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotOpen => RefusalKind::Missing(Resource::Aggregate(AggregateType::Account)),
            Self::UnknownKey => RefusalKind::Missing(Resource::Key),
            Self::AlreadyOpen => RefusalKind::AccountExists,
            Self::Closed => RefusalKind::AccountClosed,
            Self::NotAService => RefusalKind::NotAService,
            Self::RoleNotAllowed | Self::NoScope | Self::AlreadyExpired => RefusalKind::Invalid,
            Self::KeyExists => RefusalKind::KeyExists,
            Self::WalletBound | Self::InvitationUsed => RefusalKind::WalletBound,
            Self::NotTheWallet => RefusalKind::NotTheWallet,
            Self::NotAPerson => RefusalKind::NotAPerson,
            Self::Sealed => RefusalKind::Sealed,
        }
    }

    fn field(&self) -> Cow<'static, str> {
        let field = match self {
            Self::RoleNotAllowed => "/role",
            Self::NoScope => "/scopes",
            Self::AlreadyExpired => "/expires",
            _ => "",
        };
        field.into()
    }
}
