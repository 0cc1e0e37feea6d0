//! Reads that are noted, in Postgres, sealed: in the open stand whose record was read, and when.

use std::time::Duration;

use application::log::Position;
use application::ports::StoreError;
use application::ports::reads::{Due, NotedReads, Notes};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::access_log::{AccessLog, Read};
use domain::kernel::{CommandId, PatientId};
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crash::{self, crash_point};
use crate::keys::{InterimKey, MasterSecret};
use crate::postgres::Answering;
use crate::sessions::store;

/// For how long whoever has taken notes on is not disturbed. Two who do it at once do no harm: it is one command.
const UNDISTURBED: Duration = Duration::from_secs(10);

/// Of how many patients notes are taken on at once.
const AT_ONCE: i64 = 32;

/// How many reads that wait are told at most.
const MOST_WAITING: i64 = 200;

/// Of whom something was noted before an instant and is not taken.
const DUE: &str = "SELECT patient FROM noted_reads WHERE command_id IS NULL AND noted_at < $1
     GROUP BY patient ORDER BY min(noted_at) LIMIT $2";

/// Takes what was noted of a patient together.
const TAKING: &str = "WITH untaken AS (SELECT id FROM noted_reads WHERE patient = $1 AND command_id IS NULL
                      ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED),
          taken AS (INSERT INTO taken_reads (command_id, patient)
                    SELECT gen_random_uuid(), $1 WHERE EXISTS (SELECT FROM untaken) RETURNING command_id)
     UPDATE noted_reads SET command_id = taken.command_id FROM untaken, taken WHERE noted_reads.id = untaken.id";

/// Takes on what is taken together: of a patient all, otherwise what nobody works at.
const TAKING_ON: &str =
    "UPDATE taken_reads SET undisturbed_until = clock_timestamp() + $1, attempts = attempts + 1
     WHERE command_id IN (SELECT command_id FROM taken_reads
                          WHERE CASE WHEN $2::uuid IS NULL THEN undisturbed_until < clock_timestamp() ELSE patient = $2 END
                          ORDER BY undisturbed_until LIMIT $3 FOR UPDATE SKIP LOCKED)
     RETURNING command_id, patient, taken_at, attempts";

/// Forgets what is in the log for good.
const FORGETTING: &str = "DELETE FROM taken_reads USING checkpoint WHERE command_id = $1
     AND ($2 <= final_position
          OR EXISTS (SELECT FROM journal WHERE journal.command_id = $1 AND void IS NULL AND position <= final_position))";

/// [`NotedReads`] in Postgres.
#[derive(Clone, Debug)]
pub struct PostgresReads {
    pool: Answering,
    key: InterimKey,
}

#[derive(FromRow)]
struct Taken {
    command_id: Uuid,
    patient: Uuid,
    taken_at: DateTime<Utc>,
    attempts: i64,
}

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
pub(crate) async fn resting(executor: impl PgExecutor<'_>) -> Result<Vec<RestingRead>, sqlx::Error> {
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
pub(crate) async fn restore(connection: &mut PgConnection, reads: &[RestingRead]) -> Result<u64, sqlx::Error> {
    let patients: Vec<Uuid> = reads.iter().map(|read| read.patient.uuid()).collect();
    let noted: Vec<DateTime<Utc>> = reads.iter().map(|read| read.noted_at).collect();
    let sealed: Vec<&[u8]> = reads.iter().map(|read| read.sealed.as_slice()).collect();
    // Nothing is sealed twice in the same way.
    let sql = "INSERT INTO noted_reads (patient, noted_at, sealed, restored)
               SELECT patient, noted_at, sealed, TRUE FROM UNNEST($1::uuid[], $2::timestamptz[], $3::bytea[]) AS kept (patient, noted_at, sealed)
               WHERE NOT EXISTS (SELECT FROM noted_reads AS there WHERE there.patient = kept.patient AND there.sealed = kept.sealed)";
    let restoring = sqlx::query(sql).bind(patients).bind(noted).bind(sealed);
    Ok(restoring.execute(connection).await?.rows_affected())
}

impl PostgresReads {
    /// Over a pool whose search path has the read models and `core`, sealed under an organisation's secret.
    pub fn new(pool: PgPool, secret: &MasterSecret) -> Self {
        Self {
            pool: Answering::new(pool),
            key: InterimKey::new(secret, b"noted reads"),
        }
    }

    fn seal(&self, patient: PatientId, read: &Read) -> Result<Vec<u8>, StoreError> {
        let bytes = postcard::to_stdvec(read).map_err(|error| StoreError(Box::new(error)))?;
        let sealed = self.key.seal(patient.uuid().as_bytes(), Zeroizing::new(bytes));
        sealed.map_err(|error| StoreError(Box::new(error)))
    }

    /// A note. One that somebody has altered says nothing, and keeps no other one back.
    fn open(&self, patient: PatientId, sealed: &[u8]) -> Option<Read> {
        let opened = self.key.open(patient.uuid().as_bytes(), sealed);
        let read = opened.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        if read.is_none() {
            tracing::error!("a noted read cannot be opened: it was altered, or sealed under another master secret");
        }
        read
    }

    async fn take(&self, patient: Uuid) -> Result<(), StoreError> {
        let most = i64::try_from(AccessLog::MOST).unwrap_or(i64::MAX);
        let taking = sqlx::query(TAKING).bind(patient).bind(most).execute(&self.pool);
        taking.await.map(drop).map_err(store)
    }

    async fn notes(&self, taken: Taken) -> Result<Notes, StoreError> {
        let sql = "SELECT sealed, restored FROM noted_reads WHERE command_id = $1 ORDER BY id";
        let rows: Vec<(Vec<u8>, bool)> = sqlx::query_as(sql)
            .bind(taken.command_id)
            .fetch_all(&self.pool)
            .await
            .map_err(store)?;
        let patient = PatientId::new(taken.patient);
        let opened = rows.iter().filter_map(|(sealed, _)| self.open(patient, sealed));
        Ok(Notes {
            command_id: CommandId::new(taken.command_id),
            patient,
            reads: opened.collect(),
            at: taken.taken_at,
            repeated: taken.attempts > 1,
            restored: rows.iter().any(|(_, restored)| *restored),
        })
    }
}

#[async_trait]
impl NotedReads for PostgresReads {
    async fn note(&self, patients: &[PatientId], read: &Read) -> Result<(), StoreError> {
        let sealed = patients.iter().map(|patient| self.seal(*patient, read));
        let sealed = sealed.collect::<Result<Vec<_>, _>>()?;
        let patients: Vec<Uuid> = patients.iter().map(|patient| patient.uuid()).collect();
        sqlx::query("INSERT INTO noted_reads (patient, sealed) SELECT * FROM UNNEST($1::uuid[], $2::bytea[])")
            .bind(patients)
            .bind(sealed)
            .execute(&self.pool)
            .await
            .map_err(store)?;
        crash_point(crash::READ_NOTED);
        Ok(())
    }

    async fn take_on(&self, due: Due) -> Result<Vec<Notes>, StoreError> {
        let (patients, whose) = match due {
            Due::Of(patient) => (vec![patient.uuid()], Some(patient.uuid())),
            Due::NotedBefore(before) => {
                let due = sqlx::query_scalar(DUE).bind(before).bind(AT_ONCE);
                (due.fetch_all(&self.pool).await.map_err(store)?, None)
            }
        };
        for patient in patients {
            self.take(patient).await?;
        }
        let taken: Vec<Taken> = sqlx::query_as(TAKING_ON)
            .bind(UNDISTURBED)
            .bind(whose)
            .bind(AT_ONCE)
            .fetch_all(&self.pool)
            .await
            .map_err(store)?;
        crash_point(crash::READS_TAKEN);
        let mut notes = Vec::new();
        for taken in taken {
            notes.push(self.notes(taken).await?);
        }
        Ok(notes)
    }

    async fn logged(&self, notes: CommandId, before: Option<Position>) -> Result<(), StoreError> {
        crash_point(crash::READS_LOGGED);
        sqlx::query(FORGETTING)
            .bind(notes.uuid())
            .bind(before.map(u64::cast_signed))
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn forget(&self, patient: PatientId) -> Result<(), StoreError> {
        for table in ["taken_reads", "noted_reads"] {
            let sql = format!("DELETE FROM {table} WHERE patient = $1");
            let forgetting = sqlx::query(&sql).bind(patient.uuid()).execute(&self.pool);
            forgetting.await.map_err(store)?;
        }
        Ok(())
    }

    async fn waiting(&self, patient: PatientId) -> Result<Vec<Read>, StoreError> {
        let sql = "SELECT sealed FROM noted_reads WHERE patient = $1
                     AND NOT EXISTS (SELECT FROM journal WHERE journal.command_id = noted_reads.command_id AND void IS NULL)
                   ORDER BY id DESC LIMIT $2";
        let sealed: Vec<Vec<u8>> = sqlx::query_scalar(sql)
            .bind(patient.uuid())
            .bind(MOST_WAITING)
            .fetch_all(&self.pool)
            .await
            .map_err(store)?;
        let opened = sealed.iter().filter_map(|sealed| self.open(patient, sealed));
        let mut waiting: Vec<Read> = opened.collect();
        waiting.sort_by_key(|read| std::cmp::Reverse(read.at));
        Ok(waiting)
    }
}
