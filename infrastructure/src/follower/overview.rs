//! How far the log is, and what is held back, as the database has it.

use application::log::{Position, StreamId};
use application::use_cases::status::ParkedStatus;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::numbers::from_sql;

/// The log as applied here, and the outbox of all servers together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogAndOutbox {
    /// The position of the last event.
    pub position: Position,
    /// The running hash after it, in hexadecimal.
    pub running_hash: String,
    /// How many commits wait in the outbox.
    pub in_outbox: u64,
}

impl LogAndOutbox {
    /// Reads both in one statement, so that they belong together.
    ///
    /// # Errors
    /// When the database refuses, or the follower has not begun.
    pub async fn read(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let (position, hash, outbox): (i64, String, i64) = sqlx::query_as(
            "SELECT position, encode(running_hash, 'hex'), (SELECT count(*) FROM outbox_commits) FROM checkpoint",
        )
        .fetch_one(pool)
        .await?;
        Ok(Self {
            position: from_sql(position),
            running_hash: format!("0x{hash}"),
            in_outbox: from_sql(outbox),
        })
    }
}

/// How many entries stand in the records of the erased and cannot be read any more: in a stream that an erasure has ended, of no known aggregate, and
/// neither void nor parked.
///
/// # Errors
/// When the database refuses.
pub async fn erased_entries(pool: &PgPool) -> Result<u64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT count(*) FROM erasures CROSS JOIN LATERAL chapters_of(erasures.stream) AS chapter (stream)
         JOIN journal ON journal.stream = chapter.stream
         WHERE aggregate_id IS NULL AND void IS NULL
           AND NOT EXISTS (SELECT FROM parked WHERE parked.position = journal.position)",
    )
    .fetch_one(pool)
    .await
    .map(from_sql)
}

/// The first parked events, at most so many.
///
/// # Errors
/// When the database refuses.
pub async fn parked_events(pool: &PgPool, most: u32) -> Result<Vec<ParkedStatus>, sqlx::Error> {
    let rows: Vec<(i64, Vec<u8>, String, DateTime<Utc>)> =
        sqlx::query_as("SELECT position, stream, reason, parked_at FROM parked ORDER BY position LIMIT $1")
            .bind(i64::from(most))
            .fetch_all(pool)
            .await?;
    let parked = rows.into_iter().filter_map(|(position, stream, reason, since)| {
        let stream = StreamId(stream.try_into().ok()?);
        Some(ParkedStatus {
            position: from_sql(position),
            stream,
            reason,
            since,
        })
    });
    Ok(parked.collect())
}
