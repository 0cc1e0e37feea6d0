//! The row of a practitioner's entry, and what its events make of it.

use chrono::{DateTime, Utc};
use domain::kernel::{Personal, PractitionerId};
use domain::practitioner::{Practitioner, PractitionerDetails, PractitionerEvent, RegisterEntry};

use crate::aggregate_row::AggregateRow;
use crate::search;
use crate::stamp::Stamp;
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
        /// Where a public register has the practitioner, once it was told.
        register_entry: Option<RegisterEntry>,
    }
    unseen {
        version: u64,
        position: u64,
        registered_at: DateTime<Utc>,
    }
}
keyed!(PractitionerRow by id: PractitionerId);

/// The codes of the specializations, as they are compared.
fn codes(details: &PractitionerDetails) -> Vec<String> {
    let concepts = details.specializations.iter();
    let codes = concepts.filter_map(|concept| concept.coding.as_ref());
    codes.map(|coding| search::fold(&coding.code)).collect()
}

/// The texts of the specializations, as they are searched.
fn texts(details: &PractitionerDetails) -> String {
    let concepts = details.specializations.iter();
    let texts = concepts.map(|concept| search::text(&concept.text));
    texts.collect::<Vec<_>>().join("\n")
}

impl AggregateRow for PractitionerRow {
    type Aggregate = Practitioner;

    /// What is sealed makes no row: an entry that cannot be read is not shown.
    fn fold(row: Option<Self>, id: PractitionerId, stamp: &Stamp, event: &PractitionerEvent) -> Option<Self> {
        let details = match event {
            PractitionerEvent::Registered { details, .. } | PractitionerEvent::DetailsUpdated { details } => details,
            PractitionerEvent::RegisterEntryTold {
                entry: Personal::Known(entry),
            } => {
                return row.map(|row| Self {
                    register_entry: Some(entry.clone()),
                    version: stamp.version,
                    position: stamp.position,
                    ..row
                });
            }
            PractitionerEvent::RegisterEntryTold { .. } => return row,
        };
        let Personal::Known(details) = details else {
            return row;
        };
        let (registered_at, register_entry) = match row {
            Some(row) => (row.registered_at, row.register_entry),
            None => (stamp.at, None),
        };
        Some(Self {
            id,
            specialization_codes: codes(details),
            specialization_texts: texts(details),
            details: details.clone(),
            version: stamp.version,
            position: stamp.position,
            registered_at,
            register_entry,
        })
    }
}
