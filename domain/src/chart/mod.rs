//! The chart of a patient: their conditions, allergies, medications and symptoms, noted and refuted one by one (R8, R9).
//!
//! It stands in its patient's record, one for each, and all of it is under the patient's key. People note, change and refute findings, or
//! say that there are none; a hospital's system reports what another one tells ([`Report`]), and each finding is matched with what is
//! noted already. Two who write at once lose nothing: what each of them notes is an event of its own.
//!
//! ```text
//! a finding:   noted -> changed ... -> refuted
//! a list:      not asked | unknown | none known     while no finding is in it
//! ```

mod abated;
mod aggregate;
mod command;
mod concepts;
mod contents;
mod contradiction;
mod decision;
mod error;
mod event;
mod finding;
mod findings;
mod list;
mod matching;
mod merge;
mod negations;
mod report;
#[cfg(test)]
pub(crate) mod samples;
mod sequence;
#[cfg(test)]
mod tests;

pub use abated::Abated;
pub use aggregate::Chart;
pub use command::ChartCommand;
pub use contents::{Contents, Negation, Withdrawn};
pub use error::{ChartError, FindingPlace};
pub use event::{ChartEvent, Noted, Refuted, Revision, Statement};
pub use finding::{
    Allergy, AllergyKind, AnyFinding, Condition, Criticality, Finding, Medication, SourcedFinding, Symptom,
};
pub use findings::Findings;
pub use list::{Absence, Entry, FindingId, List, ListKind};
pub use merge::{Merged, Remark};
pub use report::{Ended, Report, ReportedNegation};
