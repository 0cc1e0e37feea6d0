//! What is live against what was folded afresh beside it, in the same database.

use application::log::Position;
use sqlx::PgPool;

use super::numbers::{from_sql, to_sql};
use crate::chain::Hash;
use crate::postgres::{ANSWER, LIVE, LONG_STEP, within};

/// In which block the live journal has the entry at a position; `None` when it has none there.
///
/// # Errors
/// When the database refuses.
pub async fn block_of(pool: &PgPool, position: Position) -> Result<Option<u64>, sqlx::Error> {
    let sql = format!("SELECT block_number FROM {LIVE}.journal WHERE position = $1");
    let found = sqlx::query_scalar(&sql).bind(to_sql(position)).fetch_optional(pool);
    let found: Option<i64> = within(ANSWER, found).await?;
    Ok(found.map(from_sql))
}

/// The block that the live read models stand after; `None` when nothing was ever read into them.
///
/// # Errors
/// When the database refuses.
pub async fn standing(pool: &PgPool) -> Result<Option<(u64, Hash)>, sqlx::Error> {
    let sql = format!("SELECT block_number, block_hash FROM {LIVE}.checkpoint");
    let found: Option<(i64, Hash)> = within(ANSWER, sqlx::query_as(&sql).fetch_optional(pool)).await?;
    Ok(found.map(|(number, hash)| (from_sql(number), hash)))
}

/// The first position up to this one at which the live journal has another entry than that of a schema, or one more or less. What it says beside the
/// sealed entry is not compared: some of it is forgotten when somebody is erased.
///
/// # Errors
/// When the database refuses.
pub async fn first_difference(
    pool: &PgPool,
    schema: &str,
    position: Position,
) -> Result<Option<Position>, sqlx::Error> {
    let rows = |of: &str| {
        format!(
            "(SELECT position, (stream, version, hash, before, block_number, transaction, origin, payload) AS entry
              FROM \"{of}\".journal WHERE position <= $1)"
        )
    };
    let sql = format!(
        "SELECT min(position) FROM {} AS ours FULL JOIN {} AS afresh USING (position) WHERE ours.entry IS DISTINCT FROM afresh.entry",
        rows(LIVE),
        rows(schema),
    );
    let found: Option<i64> = within(
        LONG_STEP,
        sqlx::query_scalar(&sql).bind(to_sql(position)).fetch_one(pool),
    )
    .await?;
    Ok(found.map(from_sql))
}
