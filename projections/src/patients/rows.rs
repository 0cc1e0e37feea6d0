//! The row of a patient's record, and the rows of the words by which it is found.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::kernel::PatientId;
use domain::patient::PatientDetails;

use crate::search;
use crate::stamp::Stamp;
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

impl PatientRow {
    pub(super) fn new(id: PatientId, stamp: &Stamp, details: PatientDetails) -> Self {
        Self {
            id,
            details,
            version: stamp.version,
            position: stamp.position,
            registered_at: stamp.at,
            updated_at: stamp.at,
        }
    }

    /// The words of the names by which the patient is found.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let names = std::iter::once(&self.details.name.family).chain(&self.details.name.given);
        names.flat_map(|name| search::words(name)).collect()
    }
}
