//! The rows of patients, and of the words by which they are found.

use chrono::{DateTime, Utc};
use domain::kernel::PatientId;
use domain::patient::PatientDetails;

use crate::table::{keyed, table};

/// The details, without as of when they are told: where a source does not date what it tells, and where people tell it, that is the time of
/// recording.
const SAID: &str = r#"regexp_replace(details::text, '"(as_of": ("[^"]*"|null)|detail_dates": \{[^}]*\})', '', 'g')"#;

table! {
    /// A patient's record.
    table PatientRow: "patients" (id)
    seen {
        id: PatientId,
        details: PatientDetails as SAID,
    }
    unseen {
        version: u64,
        position: u64,
        registered_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
    }
}
keyed!(PatientRow by id: PatientId);

table! {
    /// A word of a patient's family or given names as they are compared (`search.rs`), for searching by how they begin.
    derived NameRow: "patient_names" (patient, name)
    seen {
        patient: PatientId,
        name: String,
    }
    unseen {}
}
