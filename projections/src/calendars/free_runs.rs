//! The free slots of all calendars together, as runs: what follows from the calendars' rows, kept for searching.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use domain::kernel::CalendarId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::run::{Run, runs};
use super::{CalendarRow, rows};
use crate::column;
use crate::writes::{Part, Writes};

/// How many calendars are derived from at once.
const PAGE: i64 = 4_000;

/// Brings the runs up to date. `before` are the calendars' rows that were there.
pub(crate) fn update(
    writes: &mut Writes,
    before: &BTreeMap<CalendarId, CalendarRow>,
    changed: &BTreeMap<CalendarId, CalendarRow>,
) {
    let changes = changes(before, changed);
    let (gone, new) = (rows_of(&changes.gone), rows_of(&changes.new));
    // Two runs may be one row: see `rows_of`.
    let (gone, new): (Vec<_>, Vec<_>) = (
        gone.difference(&new).copied().collect(),
        new.difference(&gone).copied().collect(),
    );
    if !gone.is_empty() {
        let deleting = writes.add(
            "DELETE FROM free_runs USING \
             UNNEST($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::int8[], $5::date[]) \
             AS gone (practitioner, first, last, minutes, day) \
             WHERE free_runs.practitioner = gone.practitioner AND free_runs.first = gone.first \
             AND free_runs.last = gone.last AND free_runs.minutes = gone.minutes AND free_runs.day = gone.day",
        );
        bind(deleting, &gone);
    }
    if !new.is_empty() {
        let inserting = writes.add(
            "INSERT INTO free_runs (practitioner, first, last, minutes, day) \
             SELECT * FROM UNNEST($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::int8[], $5::date[]) \
             ON CONFLICT DO NOTHING",
        );
        bind(inserting, &new);
    }
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
        let mut writes = Writes::default();
        update(&mut writes, &BTreeMap::new(), &page);
        writes.run(connection).await?;
    }
}

/// What changes in `free_runs`.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct FreeRunChanges {
    pub(crate) gone: Vec<(CalendarId, Run)>,
    pub(crate) new: Vec<(CalendarId, Run)>,
}

pub(crate) fn changes(
    before: &BTreeMap<CalendarId, CalendarRow>,
    changed: &BTreeMap<CalendarId, CalendarRow>,
) -> FreeRunChanges {
    let mut changes = FreeRunChanges::default();
    for (id, row) in changed {
        let was = before.get(id).map(|row| runs(&row.free())).unwrap_or_default();
        let is = runs(&row.free());
        changes.gone.extend(was.difference(&is).map(|run| (*id, *run)));
        changes.new.extend(is.difference(&was).map(|run| (*id, *run)));
    }
    changes
}

/// Practitioner, first start, last start, minutes, day: the columns.
type Columns = (Uuid, DateTime<Utc>, DateTime<Utc>, i64, NaiveDate);

/// Runs before Postgres' calendar begin when it does, and may be the same row then.
fn rows_of(runs: &[(CalendarId, Run)]) -> BTreeSet<Columns> {
    runs.iter()
        .map(|(id, run)| {
            let (first, last) = (column::instant(run.first), column::instant(run.last));
            (id.owner, first, last, i64::from(run.minutes), id.day)
        })
        .collect()
}

fn bind(part: Part<'_>, rows: &[Columns]) {
    part.bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.3).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.4).collect::<Vec<_>>());
}
