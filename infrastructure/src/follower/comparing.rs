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

    /// What is compared of it.
    const fn columns(self) -> &'static str {
        match self {
            Self::Journal => "stream, version, hash, before, block_number, transaction, origin, payload",
            Self::Erasures => "stream, subject, key_ids",
            Self::Chapters => "stream, record, number",
        }
    }

    /// In what else a live row differs from one that was read afresh. What the journal says beside a sealed entry decides commands. Of an event of
    /// which nothing is known afresh, for somebody is erased, the live row may know more for a while; and which of the entries of the erased are
    /// void nobody can tell any more.
    const fn differs_besides(self) -> &'static str {
        match self {
            Self::Journal => {
                "(afresh.aggregate_id IS NOT NULL AND (ours.aggregate_id, ours.command_id, ours.claimed_at, ours.void)
                      IS DISTINCT FROM (afresh.aggregate_id, afresh.command_id, afresh.claimed_at, afresh.void))
                 OR ((ours.void IS NULL) <> (afresh.void IS NULL) AND NOT EXISTS (
                      SELECT FROM live.erasures WHERE erasures.stream = live.record_of(ours.stream)))"
            }
            Self::Erasures | Self::Chapters => "false",
        }
    }
}

/// The first position up to this one at which the live schema has noted something else than another schema, or one more or less; or one behind
/// the end of what it has read.
///
/// # Errors
/// When the database refuses.
pub async fn first_difference(
    pool: &PgPool,
    schema: &str,
    noted: Noted,
    position: Position,
) -> Result<Option<Position>, sqlx::Error> {
    let (table, columns, besides) = (noted.name(), noted.columns(), noted.differs_besides());
    let rows = |of: &str| format!("(SELECT *, ({columns}) AS entry FROM \"{of}\".{table} WHERE position <= $1)");
    let sql = format!(
        "SELECT LEAST(
             (SELECT min(position) FROM {} AS ours FULL JOIN {} AS afresh USING (position)
              WHERE ours.entry IS DISTINCT FROM afresh.entry OR {besides}),
             (SELECT min(position) FROM {LIVE}.{table} WHERE position > (SELECT position FROM {LIVE}.checkpoint)))",
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
