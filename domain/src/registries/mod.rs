//! What the contracts record that decide who may read, and who is a practitioner: their entries of the log, and what is known from them.
//!
//! The contracts define it (`IConsentRegistry.sol`, `IPractitionerRegistry.sol`); what is known here from their entries alone must be what they report.
//!
//! - `consents`: of patients; `consent_entry`: how their entries are packed. `practitioners`: of practitioners. `signed`: what is handed in to either.

mod consent_entry;
pub mod consents;
mod packed;
pub mod practitioners;
mod signed;

pub use signed::Signed;
