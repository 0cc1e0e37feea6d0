//! That a practitioner opens a patient's record in an emergency, without a grant: for a reason, for no more of it than they need, and for a short time. It stands in the patient's
//! record, under its key for access, before the first thing is read.
//!
//! The practitioner justifies it afterwards. What is not justified in time is flagged, for those who oversee practitioners.

mod aggregate;
mod command;
mod contradiction;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::Emergency;
pub use command::{EmergencyCommand, Opening};
pub use error::EmergencyError;
pub use event::{EmergencyEvent, Flag, Justification, Opened};
