//! Loads and writes calendars.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::calendar::Session;
use domain::kernel::{AppointmentId, CalendarId, Slot};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::CalendarRow;
use crate::column;
use crate::writes::Writes;

type Columns = (
    Uuid,
    NaiveDate,
    Json<Vec<Session>>,
    Json<BTreeMap<AppointmentId, Slot>>,
    i64,
    i64,
);

pub(crate) async fn load(
    connection: &mut PgConnection,
    keys: &[CalendarId],
) -> Result<BTreeMap<CalendarId, CalendarRow>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT owner, day, sessions, taken, version, position \
         FROM UNNEST($1::uuid[], $2::date[]) AS wanted (owner, day) JOIN calendars USING (owner, day)",
    )
    .bind(keys.iter().map(|key| key.owner).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.day).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(entry).collect())
}

/// The calendars after this one, or the first, in the order of their keys, at most so many.
pub(super) async fn after(
    connection: &mut PgConnection,
    last: Option<CalendarId>,
    limit: i64,
) -> Result<BTreeMap<CalendarId, CalendarRow>, sqlx::Error> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT owner, day, sessions, taken, version, position FROM calendars \
         WHERE $1::uuid IS NULL OR (owner, day) > ($1, $2) ORDER BY owner, day LIMIT $3",
    )
    .bind(last.map(|last| last.owner))
    .bind(last.map(|last| last.day))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(entry).collect())
}

fn entry((owner, day, Json(sessions), Json(taken), version, position): Columns) -> (CalendarId, CalendarRow) {
    let row = CalendarRow {
        sessions,
        taken,
        version: column::counter(version),
        position: column::counter(position),
    };
    (CalendarId { owner, day }, row)
}

/// Writes the rows that changed.
pub(crate) fn write(writes: &mut Writes, changed: &BTreeMap<CalendarId, CalendarRow>) {
    if changed.is_empty() {
        return;
    }
    let rows = || changed.values();
    writes
        .add(
            "INSERT INTO calendars (owner, day, sessions, taken, version, position) \
         SELECT owner, day, sessions::jsonb, taken::jsonb, version, position \
         FROM UNNEST($1::uuid[], $2::date[], $3::text[], $4::text[], $5::int8[], $6::int8[]) \
         AS changed (owner, day, sessions, taken, version, position) \
         ON CONFLICT (owner, day) DO UPDATE SET sessions = EXCLUDED.sessions, taken = EXCLUDED.taken, \
         version = EXCLUDED.version, position = EXCLUDED.position",
        )
        .bind(changed.keys().map(|id| id.owner).collect::<Vec<_>>())
        .bind(changed.keys().map(|id| id.day).collect::<Vec<_>>())
        .bind(rows().map(|row| column::json(&row.sessions)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::json(&row.taken)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::int8(row.version)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::int8(row.position)).collect::<Vec<_>>());
}
