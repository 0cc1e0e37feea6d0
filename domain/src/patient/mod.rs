//! The patient: who they are, and the history, allergies, medications and symptoms they bring (R1, R8, R9).
//!
//! Everything here concerns a person, so every event is sealed whole under the patient's own key.

mod abated;
mod aggregate;
mod command;
mod deceased;
mod error;
mod event;
mod findings;
mod matter;
#[cfg(test)]
mod tests;

pub use abated::Abated;
pub use aggregate::Patient;
pub use command::PatientCommand;
pub use deceased::Deceased;
pub use error::{PatientError, Place};
pub use event::{
    Allergy, AllergyKind, Condition, Intake, Medication, PatientDetails, PatientEvent, Registration, Withdrawn, Word,
};
pub use findings::Findings;
pub use matter::Matter;
