//! A practitioner's entry as its events leave it.

use domain::kernel::PractitionerId;
use domain::practitioner::{Practitioner, PractitionerDetails, PractitionerEvent};

use super::PractitionerRow;
use crate::aggregate_row::AggregateRow;
use crate::search;
use crate::stamp::Stamp;

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

    fn fold(row: Option<Self>, id: PractitionerId, stamp: &Stamp, event: &PractitionerEvent) -> Option<Self> {
        let (PractitionerEvent::Registered { details } | PractitionerEvent::DetailsUpdated { details }) = event;
        Some(Self {
            id,
            specialization_codes: codes(details),
            specialization_texts: texts(details),
            details: details.clone(),
            version: stamp.version,
            position: stamp.position,
            registered_at: row.map_or(stamp.at, |row| row.registered_at),
        })
    }
}
