//! Requests to be registered in Postgres, sealed: in the open stand when, and what has become of them.

use application::ports::StoreError;
use application::ports::queries::Page;
use application::ports::requests::{
    Asked, Decided, Declined, OwnRequest, RegistrationRequest, RegistrationRequests, RequestCursor, Standing,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::account::Proof;
use domain::kernel::{CommandId, Wallet, WalletId};
use domain::patient::PatientDetails;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crash::{self, crash_point};
use crate::keys::{InterimKey, MasterSecret};
use crate::postgres::Answering;
use crate::sealed_rows;
use crate::sessions::store;

/// [`RegistrationRequests`] in Postgres.
#[derive(Clone, Debug)]
pub struct PostgresRequests {
    pool: Answering,
    key: InterimKey,
}

/// What a row seals.
#[derive(Serialize, Deserialize)]
enum Content {
    /// What was asked.
    Request {
        wallet: Wallet,
        proof: Proof,
        details: Box<PatientDetails>,
    },
    /// Why it was declined.
    Reason(String),
}

/// A row. `sealed` is missing once the request is approved.
#[derive(FromRow)]
struct Row {
    id: Uuid,
    standing: String,
    sealed: Option<Vec<u8>>,
    asked_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// A row that says something else than it should.
#[derive(Debug, thiserror::Error)]
#[error("a request to be registered cannot be read: it was altered, or sealed under another master secret")]
struct Unreadable;

impl PostgresRequests {
    /// Over a pool whose search path has `core`, sealed under an organisation's secret.
    pub fn new(pool: PgPool, secret: &MasterSecret) -> Self {
        Self {
            pool: Answering::new(pool),
            key: InterimKey::new(secret, b"registration requests"),
        }
    }

    fn seal(&self, id: Uuid, content: &Content) -> Result<Vec<u8>, StoreError> {
        let bytes = postcard::to_stdvec(content).map_err(|error| StoreError(Box::new(error)))?;
        let sealed = self.key.seal(id.as_bytes(), Zeroizing::new(bytes));
        sealed.map_err(|error| StoreError(Box::new(error)))
    }

    fn open(&self, row: &Row) -> Result<Content, StoreError> {
        let opened = row
            .sealed
            .as_ref()
            .and_then(|sealed| self.key.open(row.id.as_bytes(), sealed));
        let content = opened.and_then(|content| postcard::from_bytes(&content).ok());
        content.ok_or_else(|| StoreError(Box::new(Unreadable)))
    }

    fn request(&self, row: &Row) -> Result<RegistrationRequest, StoreError> {
        let Content::Request { wallet, proof, details } = self.open(row)? else {
            return Err(StoreError(Box::new(Unreadable)));
        };
        Ok(RegistrationRequest {
            id: row.id,
            wallet,
            proof,
            details: *details,
            asked_at: row.asked_at,
            expires_at: row.expires_at,
        })
    }

    fn standing(&self, row: &Row) -> Result<Standing, StoreError> {
        match (row.standing.as_str(), &row.sealed) {
            ("approved", _) => Ok(Standing::Approved),
            ("declined", _) => match self.open(row)? {
                Content::Reason(reason) => Ok(Standing::Declined { reason }),
                Content::Request { .. } => Err(StoreError(Box::new(Unreadable))),
            },
            ("approving", _) => Ok(Standing::BeingApproved(Box::new(self.request(row)?.details))),
            _ => Ok(Standing::Waiting(Box::new(self.request(row)?.details))),
        }
    }

    /// Why a decision did not hold.
    async fn not_decided<T>(&self, id: Uuid, now: DateTime<Utc>) -> Result<Decided<T>, StoreError> {
        let sql = "SELECT EXISTS (SELECT FROM registration_requests WHERE id = $1 AND expires_at > $2)";
        let there: bool = sqlx::query_scalar(sql)
            .bind(id)
            .bind(now)
            .fetch_one(&self.pool)
            .await
            .map_err(store)?;
        Ok(if there { Decided::Before } else { Decided::Missing })
    }
}

#[async_trait]
impl RegistrationRequests for PostgresRequests {
    async fn ask(&self, owner: WalletId, request: &RegistrationRequest, most: u32) -> Result<Asked, StoreError> {
        let content = Content::Request {
            wallet: request.wallet,
            proof: request.proof.clone(),
            details: Box::new(request.details.clone()),
        };
        let sql = "INSERT INTO registration_requests AS former (owner, id, standing, sealed, asked_at, expires_at) \
                   SELECT $1, $2, 'waiting', $3, $4, $5 \
                   WHERE $6 > (SELECT count(*) FROM registration_requests \
                               WHERE standing IN ('waiting', 'approving') AND expires_at > $4 AND owner <> $1) \
                   ON CONFLICT (owner) DO UPDATE SET id = EXCLUDED.id, standing = 'waiting', approved_by = '{}', declined_by = NULL, \
                       sealed = EXCLUDED.sealed, asked_at = EXCLUDED.asked_at, expires_at = EXCLUDED.expires_at \
                   WHERE former.standing IN ('waiting', 'declined') OR former.expires_at <= $4";
        let listed = sqlx::query(sql)
            .bind(owner.uuid())
            .bind(request.id)
            .bind(self.seal(request.id, &content)?)
            .bind(request.asked_at)
            .bind(request.expires_at)
            .bind(i64::from(most))
            .execute(&self.pool)
            .await
            .map_err(store)?;
        if listed.rows_affected() == 1 {
            return Ok(Asked::Listed);
        }
        let sql = "SELECT EXISTS (SELECT FROM registration_requests \
                   WHERE owner = $1 AND standing IN ('approving', 'approved') AND expires_at > $2)";
        let approved: bool = sqlx::query_scalar(sql)
            .bind(owner.uuid())
            .bind(request.asked_at)
            .fetch_one(&self.pool)
            .await
            .map_err(store)?;
        Ok(if approved { Asked::Approved } else { Asked::Full })
    }

    async fn of_wallet(&self, owner: WalletId, now: DateTime<Utc>) -> Result<Option<OwnRequest>, StoreError> {
        let sql = "SELECT id, standing, sealed, asked_at, expires_at FROM registration_requests \
                   WHERE owner = $1 AND expires_at > $2";
        let row: Option<Row> = sqlx::query_as(sql)
            .bind(owner.uuid())
            .bind(now)
            .fetch_optional(&self.pool)
            .await
            .map_err(store)?;
        row.map(|row| {
            Ok(OwnRequest {
                id: row.id,
                standing: self.standing(&row)?,
                asked_at: row.asked_at,
                expires_at: row.expires_at,
            })
        })
        .transpose()
    }

    async fn waiting(
        &self,
        page: Page<RequestCursor>,
        now: DateTime<Utc>,
    ) -> Result<Vec<RegistrationRequest>, StoreError> {
        let sql = "SELECT id, standing, sealed, asked_at, expires_at FROM registration_requests \
                   WHERE standing IN ('waiting', 'approving') AND expires_at > $1 \
                     AND ($2::timestamptz IS NULL OR (asked_at, id) > ($2, $3)) \
                   ORDER BY asked_at, id LIMIT $4";
        let (mut after, mut found) = (page.after, Vec::new());
        loop {
            let (asked_at, id) = after.unzip();
            let rows: Vec<Row> = sqlx::query_as(sql)
                .bind(now)
                .bind(asked_at)
                .bind(id)
                .bind(i64::from(page.limit))
                .fetch_all(&self.pool)
                .await
                .map_err(store)?;
            after = rows.last().map(|row| (row.asked_at, row.id));
            if sealed_rows::fill(&mut found, page.limit, rows, |row| self.request(&row)) {
                return Ok(found);
            }
        }
    }

    async fn begin_approval(
        &self,
        id: Uuid,
        by: CommandId,
        now: DateTime<Utc>,
    ) -> Result<Decided<RegistrationRequest>, StoreError> {
        let sql = "UPDATE registration_requests \
                   SET standing = 'approving', approved_by = array_append(array_remove(approved_by, $3), $3) \
                   WHERE id = $1 AND expires_at > $2 AND standing IN ('waiting', 'approving') \
                   RETURNING id, standing, sealed, asked_at, expires_at";
        let row: Option<Row> = sqlx::query_as(sql)
            .bind(id)
            .bind(now)
            .bind(by.uuid())
            .fetch_optional(&self.pool)
            .await
            .map_err(store)?;
        crash_point(crash::APPROVAL_BEGUN);
        match row {
            Some(row) => Ok(Decided::Done(self.request(&row)?)),
            None => self.not_decided(id, now).await,
        }
    }

    async fn approved(&self, id: Uuid, until: DateTime<Utc>) -> Result<(), StoreError> {
        crash_point(crash::APPROVAL_LOGGED);
        let sql = "UPDATE registration_requests SET standing = 'approved', approved_by = '{}', declined_by = NULL, \
                       sealed = NULL, expires_at = $2 \
                   WHERE id = $1";
        sqlx::query(sql)
            .bind(id)
            .bind(until)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn give_back(&self, id: Uuid, by: CommandId) -> Result<(), StoreError> {
        let sql = "UPDATE registration_requests SET approved_by = array_remove(approved_by, $2), \
                       standing = CASE array_remove(approved_by, $2) WHEN '{}' THEN 'waiting' ELSE standing END \
                   WHERE id = $1 AND standing = 'approving'";
        sqlx::query(sql)
            .bind(id)
            .bind(by.uuid())
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn decline(&self, id: Uuid, declined: &Declined<'_>, now: DateTime<Utc>) -> Result<Decided<()>, StoreError> {
        let sql = "UPDATE registration_requests SET standing = 'declined', declined_by = $3, sealed = $4, expires_at = $5 \
                   WHERE id = $1 AND expires_at > $2 AND (standing = 'waiting' OR declined_by = $3)";
        let done = sqlx::query(sql)
            .bind(id)
            .bind(now)
            .bind(declined.by.uuid())
            .bind(self.seal(id, &Content::Reason(declined.reason.to_owned()))?)
            .bind(declined.until)
            .execute(&self.pool)
            .await
            .map_err(store)?;
        match done.rows_affected() {
            0 => self.not_decided(id, now).await,
            _ => Ok(Decided::Done(())),
        }
    }

    async fn sweep(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM registration_requests WHERE expires_at <= $1")
            .bind(now)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(store)
    }
}
