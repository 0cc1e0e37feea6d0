//! An auditor's engagement: who examines the accesses to records, of whom, of which time, why, and until when. An administrator gives it to one auditor; while it is
//! open they are shown who has read what, when and by which right, and nothing of what was read.
//!
//! It stands in the log, readable by the organisation, for it says nothing about a patient but that it is about them; that stands under the patient's key.

mod aggregate;
mod command;
mod contradiction;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::Engagement;
pub use command::{Beginning, EngagementCommand};
pub use error::EngagementError;
pub use event::{AuditReason, AuditScope, EngagementEvent, Terms};
