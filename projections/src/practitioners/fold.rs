//! A practitioner's entry as its events leave it.

use chrono::{DateTime, Utc};
use domain::practitioner::{PractitionerDetails, PractitionerEvent};

use crate::batch::Stamp;
use crate::search;

/// A row of `practitioners`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct PractitionerRow {
    pub(crate) details: PractitionerDetails,
    pub(crate) version: u64,
    pub(crate) position: u64,
    pub(crate) registered_at: DateTime<Utc>,
}

impl PractitionerRow {
    /// The codes of the specializations, as they are compared.
    pub(crate) fn codes(&self) -> Vec<String> {
        let codes = self
            .details
            .specializations
            .iter()
            .filter_map(|concept| concept.coding.as_ref());
        codes.map(|coding| search::fold(&coding.code)).collect()
    }

    /// The texts of the specializations, as they are searched.
    pub(crate) fn texts(&self) -> String {
        let texts = self
            .details
            .specializations
            .iter()
            .map(|concept| search::text(&concept.text));
        texts.collect::<Vec<_>>().join("\n")
    }
}

pub(crate) fn fold(row: Option<PractitionerRow>, stamp: &Stamp, event: &PractitionerEvent) -> Option<PractitionerRow> {
    let (PractitionerEvent::Registered { details } | PractitionerEvent::DetailsUpdated { details }) = event;
    Some(PractitionerRow {
        details: details.clone(),
        version: stamp.version,
        position: stamp.position,
        registered_at: row.map_or(stamp.at, |row| row.registered_at),
    })
}
