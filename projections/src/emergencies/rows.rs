//! The row of an emergency, and what its events make of it.

use chrono::{DateTime, Utc};
use domain::emergency::{Emergency, EmergencyEvent, Justification, Opened};
use domain::kernel::{EmergencyId, PatientId, PractitionerId};
use uuid::Uuid;

use crate::aggregate_row::AggregateRow;
use crate::column;
use crate::stamp::Stamp;
use crate::table::{json, keyed, table};

json! { Opened; Justification; }

table! {
    /// That a practitioner has opened a record.
    table EmergencyRow: "emergencies" (patient, id)
    seen {
        patient: PatientId,
        id: Uuid,
        practitioner: PractitionerId,
        opened: Opened,
        until: DateTime<Utc>,
        justify_by: DateTime<Utc>,
        is_justified: bool,
        justification: Option<Justification>,
        is_flagged: bool,
        flagged_at: Option<DateTime<Utc>>,
    }
    unseen {
        /// The position of the event that opened it.
        opened_in: u64,
        version: u64,
        position: u64,
    }
}
keyed!(EmergencyRow by EmergencyId { patient, id });

impl EmergencyRow {
    fn new(EmergencyId { patient, id }: EmergencyId, stamp: &Stamp, opened: Opened) -> Self {
        Self {
            patient,
            id,
            practitioner: opened.practitioner,
            until: column::instant(opened.until),
            justify_by: column::instant(opened.justify_by),
            opened,
            is_justified: false,
            justification: None,
            is_flagged: false,
            flagged_at: None,
            opened_in: stamp.position,
            version: stamp.version,
            position: stamp.position,
        }
    }
}

impl AggregateRow for EmergencyRow {
    type Aggregate = Emergency;

    /// What is sealed makes no row.
    fn fold(row: Option<Self>, id: EmergencyId, stamp: &Stamp, event: &EmergencyEvent) -> Option<Self> {
        let row = match event {
            EmergencyEvent::Opened { opened } => Self::new(id, stamp, opened.known()?.clone()),
            EmergencyEvent::Justified { justification } => Self {
                is_justified: true,
                justification: justification.known().cloned(),
                ..row?
            },
            EmergencyEvent::Flagged { flag } => Self {
                is_flagged: true,
                flagged_at: flag.known().map(|flag| column::instant(flag.at)),
                ..row?
            },
        };
        Some(Self {
            version: stamp.version,
            position: stamp.position,
            ..row
        })
    }
}
