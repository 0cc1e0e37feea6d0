//! The patient: who they are (R1, R8). What is found of them is in their chart.
//!
//! Everything here concerns a person, so every event is sealed whole under the patient's own key.

mod aggregate;
mod command;
mod contradiction;
mod deceased;
mod detail;
mod details;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::Patient;
pub use command::PatientCommand;
pub use deceased::Deceased;
pub use detail::{Detail, DetailDates};
pub use details::PatientDetails;
pub use error::PatientError;
pub use event::PatientEvent;
