//! The free slots of all calendars together, as runs: what follows from the calendars' rows, kept for searching.

use std::collections::{BTreeMap, BTreeSet};

use domain::kernel::CalendarId;
use sqlx::PgConnection;

use super::offer::free;
use super::run::{Run, runs};
use super::{CalendarRow, FreeRunRow};
use crate::writes::Writes;
use crate::{column, table};

/// Brings the runs up to date. `before` are the calendars' rows that were there.
pub(crate) fn update(
    writes: &mut Writes,
    before: &BTreeMap<CalendarId, CalendarRow>,
    changed: &BTreeMap<CalendarId, CalendarRow>,
) {
    let changes = changes(before, changed);
    let (gone, new) = (rows_of(&changes.gone), rows_of(&changes.new));
    // Two runs may be one row: see `rows_of`.
    table::delete(writes, gone.iter().filter(|row| !new.contains(row)));
    table::write(writes, new.iter().filter(|row| !gone.contains(row)));
}

/// Derives all of them from the calendars, into an empty table.
pub(crate) async fn derive(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let nothing = BTreeMap::new();
    table::derive_from(connection, |writes, page| update(writes, &nothing, page)).await
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
        let was = before
            .get(id)
            .map(|row| runs(&free(&row.sessions, &row.taken)))
            .unwrap_or_default();
        let is = runs(&free(&row.sessions, &row.taken));
        changes.gone.extend(was.difference(&is).map(|run| (*id, *run)));
        changes.new.extend(is.difference(&was).map(|run| (*id, *run)));
    }
    changes
}

/// Runs before Postgres' calendar begin when it does, and may be the same row then.
pub(crate) fn rows_of(runs: &[(CalendarId, Run)]) -> BTreeSet<FreeRunRow> {
    let row = |(id, run): &(CalendarId, Run)| FreeRunRow {
        practitioner: id.owner,
        first: column::instant(run.first),
        last: column::instant(run.last),
        minutes: run.minutes,
        day: id.day,
    };
    runs.iter().map(row).collect()
}
