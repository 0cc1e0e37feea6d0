//! The row of a read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::access_log::{AccessLogEvent, Reading};
use domain::kernel::{AccessLogId, PatientId};
use uuid::Uuid;

use crate::batch::Entry;
use crate::table::{json, table};

json! { Reading; }

table! {
    /// That somebody was shown something of a patient.
    table ReadRow: "reads" (patient, position, n)
    seen {
        patient: PatientId,
        /// Which of the reads it is that are told by one event, from 0.
        n: u32,
        at: DateTime<Utc>,
        /// By whose id who has read is found: see [`Reader::answering`](domain::access_log::Reader::answering).
        reader: Uuid,
        reading: Reading,
    }
    unseen {
        position: u64,
    }
}

/// The rows that events make, by whose record was read and where that is told. What is sealed makes none.
pub(crate) fn fold(entries: &[Entry<'_, AccessLogId, AccessLogEvent>]) -> BTreeMap<(PatientId, u64, u32), ReadRow> {
    let rows = |(AccessLogId(patient), stamp, event): &Entry<'_, AccessLogId, AccessLogEvent>| {
        let AccessLogEvent::ReadsLogged { reads } = event;
        let reads = reads.known().into_iter().flat_map(|reads| reads.iter());
        let row = |(read, n): (_, u32)| {
            let domain::access_log::Read { at, reading } = read;
            let row = ReadRow {
                patient: *patient,
                n,
                at,
                reader: reading.reader.answering(*patient),
                reading,
                position: stamp.position,
            };
            ((*patient, stamp.position, n), row)
        };
        reads.zip(0..).map(row).collect::<Vec<_>>()
    };
    entries.iter().flat_map(rows).collect()
}
