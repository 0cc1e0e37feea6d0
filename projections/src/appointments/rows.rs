//! Loads and writes a block's appointments.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use domain::kernel::{AppointmentId, CalendarId, Concept, PatientId, PractitionerId, Slot};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::AppointmentRow;
use super::names::NamesColumn;
use crate::column;
use crate::writes::Writes;

/// The columns as they stand in the table, and in answers to queries.
#[derive(FromRow, Debug)]
pub(super) struct Columns {
    pub(super) id: Uuid,
    pub(super) owner: Uuid,
    pub(super) day: NaiveDate,
    pub(super) practitioner: Option<Uuid>,
    pub(super) patient: Option<Uuid>,
    pub(super) starts: DateTime<Utc>,
    pub(super) minutes: i64,
    pub(super) status: String,
    pub(super) reason: Option<Json<Concept>>,
    pub(super) cancellation_reason: Option<String>,
    pub(super) recorded: bool,
    pub(super) names: Option<Json<NamesColumn>>,
    pub(super) version: i64,
    pub(super) position: i64,
}

impl TryFrom<Columns> for AppointmentRow {
    type Error = sqlx::Error;

    fn try_from(columns: Columns) -> Result<Self, sqlx::Error> {
        Ok(Self {
            calendar: CalendarId {
                owner: columns.owner,
                day: columns.day,
            },
            practitioner: columns.practitioner.map(PractitionerId::new),
            patient: columns.patient.map(PatientId::new),
            slot: Slot {
                start: columns.starts,
                minutes: u32::try_from(columns.minutes).unwrap_or(u32::MAX),
            },
            status: column::named(&columns.status)?,
            reason: columns.reason.map(|Json(reason)| reason),
            cancellation_reason: columns.cancellation_reason,
            recorded: columns.recorded,
            names: columns.names.map(|Json(names)| names),
            version: column::counter(columns.version),
            position: column::counter(columns.position),
        })
    }
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    keys: &[AppointmentId],
) -> Result<BTreeMap<AppointmentId, AppointmentRow>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let keys: Vec<Uuid> = keys.iter().map(|key| key.uuid()).collect();
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, owner, day, practitioner, patient, starts, minutes, status, reason, cancellation_reason, recorded, \
         names, version, position FROM appointments WHERE id = ANY($1)",
    )
    .bind(keys)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| Ok((AppointmentId::new(row.id), row.try_into()?)))
        .collect()
}

/// Writes the rows that changed; `None` deletes.
pub(crate) fn write(writes: &mut Writes, changed: &BTreeMap<AppointmentId, Option<AppointmentRow>>) {
    let gone: Vec<Uuid> = changed
        .iter()
        .filter(|(_, row)| row.is_none())
        .map(|(id, _)| id.uuid())
        .collect();
    if !gone.is_empty() {
        writes.add("DELETE FROM appointments WHERE id = ANY($1)").bind(gone);
    }
    let there: Vec<(Uuid, &AppointmentRow)> = changed
        .iter()
        .filter_map(|(id, row)| Some((id.uuid(), row.as_ref()?)))
        .collect();
    if there.is_empty() {
        return;
    }
    let rows = || there.iter().map(|(_, row)| *row);
    writes
        .add(
            "INSERT INTO appointments (id, owner, day, stray, practitioner, patient, starts, minutes, status, reason, \
         cancellation_reason, recorded, names, version, position) \
         SELECT id, owner, day, stray, practitioner, patient, starts, minutes, status, reason::jsonb, \
         cancellation_reason, recorded, names::jsonb, version, position \
         FROM UNNEST($1::uuid[], $2::uuid[], $3::date[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::int8[], \
         $8::text[], $9::text[], $10::text[], $11::bool[], $12::text[], $13::int8[], $14::int8[], $15::bool[]) \
         AS changed (id, owner, day, practitioner, patient, starts, minutes, status, reason, cancellation_reason, \
         recorded, names, version, position, stray) \
         ON CONFLICT (id) DO UPDATE SET owner = EXCLUDED.owner, day = EXCLUDED.day, stray = EXCLUDED.stray, \
         practitioner = EXCLUDED.practitioner, patient = EXCLUDED.patient, starts = EXCLUDED.starts, \
         minutes = EXCLUDED.minutes, status = EXCLUDED.status, reason = EXCLUDED.reason, \
         cancellation_reason = EXCLUDED.cancellation_reason, recorded = EXCLUDED.recorded, \
         names = EXCLUDED.names, version = EXCLUDED.version, position = EXCLUDED.position",
        )
        .bind(there.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(rows().map(|row| row.calendar.owner).collect::<Vec<_>>())
        .bind(rows().map(|row| row.calendar.day).collect::<Vec<_>>())
        .bind(
            rows()
                .map(|row| row.practitioner.map(PractitionerId::uuid))
                .collect::<Vec<_>>(),
        )
        .bind(rows().map(|row| row.patient.map(PatientId::uuid)).collect::<Vec<_>>())
        .bind(rows().map(AppointmentRow::start).collect::<Vec<_>>())
        .bind(rows().map(|row| i64::from(row.slot.minutes)).collect::<Vec<_>>())
        .bind(rows().map(|row| <&str>::from(row.status)).collect::<Vec<_>>())
        .bind(
            rows()
                .map(|row| row.reason.as_ref().map(column::json))
                .collect::<Vec<_>>(),
        )
        .bind(
            rows()
                .map(|row| row.cancellation_reason.as_deref().map(column::text))
                .collect::<Vec<_>>(),
        )
        .bind(rows().map(|row| row.recorded).collect::<Vec<_>>())
        .bind(
            rows()
                .map(|row| row.names.as_ref().map(column::json))
                .collect::<Vec<_>>(),
        )
        .bind(rows().map(|row| column::int8(row.version)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::int8(row.position)).collect::<Vec<_>>())
        .bind(rows().map(AppointmentRow::is_stray).collect::<Vec<_>>());
}
