//! What a patient has prepared to grant: to whom what, as they sign it. It stands in their record, under its key for access.
//!
//! Preparing allows nothing. A grant holds once the registry of consents has recorded its hash, by the patient's signature
//! ([`crate::registries::consents`]); what is prepared here says what that hash is of.

mod aggregate;
mod command;
mod contradiction;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::Grants;
pub use command::{Epochs, GrantsCommand, Preparation, Proposal, Salts};
pub use error::GrantsError;
pub use event::GrantsEvent;
