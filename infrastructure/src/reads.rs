//! Reads that are noted, in Postgres, sealed: in the open stand whose record was read, and when.

use std::time::Duration;

use application::log::Position;
use application::ports::StoreError;
use application::ports::reads::{Due, NotedReads, Notes, Overdue};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::access_log::Read;
use domain::kernel::{CommandId, PatientId};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crash::{self, crash_point};
use crate::keys::{InterimKey, MasterSecret};
use crate::postgres::Answering;
use crate::sessions::store;

/// For how long whoever has taken notes on is not disturbed; each time that they are taken on again, twice as long, up to 32 times: what fails for good is tried seldom. Two who do it at once do no
/// harm: it is one command.
const UNDISTURBED: Duration = Duration::from_secs(20);

/// How much is taken on at once. Enough that what waits for finality and is taken on again leaves room for others.
const AT_ONCE: i64 = 128;

/// In how many parts notes of a patient are taken at once.
const MOST_PARTS: usize = 40;

/// After how long a note is tried again that cannot be opened.
const UNREADABLE_AGAIN: Duration = Duration::from_secs(60 * 60);

/// How a note is written: this byte, the read, and zeros up to a multiple of [`PADDED_TO`], which tell nobody who has read by how long it is.
const FORMAT: u8 = 1;
const PADDED_TO: usize = 128;

/// Notes a read of each of these patients. Each is due by chance, after the wait or up to as long again: what was read together is not put into the log together, where everybody sees it.
const NOTING: &str = "INSERT INTO noted_reads (patient, sealed, due_at)
     SELECT patient, sealed, clock_timestamp() + $3 * (1 + random()) FROM UNNEST($1::uuid[], $2::bytea[]) AS noted (patient, sealed)";

/// Of whom something is due.
const DUE: &str = "SELECT DISTINCT patient FROM
     (SELECT patient FROM noted_reads WHERE command_id IS NULL AND due_at < clock_timestamp() ORDER BY due_at LIMIT 10000) AS due LIMIT $1";

/// Takes what was noted of a patient together: as much as one transaction certainly carries. What cannot be opened, and was set aside, comes last. What a
/// backup has brought goes one part after another, for each is held against the log as the one before has left it.
const TAKING: &str = "WITH untaken AS (SELECT id, due_at, length(sealed) AS bytes FROM noted_reads WHERE patient = $1 AND command_id IS NULL
                        AND NOT (restored AND EXISTS (SELECT FROM taken_reads WHERE taken_reads.patient = $1))
                      ORDER BY due_at, id LIMIT 250 FOR UPDATE SKIP LOCKED),
          summed AS (SELECT id, sum(bytes) OVER (ORDER BY due_at, id) AS bytes, row_number() OVER (ORDER BY due_at, id) AS n FROM untaken),
          fitting AS (SELECT id FROM summed WHERE bytes <= 60000 OR n = 1),
          taken AS (INSERT INTO taken_reads (command_id, patient)
                    SELECT gen_random_uuid(), $1 WHERE EXISTS (SELECT FROM fitting) RETURNING command_id)
     UPDATE noted_reads SET command_id = taken.command_id FROM fitting, taken WHERE noted_reads.id = fitting.id";

/// Takes on what nobody works at.
const TAKING_ON: &str =
    "UPDATE taken_reads SET undisturbed_until = clock_timestamp() + $1 * power(2, attempts), attempts = least(attempts, 4) + 1
     WHERE command_id IN (SELECT command_id FROM taken_reads WHERE undisturbed_until < clock_timestamp()
                          ORDER BY undisturbed_until LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING command_id, patient, taken_at, attempts";

/// Takes on what was taken of a patient, whoever works at it.
const TAKING_ON_ALL_OF: &str =
    "UPDATE taken_reads SET undisturbed_until = clock_timestamp() + $1, attempts = greatest(attempts, least(attempts, 1) + 1)
     WHERE patient = $2 RETURNING command_id, patient, taken_at, attempts";

/// Sets aside what cannot be opened: it goes with no others, and is kept. A newer server may have logged it with the others.
const SETTING_ASIDE: &str =
    "UPDATE noted_reads SET command_id = NULL, restored = TRUE, due_at = clock_timestamp() + $2 WHERE id = ANY ($1)";

/// Forgets what is in the log for good.
const FORGETTING: &str = "DELETE FROM taken_reads USING checkpoint WHERE command_id = $1
     AND ($2 <= final_position
          OR EXISTS (SELECT FROM journal WHERE journal.command_id = $1 AND void IS NULL AND position <= final_position))";

/// Forgets all that was noted of patients, who are the parameter.
pub(crate) const FORGETTING_ALL_OF: [&str; 2] = [
    "DELETE FROM taken_reads WHERE patient = ANY ($1)",
    "DELETE FROM noted_reads WHERE patient = ANY ($1)",
];

/// What waits for too long: of very much the first.
const OVERDUE: &str = "SELECT count(*), min(noted_at) FROM
     (SELECT noted_at FROM noted_reads WHERE noted_at < $1
        AND NOT EXISTS (SELECT FROM journal WHERE journal.command_id = noted_reads.command_id AND void IS NULL)
      ORDER BY noted_at LIMIT 10000) AS overdue";

/// [`NotedReads`] in Postgres.
#[derive(Clone, Debug)]
pub struct PostgresReads {
    pool: Answering,
    key: InterimKey,
    wait: Duration,
}

#[derive(FromRow)]
struct Taken {
    command_id: Uuid,
    patient: Uuid,
    taken_at: DateTime<Utc>,
    attempts: i64,
}

impl PostgresReads {
    /// Over a pool whose search path has the read models and `core`, sealed under an organisation's secret. What is noted is due after a wait, at most twice as long.
    pub fn new(pool: PgPool, secret: &MasterSecret, wait: Duration) -> Self {
        Self {
            pool: Answering::new(pool),
            key: InterimKey::new(secret, b"noted reads"),
            wait,
        }
    }

    fn seal(&self, patient: PatientId, read: &Read) -> Result<Vec<u8>, StoreError> {
        let content = postcard::to_stdvec(read).map_err(|error| StoreError(Box::new(error)))?;
        let mut bytes = Zeroizing::new([&[FORMAT], content.as_slice()].concat());
        let padded = bytes.len().next_multiple_of(PADDED_TO);
        bytes.resize(padded, 0);
        let sealed = self.key.seal(patient.uuid().as_bytes(), bytes);
        sealed.map_err(|error| StoreError(Box::new(error)))
    }

    fn open(&self, patient: PatientId, sealed: &[u8]) -> Option<Read> {
        let opened = self.key.open(patient.uuid().as_bytes(), sealed)?;
        let (format, content) = opened.split_first()?;
        let read = (*format == FORMAT).then(|| postcard::take_from_bytes(content).ok())??;
        let (read, padding): (Read, &[u8]) = read;
        padding.iter().all(|byte| *byte == 0).then_some(read)
    }

    /// Takes all that was noted of a patient together, in as many parts as it needs; of very much some.
    async fn take(&self, patient: Uuid) -> Result<(), StoreError> {
        for _ in 0..MOST_PARTS {
            let taking = sqlx::query(TAKING).bind(patient).execute(&self.pool);
            if taking.await.map_err(store)?.rows_affected() == 0 {
                break;
            }
        }
        Ok(())
    }

    /// What was taken together. `None` when nothing of it can be opened: then it is given up, and each note waits by itself.
    async fn notes(&self, taken: Taken) -> Result<Option<Notes>, StoreError> {
        let sql = "SELECT id, sealed, restored FROM noted_reads WHERE command_id = $1 ORDER BY id";
        let rows: Vec<(i64, Vec<u8>, bool)> = sqlx::query_as(sql)
            .bind(taken.command_id)
            .fetch_all(&self.pool)
            .await
            .map_err(store)?;
        let patient = PatientId::new(taken.patient);
        let (mut reads, mut unreadable, mut restored) = (Vec::new(), Vec::new(), false);
        for (id, sealed, is_restored) in rows {
            match self.open(patient, &sealed) {
                Some(read) => {
                    reads.push(read);
                    restored |= is_restored;
                }
                None => unreadable.push(id),
            }
        }
        if !unreadable.is_empty() {
            tracing::error!(
                notes = unreadable.len(),
                "noted reads cannot be opened: they were altered, sealed under another master secret, or written by a newer version"
            );
            self.set_aside(&unreadable).await?;
        }
        if reads.is_empty() {
            let giving_up = sqlx::query("DELETE FROM taken_reads WHERE command_id = $1").bind(taken.command_id);
            giving_up.execute(&self.pool).await.map_err(store)?;
            return Ok(None);
        }
        Ok(Some(Notes {
            command_id: CommandId::new(taken.command_id),
            patient,
            reads,
            at: taken.taken_at,
            repeated: taken.attempts > 1,
            restored,
        }))
    }

    async fn set_aside(&self, notes: &[i64]) -> Result<(), StoreError> {
        let setting_aside = sqlx::query(SETTING_ASIDE).bind(notes).bind(UNREADABLE_AGAIN);
        setting_aside.execute(&self.pool).await.map(drop).map_err(store)
    }
}

#[async_trait]
impl NotedReads for PostgresReads {
    async fn note(&self, patients: &[PatientId], read: &Read) -> Result<(), StoreError> {
        let sealed = patients.iter().map(|patient| self.seal(*patient, read));
        let sealed = sealed.collect::<Result<Vec<_>, _>>()?;
        let patients: Vec<Uuid> = patients.iter().map(|patient| patient.uuid()).collect();
        sqlx::query(NOTING)
            .bind(patients)
            .bind(sealed)
            .bind(self.wait)
            .execute(&self.pool)
            .await
            .map_err(store)?;
        crash_point(crash::READ_NOTED);
        Ok(())
    }

    async fn take_on(&self, due: Due) -> Result<Vec<Notes>, StoreError> {
        let taken: Vec<Taken> = match due {
            Due::Now => {
                let patients: Vec<Uuid> = sqlx::query_scalar(DUE)
                    .bind(AT_ONCE)
                    .fetch_all(&self.pool)
                    .await
                    .map_err(store)?;
                for patient in patients {
                    self.take(patient).await?;
                }
                let taking_on = sqlx::query_as(TAKING_ON).bind(UNDISTURBED).bind(AT_ONCE);
                taking_on.fetch_all(&self.pool).await.map_err(store)?
            }
            Due::Of(patient) => {
                self.take(patient.uuid()).await?;
                let taking_on = sqlx::query_as(TAKING_ON_ALL_OF).bind(UNDISTURBED).bind(patient.uuid());
                taking_on.fetch_all(&self.pool).await.map_err(store)?
            }
        };
        if !taken.is_empty() {
            crash_point(crash::READS_TAKEN);
        }
        let mut notes = Vec::new();
        for taken in taken {
            notes.extend(self.notes(taken).await?);
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
        for sql in FORGETTING_ALL_OF {
            let forgetting = sqlx::query(sql).bind([patient.uuid()]).execute(&self.pool);
            forgetting.await.map_err(store)?;
        }
        Ok(())
    }

    async fn overdue(&self, before: DateTime<Utc>) -> Result<Option<Overdue>, StoreError> {
        let (reads, since): (i64, Option<DateTime<Utc>>) = sqlx::query_as(OVERDUE)
            .bind(before)
            .fetch_one(&self.pool)
            .await
            .map_err(store)?;
        let reads = reads.unsigned_abs();
        Ok(since.map(|since| Overdue { reads, since }))
    }

    async fn waiting(&self, patient: PatientId, most: Option<u32>) -> Result<Vec<Read>, StoreError> {
        let sql = "SELECT sealed FROM noted_reads WHERE patient = $1
                     AND NOT EXISTS (SELECT FROM journal WHERE journal.command_id = noted_reads.command_id AND void IS NULL)
                   ORDER BY id DESC LIMIT $2";
        let sealed: Vec<Vec<u8>> = sqlx::query_scalar(sql)
            .bind(patient.uuid())
            .bind(most.map(i64::from))
            .fetch_all(&self.pool)
            .await
            .map_err(store)?;
        // What cannot be opened is told to the administrators.
        let opened = sealed.iter().filter_map(|sealed| self.open(patient, sealed));
        let mut waiting: Vec<Read> = opened.collect();
        waiting.sort_by_key(|read| std::cmp::Reverse(read.at));
        Ok(waiting)
    }
}
