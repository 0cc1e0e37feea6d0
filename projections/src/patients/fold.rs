//! A patient's record as its events leave it.

use std::collections::BTreeSet;

use domain::kernel::{PatientId, Personal};
use domain::patient::{Patient, PatientDetails, PatientEvent};

use super::PatientRow;
use crate::aggregate_row::AggregateRow;
use crate::search;
use crate::stamp::Stamp;

impl PatientRow {
    fn new(id: PatientId, stamp: &Stamp, details: PatientDetails) -> Self {
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

impl AggregateRow for PatientRow {
    type Aggregate = Patient;

    /// What is sealed makes no row: a record that cannot be read is not shown.
    fn fold(row: Option<Self>, id: PatientId, stamp: &Stamp, event: &PatientEvent) -> Option<Self> {
        let before = row.map(|row| PatientRow {
            version: stamp.version,
            position: stamp.position,
            updated_at: stamp.at,
            ..row
        });
        let (PatientEvent::Registered { details } | PatientEvent::DetailsUpdated { details }) = event;
        let Personal::Known(details) = details else {
            return before;
        };
        let details = details.clone();
        Some(match (event, before) {
            (PatientEvent::DetailsUpdated { .. }, Some(row)) => PatientRow { details, ..row },
            _ => PatientRow::new(id, stamp, details),
        })
    }
}
