//! What can happen to a patient's record.

use serde::{Deserialize, Serialize};

use super::details::PatientDetails;
use crate::kernel::Personal;

/// An event in a patient's stream. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PatientEvent {
    /// The patient registered.
    Registered {
        /// Who they are.
        details: Personal<PatientDetails>,
    },
    /// The details changed; these are the new ones, whole.
    DetailsUpdated {
        /// The new details.
        details: Personal<PatientDetails>,
    },
}
