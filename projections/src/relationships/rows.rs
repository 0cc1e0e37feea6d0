//! The rows of relationships.

use chrono::{DateTime, Utc};
use domain::kernel::{PatientId, PractitionerId};

use crate::table::table;

table! {
    /// What a patient's visits to a practitioner say together.
    derived RelationshipRow: "relationships" (patient, practitioner)
    seen {
        patient: PatientId,
        practitioner: PractitionerId,
        /// The start of the first visit.
        since: DateTime<Utc>,
        /// The start of the last visit.
        latest: DateTime<Utc>,
        /// How many visits there are.
        appointments: u64,
    }
    unseen {}
}
