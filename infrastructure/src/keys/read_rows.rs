//! The table `noted_reads`, as a backup keeps it.

use chrono::{DateTime, Utc};
use domain::kernel::PatientId;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// A noted read as it rests in the database: sealed under a key that follows from the master secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestingRead {
    /// Of whom something was read.
    pub patient: PatientId,
    /// When it was noted.
    pub noted_at: DateTime<Utc>,
    /// The read.
    pub sealed: Vec<u8>,
}

/// Every noted read, as all of them are at one moment.
pub(super) async fn all(executor: impl PgExecutor<'_>) -> Result<Vec<RestingRead>, sqlx::Error> {
    let all: Vec<(Uuid, DateTime<Utc>, Vec<u8>)> =
        sqlx::query_as("SELECT patient, noted_at, sealed FROM noted_reads ORDER BY id")
            .fetch_all(executor)
            .await?;
    let read = |(patient, noted_at, sealed)| RestingRead {
        patient: PatientId::new(patient),
        noted_at,
        sealed,
    };
    Ok(all.into_iter().map(read).collect())
}

/// Writes noted reads that are not there. Answers with how many.
pub(super) async fn insert(connection: &mut PgConnection, reads: &[RestingRead]) -> Result<u64, sqlx::Error> {
    let patients: Vec<Uuid> = reads.iter().map(|read| read.patient.uuid()).collect();
    let noted: Vec<DateTime<Utc>> = reads.iter().map(|read| read.noted_at).collect();
    let sealed: Vec<&[u8]> = reads.iter().map(|read| read.sealed.as_slice()).collect();
    // Nothing is sealed twice in the same way.
    let sql = "INSERT INTO noted_reads (patient, noted_at, sealed, restored, due_at)
               SELECT patient, noted_at, sealed, TRUE, clock_timestamp() FROM UNNEST($1::uuid[], $2::timestamptz[], $3::bytea[]) AS kept (patient, noted_at, sealed)
               WHERE NOT EXISTS (SELECT FROM noted_reads AS there WHERE there.patient = kept.patient AND there.sealed = kept.sealed)";
    let restoring = sqlx::query(sql).bind(patients).bind(noted).bind(sealed);
    Ok(restoring.execute(connection).await?.rows_affected())
}
