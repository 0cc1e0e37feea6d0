//! The table `epochs`.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::epochs::{EpochCommitment, EpochNumber};

/// An epoch's secret as it rests: wrapped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestingEpoch {
    /// Its number.
    pub number: EpochNumber,
    /// What the secret commits to: its name.
    pub commitment: EpochCommitment,
    /// The secret, wrapped.
    pub wrapped: Vec<u8>,
    /// The name of the key-encryption key.
    pub kek_id: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

type Row = (i64, EpochCommitment, Vec<u8>, String, DateTime<Utc>);

/// All that are here, by number.
pub(super) async fn all(executor: impl PgExecutor<'_>) -> Result<Vec<RestingEpoch>, sqlx::Error> {
    let sql = "SELECT number, commitment, wrapped, kek_id, created_at FROM epochs ORDER BY number, commitment";
    let rows: Vec<Row> = sqlx::query_as(sql).fetch_all(executor).await?;
    let resting = |(number, commitment, wrapped, kek_id, created_at): Row| RestingEpoch {
        number: number.unsigned_abs(),
        commitment,
        wrapped,
        kek_id,
        created_at,
    };
    Ok(rows.into_iter().map(resting).collect())
}

/// Writes those that are not there. Answers with how many were not.
pub(super) async fn insert(connection: &mut PgConnection, epochs: &[&RestingEpoch]) -> Result<u64, sqlx::Error> {
    let mut inserted = 0;
    for epoch in epochs {
        let sql = "INSERT INTO epochs (number, commitment, wrapped, kek_id, created_at) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (commitment) DO NOTHING";
        let done = sqlx::query(sql)
            .bind(epoch.number.cast_signed())
            .bind(epoch.commitment.as_slice())
            .bind(epoch.wrapped.as_slice())
            .bind(&epoch.kek_id)
            .bind(epoch.created_at)
            .execute(&mut *connection)
            .await?;
        inserted += done.rows_affected();
    }
    Ok(inserted)
}

/// Puts other wrapped bytes in the place of those of an epoch.
pub(super) async fn replace(connection: &mut PgConnection, epoch: &RestingEpoch) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE epochs SET wrapped = $2, kek_id = $3 WHERE commitment = $1")
        .bind(epoch.commitment.as_slice())
        .bind(epoch.wrapped.as_slice())
        .bind(&epoch.kek_id)
        .execute(connection)
        .await
        .map(drop)
}

/// Keeps everybody else from writing epochs until the transaction ends.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let lock = sqlx::query("LOCK TABLE epochs IN SHARE ROW EXCLUSIVE MODE");
    lock.execute(connection).await.map(drop)
}
