//! Turns a block's events into rows: load what they touch, fold in memory, write what changed.

use std::collections::BTreeMap;

use application::log::{BlockRef, OpenedEvent};
use application::projector::Projector;
use domain::calendar::CalendarEvent;
use domain::kernel::{AppointmentId, CalendarId};
use sqlx::{Executor, PgConnection};

use crate::appointments::AppointmentRow;
use crate::batch::{Batch, Entry, Stamp, keys_to_load};
use crate::{accounts, appointments, calendars, patients, practitioners, relationships};

/// The read models, as the follower fills them.
#[derive(Clone, Copy, Default, Debug)]
pub struct ReadModels;

/// The database refused.
#[derive(Debug, thiserror::Error)]
#[error("the read models cannot be written")]
pub struct ProjectionError(#[from] sqlx::Error);

/// Those that are filled block by block.
const SCHEMAS: [&str; 6] = [
    include_str!("patients/schema.sql"),
    include_str!("practitioners/schema.sql"),
    include_str!("calendars/schema.sql"),
    include_str!("appointments/schema.sql"),
    include_str!("relationships/schema.sql"),
    include_str!("accounts/schema.sql"),
];

/// Those that only queries need.
const INDEXES: [&str; 5] = [
    include_str!("patients/indexes.sql"),
    include_str!("calendars/indexes.sql"),
    include_str!("appointments/indexes.sql"),
    include_str!("relationships/indexes.sql"),
    include_str!("accounts/indexes.sql"),
];

impl Projector for ReadModels {
    type Connection = PgConnection;
    type Error = ProjectionError;

    fn tables(&self) -> &'static [&'static str] {
        &[
            "patients",
            "patient_names",
            "practitioners",
            "calendars",
            "free_slots",
            "appointments",
            "relationships",
            "accounts",
            "account_keys",
        ]
    }

    async fn create(&self, connection: &mut PgConnection) -> Result<(), ProjectionError> {
        for sql in SCHEMAS {
            connection.execute(sql).await?;
        }
        Ok(())
    }

    async fn index(&self, connection: &mut PgConnection) -> Result<(), ProjectionError> {
        for sql in INDEXES {
            connection.execute(sql).await?;
        }
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        _block: &BlockRef,
        events: &[OpenedEvent],
    ) -> Result<(), ProjectionError> {
        let batch = Batch::of(events);

        let before = patients::load(connection, &keys_to_load(&batch.patients)).await?;
        let changed = fold_all(&before, &batch.patients, patients::fold);
        patients::write(connection, &before, &changed).await?;

        let before = practitioners::load(connection, &keys_to_load(&batch.practitioners)).await?;
        let changed = fold_all(&before, &batch.practitioners, practitioners::fold);
        practitioners::write(connection, &changed).await?;

        let before = accounts::load(connection, &keys_to_load(&batch.accounts)).await?;
        let changed = fold_all(&before, &batch.accounts, accounts::fold);
        accounts::write(connection, &before, &changed).await?;

        apply_calendars(connection, &batch.calendars).await
    }
}

async fn apply_calendars(
    connection: &mut PgConnection,
    entries: &[Entry<'_, CalendarId, CalendarEvent>],
) -> Result<(), ProjectionError> {
    let offers: Vec<_> = entries
        .iter()
        .copied()
        .filter(|(_, _, event)| calendars::concerns_the_offer(event))
        .collect();
    let before = calendars::load(connection, &keys_to_load(&offers)).await?;
    let changed = fold_all(&before, &offers, |row, stamp, event| {
        Some(calendars::fold(row, stamp, event))
    });
    calendars::write(connection, &before, &changed).await?;

    let mut keys: Vec<AppointmentId> = entries
        .iter()
        .filter_map(|(_, _, event)| appointments::appointment_of(event))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let before = appointments::load(connection, &keys).await?;
    let changed = fold_appointments(&before, entries);
    appointments::write(connection, &changed).await?;
    relationships::write(connection, &relationships::changes(&before, &changed)).await?;
    Ok(())
}

/// Folds events into rows, in order; answers with the rows of the keys that were touched and exist.
pub(crate) fn fold_all<K: Ord + Copy, R: Clone, E>(
    before: &BTreeMap<K, R>,
    entries: &[Entry<'_, K, E>],
    fold: impl Fn(Option<R>, &Stamp, &E) -> Option<R>,
) -> BTreeMap<K, R> {
    let mut rows: BTreeMap<K, Option<R>> = BTreeMap::new();
    for (key, stamp, event) in entries {
        let row = rows.entry(*key).or_insert_with(|| before.get(key).cloned());
        *row = fold(row.take(), stamp, event);
    }
    rows.into_iter().filter_map(|(key, row)| Some((key, row?))).collect()
}

/// Folds all days' events into appointments, in the order of the log; `None` for those that are gone.
pub(crate) fn fold_appointments(
    before: &BTreeMap<AppointmentId, AppointmentRow>,
    entries: &[Entry<'_, CalendarId, CalendarEvent>],
) -> BTreeMap<AppointmentId, Option<AppointmentRow>> {
    let mut rows: BTreeMap<AppointmentId, Option<AppointmentRow>> = BTreeMap::new();
    for (calendar, stamp, event) in entries {
        if let Some(id) = appointments::appointment_of(event) {
            let row = rows.entry(id).or_insert_with(|| before.get(&id).cloned());
            *row = appointments::fold(row.take(), *calendar, stamp, event);
        }
    }
    rows
}
