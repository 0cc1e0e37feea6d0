//! That a patient is treated here: their own act began it, and they can end it. While it stands, the staff of the organisation know what is in the patient's chart. It stands in the
//! patient's record, under its key for access.
//!
//! Who has bound a wallet here has come of their own, and is treated until they end it. Whoever has none agrees on paper; that lasts until they bind a wallet. What a hospital does
//! alone, such as registering somebody or booking for them, begins nothing.

mod aggregate;
mod command;
mod contradiction;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::{Act, Treatment};
pub use command::TreatmentCommand;
pub use error::TreatmentError;
pub use event::{How, Paper, Saying, TreatmentEvent};
