//! The practitioner: who treats, in what specialization, in which time zone (R2).

mod aggregate;
mod command;
mod contradiction;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::Practitioner;
pub use command::PractitionerCommand;
pub use error::PractitionerError;
pub use event::{PractitionerDetails, PractitionerEvent, RegisterEntry};
