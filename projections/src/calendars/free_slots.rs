//! The free slots of all calendars together: what follows from the calendars' rows, kept for searching.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::Slot;
use domain::kernel::CalendarId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{CalendarRow, rows};
use crate::column;
use crate::copy::Copy;

/// How many calendars are derived from at once.
const PAGE: i64 = 4_000;

/// Brings the free slots up to date. `before` are the calendars' rows that were there.
pub(crate) async fn update(
    connection: &mut PgConnection,
    before: &BTreeMap<CalendarId, CalendarRow>,
    changed: &BTreeMap<CalendarId, CalendarRow>,
) -> Result<(), sqlx::Error> {
    write(connection, &free_slot_changes(before, changed)).await
}

/// Derives all of them from the calendars, into an empty table.
pub(crate) async fn derive(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut last = None;
    loop {
        let page = rows::after(connection, last, PAGE).await?;
        let Some((id, _)) = page.last_key_value() else {
            return Ok(());
        };
        last = Some(*id);
        copy(connection, &free_slot_changes(&BTreeMap::new(), &page).new).await?;
    }
}

async fn write(connection: &mut PgConnection, changes: &FreeSlotChanges) -> Result<(), sqlx::Error> {
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

async fn copy(connection: &mut PgConnection, slots: &[(CalendarId, Slot)]) -> Result<(), sqlx::Error> {
    let mut copy = Copy::new();
    for (practitioner, starts, minutes, day) in rows_of(slots) {
        copy.row(4);
        copy.value(&practitioner)?;
        copy.value(&starts)?;
        copy.value(&minutes)?;
        copy.value(&day)?;
    }
    copy.send(connection, "free_slots (practitioner, starts, minutes, day)")
        .await
}

/// Practitioner, start, minutes, day: the columns. Slots before Postgres' calendar begin when it does, and may be the same row then.
fn rows_of(slots: &[(CalendarId, Slot)]) -> BTreeSet<(Uuid, DateTime<Utc>, i64, NaiveDate)> {
    slots
        .iter()
        .map(|(id, slot)| (id.owner, column::instant(slot.start), i64::from(slot.minutes), id.day))
        .collect()
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn bind_slots<'q>(query: Query<'q>, slots: &[(CalendarId, Slot)]) -> Query<'q> {
    let rows = rows_of(slots);
    query
        .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.3).collect::<Vec<_>>())
}
