//! What can be asked of a patient's record.

use chrono::{DateTime, Utc};

use super::details::PatientDetails;
use crate::kernel::Teller;

/// A command to a patient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PatientCommand {
    /// Register. Doing so again with the record as it stands changes nothing; with other content it is refused, though it were
    /// what was registered first.
    Register {
        /// Who the patient is.
        details: PatientDetails,
        /// The time it is.
        now: DateTime<Utc>,
    },
    /// Replace the details.
    UpdateDetails {
        /// The new details. Without `as_of`, or with that of the record, what they tell otherwise is as of now.
        details: PatientDetails,
        /// Who tells them.
        teller: Teller,
        /// The time it is.
        now: DateTime<Utc>,
    },
}
