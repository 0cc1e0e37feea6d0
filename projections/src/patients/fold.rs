//! A patient's record as its events leave it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::kernel::Personal;
use domain::patient::{Intake, PatientDetails, PatientEvent};

use crate::batch::Stamp;
use crate::search;

/// A row of `patients`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct PatientRow {
    pub(crate) details: PatientDetails,
    pub(crate) intake: Intake,
    pub(crate) version: u64,
    pub(crate) position: u64,
    pub(crate) registered_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl PatientRow {
    fn new(stamp: &Stamp, details: PatientDetails, intake: Intake) -> Self {
        Self {
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
pub(crate) fn fold(row: Option<PatientRow>, stamp: &Stamp, event: &PatientEvent) -> Option<PatientRow> {
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
            None => PatientRow::new(stamp, details.clone(), Intake::default()),
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
