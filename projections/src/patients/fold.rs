//! What the events of a patient make of their row, and of the words by which it is found.

use std::collections::BTreeMap;

use domain::kernel::{PatientId, Personal};
use domain::patient::{Patient, PatientEvent};

use super::PatientRow;
use super::names;
use crate::aggregate_row::AggregateRow;
use crate::stamp::Stamp;
use crate::writes::Writes;

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

    fn derive(writes: &mut Writes, before: &BTreeMap<PatientId, Self>, after: &BTreeMap<PatientId, Self>) {
        names::update(writes, before, after);
    }
}
