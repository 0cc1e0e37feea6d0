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

/// What the follower notes of the log, beside the read models.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Noted {
    /// The entries.
    Journal,
    /// Who is erased: a rebuild believes those of the live schema before it has read the log.
    Erasures,
    /// Which chapters of records are closed: where commands are decided.
    Chapters,
}

impl Noted {
    /// The table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Erasures => "erasures",
            Self::Chapters => "chapters",
        }
    }

    /// What is compared of it. What the journal says beside the sealed entry is not: some of it is forgotten when somebody is erased.
    const fn columns(self) -> &'static str {
        match self {
            Self::Journal => "stream, version, hash, before, block_number, transaction, origin, payload",
            Self::Erasures => "stream, subject, key_ids",
            Self::Chapters => "stream, record, number",
        }
    }
}

/// The first position up to this one at which the live schema has noted something else than another schema, or one more or less.
///
/// # Errors
/// When the database refuses.
pub async fn first_difference(
    pool: &PgPool,
    schema: &str,
    noted: Noted,
    position: Position,
) -> Result<Option<Position>, sqlx::Error> {
    let (table, columns) = (noted.name(), noted.columns());
    let rows = |of: &str| format!("(SELECT position, ({columns}) AS entry FROM \"{of}\".{table} WHERE position <= $1)");
    let sql = format!(
        "SELECT min(position) FROM {} AS ours FULL JOIN {} AS afresh USING (position) WHERE ours.entry IS DISTINCT FROM afresh.entry",
        rows(LIVE),
        rows(schema),
    );
    let found = sqlx::query_scalar(&sql).bind(to_sql(position)).fetch_one(pool);
    let found: Option<i64> = within(LONG_STEP, found).await?;
    Ok(found.map(from_sql))
}

/// How many chapters a schema has beside the first ones.
///
/// # Errors
/// When the database refuses.
pub async fn later_chapters(pool: &PgPool, schema: &str) -> Result<u64, sqlx::Error> {
    let sql = format!("SELECT count(*) FROM \"{schema}\".chapters");
    let found: i64 = within(LONG_STEP, sqlx::query_scalar(&sql).fetch_one(pool)).await?;
    Ok(from_sql(found))
}

/// How many erasures a schema has, and how many keys are destroyed of data subjects of whom it has none: what was under these nobody can read any
/// more, and the log does not say why.
///
/// # Errors
/// When the database refuses.
pub async fn erasures(pool: &PgPool, schema: &str) -> Result<(u64, u64), sqlx::Error> {
    let sql = format!(
        "SELECT (SELECT count(*) FROM \"{schema}\".erasures),
                (SELECT count(*) FROM core.data_keys WHERE destroyed_at IS NOT NULL AND NOT EXISTS (
                     SELECT FROM \"{schema}\".erasures WHERE split_part(erasures.subject, '/', 2) = data_keys.subject::text))"
    );
    let found: (i64, i64) = within(LONG_STEP, sqlx::query_as(&sql).fetch_one(pool)).await?;
    Ok((from_sql(found.0), from_sql(found.1)))
}
