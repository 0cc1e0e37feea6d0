//! A patient's record as its events leave it.

use std::collections::BTreeSet;

use domain::kernel::{PatientId, Personal};
use domain::patient::{Intake, PatientDetails, PatientEvent};

use super::PatientRow;
use crate::search;
use crate::stamp::Stamp;

impl PatientRow {
    fn new(id: PatientId, stamp: &Stamp, details: PatientDetails, intake: Intake) -> Self {
        Self {
            id,
            details,
            intake,
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

/// What is sealed makes no row: a record that cannot be read is not shown.
pub(crate) fn fold(row: Option<PatientRow>, id: PatientId, stamp: &Stamp, event: &PatientEvent) -> Option<PatientRow> {
    let before = row.map(|row| PatientRow {
        version: stamp.version,
        position: stamp.position,
        updated_at: stamp.at,
        ..row
    });
    match event {
        PatientEvent::Registered {
            registration: Personal::Known(registration),
        } => Some(PatientRow::new(
            id,
            stamp,
            registration.details.clone(),
            registration.intake.clone(),
        )),
        PatientEvent::DetailsUpdated {
            details: Personal::Known(details),
        } => Some(match before {
            Some(row) => PatientRow {
                details: details.clone(),
                ..row
            },
            None => PatientRow::new(id, stamp, details.clone(), Intake::default()),
        }),
        PatientEvent::IntakeUpdated {
            intake: Personal::Known(intake),
        } => before.map(|row| PatientRow {
            intake: intake.clone(),
            ..row
        }),
        PatientEvent::Registered { .. } | PatientEvent::DetailsUpdated { .. } | PatientEvent::IntakeUpdated { .. } => {
            before
        }
    }
}
