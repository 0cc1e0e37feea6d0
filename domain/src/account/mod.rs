//! Accounts: who may sign in, by which wallet or key, in which role (R4, R5, R6).
//!
//! A person's account has one wallet at a time. It is bound by its own signature, which is kept in the event, and by what entitles it:
//! an invitation, the registration itself, or the former wallet's signature. That a wallet has one account is kept by
//! [`crate::claims`], in the same commit.

mod aggregate;
mod command;
mod contradiction;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::{Account, ServiceKey};
pub use command::AccountCommand;
pub use error::AccountError;
pub use event::{AccountEvent, Binding, Holder, KeyHash, OfSubject, Proof, Role, Said, Scope, Title};
