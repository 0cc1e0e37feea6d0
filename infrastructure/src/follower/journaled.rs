//! Entries as the journal has them, read back from its rows.

use application::log::StreamId;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::numbers::from_sql;
use crate::log::{AppendedEntry, JournaledEntry, Origin};

/// A row of the journal: position, stream, version, transaction, origin, payload, what its stream ended with before, and the number of its chapter.
pub(super) fn journaled(row: &PgRow) -> Result<JournaledEntry, sqlx::Error> {
    Ok(JournaledEntry {
        entry: AppendedEntry {
            position: from_sql(row.try_get(0)?),
            stream: StreamId(row.try_get(1)?),
            version: from_sql(row.try_get(2)?),
            transaction: row.try_get(3)?,
            origin: Origin::from_sql(row.try_get(4)?),
            payload: row.try_get::<Vec<u8>, _>(5)?.into(),
        },
        before: row.try_get(6)?,
        chapter: u16::try_from(row.try_get::<i32, _>(7)?).unwrap_or_default(),
    })
}
