//! Requests to be let into a patient's record in Postgres: in the open stand who asks whom, when, and what became of it; what for is sealed, and a code is a keyed hash.

use application::ports::StoreError;
use application::ports::access_requests::{AccessRequest, AccessRequestCursor, AccessRequests, RequestCode};
use application::ports::queries::Page;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::access_log::Reader;
use domain::grants::Proposal;
use domain::kernel::{AccountId, PatientId};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::{FromRow, PgPool, Postgres};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::keys::{FingerprintKey, InterimKey, MasterSecret};
use crate::postgres::Answering;
use crate::sealed_rows;
use crate::sessions::store;

/// [`AccessRequests`] in Postgres.
#[derive(Clone)]
pub struct PostgresAccessRequests {
    pool: Answering,
    key: InterimKey,
    codes: FingerprintKey,
}

/// Forgets what patients are asked, by their ids.
pub(crate) const FORGETTING_ALL_OF: &str = "DELETE FROM access_requests WHERE patient = ANY ($1)";

/// What a row seals.
#[derive(Serialize, Deserialize)]
struct Content {
    reader: Reader,
    proposal: Proposal,
    reason: Option<String>,
    code: Option<RequestCode>,
}

/// A row, without its code.
#[derive(FromRow)]
struct Row {
    id: Uuid,
    asker: Uuid,
    patient: Option<Uuid>,
    sealed: Vec<u8>,
    declined: bool,
    prepared: Vec<Uuid>,
    asked_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// A row that says something else than it should.
#[derive(Debug, thiserror::Error)]
#[error("a request for access cannot be read: it was altered, or sealed under another master secret")]
struct Unreadable;

impl PostgresAccessRequests {
    /// Over a pool whose search path has `core`, sealed under an organisation's secret.
    pub fn new(pool: PgPool, secret: &MasterSecret) -> Self {
        Self {
            pool: Answering::new(pool),
            key: InterimKey::new(secret, b"access requests"),
            codes: secret.fingerprinting(),
        }
    }

    /// A code as it is stored. Its bits are few: without the key it would be found by trying.
    fn digest(&self, code: RequestCode) -> [u8; 32] {
        self.codes.digest(&[b"access request code", &code.0])
    }

    fn seal(&self, request: &AccessRequest) -> Result<Vec<u8>, StoreError> {
        let content = Content {
            reader: request.reader,
            proposal: request.proposal.clone(),
            reason: request.reason.clone(),
            code: request.code,
        };
        let bytes = postcard::to_stdvec(&content).map_err(|error| StoreError(Box::new(error)))?;
        let sealed = self.key.seal(request.id.as_bytes(), Zeroizing::new(bytes));
        sealed.map_err(|error| StoreError(Box::new(error)))
    }

    fn open(&self, row: Row) -> Result<AccessRequest, StoreError> {
        let opened = self.key.open(row.id.as_bytes(), &row.sealed);
        let content = opened.and_then(|content| postcard::from_bytes(&content).ok());
        let Content {
            reader,
            proposal,
            reason,
            code,
        } = content.ok_or_else(|| StoreError(Box::new(Unreadable)))?;
        Ok(AccessRequest {
            id: row.id,
            asker: AccountId::new(row.asker),
            reader,
            proposal,
            reason,
            code,
            patient: row.patient.map(PatientId::new),
            declined: row.declined,
            prepared: row.prepared,
            asked_at: row.asked_at,
            expires_at: row.expires_at,
        })
    }

    async fn one(&self, asked: QueryAs<'_, Postgres, Row, PgArguments>) -> Result<Option<AccessRequest>, StoreError> {
        let row = asked.fetch_optional(&self.pool).await.map_err(store)?;
        row.map(|row| self.open(row)).transpose()
    }
}

#[async_trait]
impl AccessRequests for PostgresAccessRequests {
    async fn ask(&self, request: &AccessRequest, most: u32) -> Result<bool, StoreError> {
        let sql = "INSERT INTO access_requests (id, asker, code, patient, sealed, asked_at, expires_at) \
                   SELECT $1, $2, $3, $4, $5, $6, $7 \
                   WHERE $8 > (SELECT count(*) FROM access_requests \
                               WHERE asker = $2 AND expires_at > $6 AND id <> $1 AND NOT declined AND prepared = '{}') \
                   ON CONFLICT (id) DO UPDATE SET id = EXCLUDED.id";
        let noted = sqlx::query(sql)
            .bind(request.id)
            .bind(request.asker.uuid())
            .bind(request.code.map(|code| self.digest(code)))
            .bind(request.patient.map(PatientId::uuid))
            .bind(self.seal(request)?)
            .bind(request.asked_at)
            .bind(request.expires_at)
            .bind(i64::from(most))
            .execute(&self.pool)
            .await
            .map_err(store)?;
        Ok(noted.rows_affected() == 1)
    }

    async fn of_asker(
        &self,
        asker: AccountId,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<AccessRequest>, StoreError> {
        let sql = "SELECT * FROM access_requests WHERE asker = $1 AND id = $2 AND expires_at > $3";
        self.one(sqlx::query_as(sql).bind(asker.uuid()).bind(id).bind(now))
            .await
    }

    async fn take_up(
        &self,
        code: RequestCode,
        patient: PatientId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<Uuid>, StoreError> {
        let sql = "UPDATE access_requests SET patient = $2, expires_at = CASE WHEN patient IS NULL THEN greatest(expires_at, $4) ELSE expires_at END \
                   WHERE code = $1 AND expires_at > $3 AND NOT declined AND (patient IS NULL OR patient = $2) RETURNING id";
        sqlx::query_scalar(sql)
            .bind(self.digest(code))
            .bind(patient.uuid())
            .bind(now)
            .bind(until)
            .fetch_optional(&self.pool)
            .await
            .map_err(store)
    }

    async fn of_patient(
        &self,
        patient: PatientId,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<AccessRequest>, StoreError> {
        let sql = "SELECT * FROM access_requests WHERE patient = $1 AND id = $2 AND expires_at > $3 AND NOT declined";
        self.one(sqlx::query_as(sql).bind(patient.uuid()).bind(id).bind(now))
            .await
    }

    async fn to_patient(
        &self,
        patient: PatientId,
        page: Page<AccessRequestCursor>,
        now: DateTime<Utc>,
    ) -> Result<Vec<AccessRequest>, StoreError> {
        let sql = "SELECT * FROM access_requests \
                   WHERE patient = $1 AND expires_at > $2 AND NOT declined \
                     AND ($3::timestamptz IS NULL OR (asked_at, id) < ($3, $4)) \
                   ORDER BY asked_at DESC, id DESC LIMIT $5";
        let (mut after, mut found) = (page.after, Vec::new());
        loop {
            let (before, id) = after.unzip();
            let rows: Vec<Row> = sqlx::query_as(sql)
                .bind(patient.uuid())
                .bind(now)
                .bind(before)
                .bind(id)
                .bind(i64::from(page.limit))
                .fetch_all(&self.pool)
                .await
                .map_err(store)?;
            after = rows.last().map(|row| (row.asked_at, row.id));
            if sealed_rows::fill(&mut found, page.limit, rows, |row| self.open(row)) {
                return Ok(found);
            }
        }
    }

    async fn approve(
        &self,
        patient: PatientId,
        id: Uuid,
        grant: Uuid,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE access_requests \
                   SET prepared = array_append(array_remove(prepared, $3), $3), expires_at = greatest(expires_at, $4) \
                   WHERE patient = $1 AND id = $2 AND NOT declined";
        let noted = sqlx::query(sql)
            .bind(patient.uuid())
            .bind(id)
            .bind(grant)
            .bind(until)
            .execute(&self.pool)
            .await
            .map_err(store)?;
        Ok(noted.rows_affected() == 1)
    }

    async fn give_back(&self, id: Uuid, grant: Uuid) -> Result<(), StoreError> {
        sqlx::query("UPDATE access_requests SET prepared = array_remove(prepared, $2) WHERE id = $1")
            .bind(id)
            .bind(grant)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn decline(&self, patient: PatientId, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let sql = "UPDATE access_requests SET declined = true WHERE patient = $1 AND id = $2 AND expires_at > $3";
        let declined = sqlx::query(sql)
            .bind(patient.uuid())
            .bind(id)
            .bind(now)
            .execute(&self.pool)
            .await
            .map_err(store)?;
        Ok(declined.rows_affected() == 1)
    }

    async fn sweep(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM access_requests WHERE expires_at <= $1")
            .bind(now)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(store)
    }
}
