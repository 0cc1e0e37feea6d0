//! Claims: what names somebody is theirs alone, as long as they are not erased.
//!
//! An identifier of another system names one patient, and one practitioner; a wallet signs in to one person's account. Whoever gets such a name
//! claims it in the same commit as what they are called by. All claims of an organisation stand in 256 buckets: which one follows from the name,
//! under the organisation's secret, so that every server that writes to the log meets the same one.
//!
//! Who has what stands in personal sections, and here alone a state is folded from them: when the key of whoever claimed a name is destroyed,
//! nobody has it any more, and nothing that is left says that they ever did.

mod aggregate;
mod called;
mod command;
mod contradiction;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::Claims;
pub use called::Called;
pub use command::ClaimsCommand;
pub use error::ClaimsError;
pub use event::{Claim, ClaimsEvent, Name};
