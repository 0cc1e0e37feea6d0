//! Accounts: who may sign in, by which wallet or key, in which role (R4, R5, R6).
//!
//! The account of a wallet is named by the wallet (its id is derived from it), so a wallet has at most one, on every
//! server that writes to the log.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;
mod upcaster;

pub use aggregate::{Account, ServiceKey};
pub use command::AccountCommand;
pub use error::AccountError;
pub use event::{AccountEvent, Holder, KeyHash, PatientLogin, Role, Scope};
