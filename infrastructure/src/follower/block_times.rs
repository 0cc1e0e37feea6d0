//! When the blocks were made that have entries of the log: written with the journal, undone with it, corrected with it, and never pruned.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgArguments;
use sqlx::query::QueryScalar;
use sqlx::{PgConnection, Postgres};

use super::numbers::to_sql;
use crate::log::LogBlock;

/// A question whose parameters are being bound.
pub(super) type Asked<'q, O> = QueryScalar<'q, Postgres, O, PgArguments>;

/// The columns of many rows.
#[derive(Default)]
pub(super) struct BlockTimes {
    blocks: Vec<i64>,
    times: Vec<DateTime<Utc>>,
    positions: Vec<i64>,
}

impl BlockTimes {
    /// Of those of these blocks that have entries.
    pub(super) fn of<'a>(blocks: impl Iterator<Item = &'a LogBlock>) -> Self {
        let mut rows = Self::default();
        for LogBlock { block, appended, .. } in blocks {
            if let Some(last) = appended.last() {
                rows.blocks.push(to_sql(block.number));
                rows.times.push(instant(block.timestamp));
                rows.positions.push(to_sql(last.position));
            }
        }
        rows
    }

    /// Binds the columns in their order in the table.
    pub(super) fn bind<O>(self, query: Asked<'_, O>) -> Asked<'_, O> {
        query.bind(self.blocks).bind(self.times).bind(self.positions)
    }
}

/// A block's time. What lies beyond the calendar, as no chain's does, is its end.
fn instant(seconds: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(to_sql(seconds), 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Writes the times of blocks that have none yet.
pub(super) async fn record<'a>(
    connection: &mut PgConnection,
    blocks: impl Iterator<Item = &'a LogBlock>,
) -> Result<(), sqlx::Error> {
    let BlockTimes {
        blocks,
        times,
        positions,
    } = BlockTimes::of(blocks);
    sqlx::query(
        "INSERT INTO block_times (block, time, position)
         SELECT * FROM UNNEST($1::bigint[], $2::timestamptz[], $3::bigint[])",
    )
    .bind(blocks)
    .bind(times)
    .bind(positions)
    .execute(connection)
    .await
    .map(drop)
}

/// Forgets all of them, for the blocks were made anew.
pub(super) async fn forget(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM block_times")
        .execute(connection)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_beyond_the_calendar_is_its_end() {
        assert_eq!(instant(0), DateTime::UNIX_EPOCH);
        for beyond in [u64::MAX, i64::MAX.unsigned_abs(), 1 << 50] {
            assert_eq!(instant(beyond), DateTime::<Utc>::MAX_UTC, "{beyond}");
        }
    }
}
