//! Content hashes: whether two servers, or a server and an auditor, show the same.
//!
//! SHA-256 over the rows of a read model in the order of their keys. A row is its columns as Postgres writes a row as text,
//! under fixed settings, preceded by its length. Only what a reader sees counts; versions, positions and times of recording
//! differ between two runs of the same history, and so does as of when something is told that is not dated.

use application::ports::queries::ProjectionHash;
use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::{Executor, PgPool};

use crate::column;
use crate::projector::READ_MODELS;

/// All of one answer is read at one position. Rows are streamed: memory stays flat.
pub(crate) async fn content_hashes(pool: &PgPool) -> Result<Vec<ProjectionHash>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    transaction
        .execute(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; \
             SET LOCAL statement_timeout = '20min'; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL bytea_output = 'hex'",
        )
        .await?;
    let position: Option<i64> = sqlx::query_scalar("SELECT position FROM checkpoint")
        .fetch_optional(&mut *transaction)
        .await?;
    let position = position.map_or(0, column::counter);
    let mut hashes = Vec::with_capacity(READ_MODELS.len());
    for (name, tables) in READ_MODELS {
        let (mut hash, mut rows) = (Sha256::new(), 0_u64);
        for table in tables {
            let seen = table.seen();
            let mut stream = sqlx::query_scalar::<_, String>(&seen).fetch(&mut *transaction);
            while let Some(row) = stream.try_next().await? {
                hash.update(column::int8(row.len() as u64).to_be_bytes());
                hash.update(row.as_bytes());
                rows = rows.saturating_add(1);
            }
        }
        hashes.push(ProjectionHash {
            name,
            rows,
            hash: hex::encode(hash.finalize()),
            position,
        });
    }
    transaction.rollback().await?;
    Ok(hashes)
}
