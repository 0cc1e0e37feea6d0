//! The rows of relationships.

use chrono::{DateTime, Utc};
use domain::kernel::{PatientId, PractitionerId};

use crate::table::table;

table! {
    /// What a patient's appointments with a practitioner say together.
    derived RelationshipRow: "relationships" (patient, practitioner)
    seen {
        patient: PatientId,
        practitioner: PractitionerId,
        /// The start of the first one.
        since: DateTime<Utc>,
        /// The start of the last one.
        latest: DateTime<Utc>,
        /// How many there are.
        appointments: u64,
    }
    unseen {}
}
