//! The rows of practitioners.

use chrono::{DateTime, Utc};
use domain::kernel::PractitionerId;
use domain::practitioner::PractitionerDetails;

use crate::table::{keyed, table};

/// The details, without as of when they are told: where a source does not date what it tells, and where people tell it, that is the time of
/// recording.
const SAID: &str = r#"regexp_replace(details::text, '"as_of": ("[^"]*"|null)', '')"#;

table! {
    /// A practitioner's entry.
    table PractitionerRow: "practitioners" (id)
    seen {
        id: PractitionerId,
        details: PractitionerDetails as SAID,
        /// The codes of the specializations as they are compared (`search.rs`), to be met exactly.
        specialization_codes: Vec<String>,
        /// The texts of the specializations as they are compared, one a line, to be searched in.
        specialization_texts: String,
    }
    unseen {
        version: u64,
        position: u64,
        registered_at: DateTime<Utc>,
    }
}
keyed!(PractitionerRow by id: PractitionerId);
