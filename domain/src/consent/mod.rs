//! What a patient signs about who may read their record, and what it allows.
//!
//! Texts and hashes are those of `ConsentRegistry.sol` (`contracts/src/libraries/ConsentTypes.sol`, `Scope.sol`), which decides; what is here must
//! come to the same.
//!
//! - `details`: to whom what is granted. `grant`: that, with a patient and a time. `ids`: what names them. `query`: what somebody would do. `messages`: all that patients sign.

mod details;
mod grant;
mod ids;
mod messages;
mod query;
#[cfg(test)]
mod tests;

pub use details::{Details, Granted, Grantee, NoGrantee, Purpose, StaffRole};
pub use grant::Grant;
pub use ids::{GrantId, GranteeTag, SignerId};
pub use messages::{DOMAIN_NAME, Message, NamedGrant};
pub use query::{Period, Query};
