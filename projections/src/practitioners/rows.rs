//! The rows of practitioners.

use chrono::{DateTime, Utc};
use domain::kernel::PractitionerId;
use domain::practitioner::PractitionerDetails;

use crate::table::{keyed, table};

table! {
    /// A practitioner's entry.
    table PractitionerRow: "practitioners" (id)
    seen {
        id: PractitionerId,
        details: PractitionerDetails,
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
