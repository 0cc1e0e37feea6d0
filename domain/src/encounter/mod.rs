//! An encounter: a patient and who treats them meet (FHIR R4 `Encounter`). Today each is one of the past, filed as another system
//! tells it.
//!
//! It stands in its patient's record, whose stream it shares with the patient and their other encounters, and all of it is under the
//! patient's key. Its id is made of the patient and of what its source called it first; what else names it is kept, so that whoever tells
//! of it again meets it.
//!
//! ```text
//! Open -> Completed | Cancelled | NoShow      here, or by its source
//! any -> any                                  by a newer state of its source, which leaves open only what itself had concluded
//! ```

mod aggregate;
mod command;
mod contradiction;
mod decision;
mod error;
mod event;
mod names;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::Encounter;
pub use command::{EncounterCommand, Told};
pub use error::EncounterError;
pub use event::{Conclusion, EncounterEvent, EncounterStatus, Ending, Filed, Outcome, Provider};
pub use names::{EncounterNames, NameDigest, NamedEncounter, recognise};
