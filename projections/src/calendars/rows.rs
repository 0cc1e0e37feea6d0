//! Loads and writes a block's calendars, and the free slots that follow from them.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::calendar::{Session, Slot};
use domain::kernel::{AppointmentId, CalendarId};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::CalendarRow;
use crate::column;

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
    Ok(rows
        .into_iter()
        .map(|(owner, day, Json(sessions), Json(taken), version, position)| {
            let row = CalendarRow {
                sessions,
                taken,
                version: column::counter(version),
                position: column::counter(position),
            };
            (CalendarId { owner, day }, row)
        })
        .collect())
}

/// Writes the rows that changed. `before` are the rows that were there.
pub(crate) async fn write(
    connection: &mut PgConnection,
    before: &BTreeMap<CalendarId, CalendarRow>,
    changed: &BTreeMap<CalendarId, CalendarRow>,
) -> Result<(), sqlx::Error> {
    if changed.is_empty() {
        return Ok(());
    }
    let rows = || changed.values();
    sqlx::query(
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
    .bind(rows().map(|row| column::int8(row.position)).collect::<Vec<_>>())
    .execute(&mut *connection)
    .await?;

    let changes = free_slot_changes(before, changed);
    if !changes.gone.is_empty() {
        bind_slots(
            sqlx::query(
                "DELETE FROM free_slots USING UNNEST($1::uuid[], $2::timestamptz[], $3::int8[], $4::date[]) \
                 AS gone (practitioner, starts, minutes, day) \
                 WHERE free_slots.practitioner = gone.practitioner AND free_slots.starts = gone.starts \
                 AND free_slots.minutes = gone.minutes AND free_slots.day = gone.day",
            ),
            &changes.gone,
        )
        .execute(&mut *connection)
        .await?;
    }
    if !changes.new.is_empty() {
        bind_slots(
            sqlx::query(
                "INSERT INTO free_slots (practitioner, starts, minutes, day) \
                 SELECT * FROM UNNEST($1::uuid[], $2::timestamptz[], $3::int8[], $4::date[]) ON CONFLICT DO NOTHING",
            ),
            &changes.new,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// What changes in `free_slots`.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct FreeSlotChanges {
    pub(crate) gone: Vec<(CalendarId, Slot)>,
    pub(crate) new: Vec<(CalendarId, Slot)>,
}

pub(crate) fn free_slot_changes(
    before: &BTreeMap<CalendarId, CalendarRow>,
    changed: &BTreeMap<CalendarId, CalendarRow>,
) -> FreeSlotChanges {
    let mut changes = FreeSlotChanges::default();
    for (id, row) in changed {
        let was = before.get(id).map(CalendarRow::free).unwrap_or_default();
        let is = row.free();
        changes.gone.extend(was.difference(&is).map(|slot| (*id, *slot)));
        changes.new.extend(is.difference(&was).map(|slot| (*id, *slot)));
    }
    changes
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn bind_slots<'q>(query: Query<'q>, slots: &[(CalendarId, Slot)]) -> Query<'q> {
    query
        .bind(slots.iter().map(|(id, _)| id.owner).collect::<Vec<_>>())
        .bind(
            slots
                .iter()
                .map(|(_, slot)| column::instant(slot.start))
                .collect::<Vec<_>>(),
        )
        .bind(
            slots
                .iter()
                .map(|(_, slot)| i64::from(slot.minutes))
                .collect::<Vec<_>>(),
        )
        .bind(slots.iter().map(|(id, _)| id.day).collect::<Vec<_>>())
}
