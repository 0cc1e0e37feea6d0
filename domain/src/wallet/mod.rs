//! A wallet's claim: which account it signs in to.
//!
//! Its id is derived from the wallet, so a wallet has one claim on every server that writes to the log, and one account at most. It is
//! claimed and released in the same commit as the account is bound ([`crate::account`]). Neither event holds the wallet itself.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::WalletClaim;
pub use command::WalletCommand;
pub use error::WalletError;
pub use event::WalletEvent;
