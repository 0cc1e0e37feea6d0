//! The command registry in Postgres: idempotency keys, and commands that answer later.

use application::ports::StoreError;
use application::ports::registry::{Claim, Claimed, CommandRegistry, RegisteredCommand, StoredAnswer, Ticket, Trace};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::{AccountId, CommandId};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};
use uuid::Uuid;

use crate::postgres::Answering;
use crate::sessions::store;
use crate::trace::trace;

/// [`CommandRegistry`] in Postgres.
#[derive(Clone, Debug)]
pub struct PostgresCommands(Answering);

/// A command that is new to the registry.
struct NewRow<'a> {
    command_id: CommandId,
    issuer: AccountId,
    key: Option<&'a [u8]>,
    fingerprint: Option<&'a [u8]>,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl PostgresCommands {
    /// Over a pool whose search path begins with the schema of the journal and has `core`.
    pub const fn new(pool: PgPool) -> Self {
        Self(Answering::new(pool))
    }

    async fn insert(&self, row: &NewRow<'_>) -> Result<bool, StoreError> {
        let sql = "INSERT INTO commands (command_id, issuer, idempotency_key, fingerprint, claimed_until, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        let inserted = sqlx::query(sql)
            .bind(row.command_id.uuid())
            .bind(row.issuer.uuid())
            .bind(row.key)
            .bind(row.fingerprint)
            .bind(row.until)
            .bind(row.now)
            .execute(&self.0)
            .await;
        inserted.map(|done| done.rows_affected() == 1).map_err(store)
    }

    /// What an earlier claim of the same caller under the same key has come to, as whomever they asked.
    async fn earlier(&self, claim: &Claim) -> Result<Option<Claimed>, StoreError> {
        for former in &claim.issuers.before {
            if let Some(claimed) = self.earlier_by(former.issuer, Some(former.until), claim).await? {
                return Ok(Some(claimed));
            }
        }
        Ok(None)
    }

    /// What an earlier claim of this issuer under the same key has come to, if it was made until then; `None` when there is none, or it
    /// was forgotten just now.
    async fn earlier_by(
        &self,
        issuer: AccountId,
        until: Option<DateTime<Utc>>,
        claim: &Claim,
    ) -> Result<Option<Claimed>, StoreError> {
        // Takes the claim over if it ran out, in one statement: of two callers, one gets it.
        let sql = "UPDATE commands SET fence = fence + 1, claimed_until = $4 \
                   WHERE issuer = $1 AND idempotency_key = $2 AND fingerprint = $3 AND status IS NULL \
                     AND claimed_until <= $5 AND ($6::timestamptz IS NULL OR created_at <= $6) \
                   RETURNING command_id, fence";
        let taken = sqlx::query(sql)
            .bind(issuer.uuid())
            .bind(claim.key.as_slice())
            .bind(claim.fingerprint.as_slice())
            .bind(claim.until)
            .bind(claim.now)
            .bind(until)
            .fetch_optional(&self.0)
            .await
            .map_err(store)?;
        if let Some(row) = taken {
            let command_id = CommandId::new(row.try_get("command_id").map_err(store)?);
            let fence = row.try_get("fence").map_err(store)?;
            return Ok(Some(Claimed::Granted(Ticket { command_id, fence })));
        }
        let sql = "SELECT command_id, fingerprint, status, body, location, etag FROM commands \
                   WHERE issuer = $1 AND idempotency_key = $2 AND ($3::timestamptz IS NULL OR created_at <= $3)";
        let found = sqlx::query(sql)
            .bind(issuer.uuid())
            .bind(claim.key.as_slice())
            .bind(until)
            .fetch_optional(&self.0)
            .await
            .map_err(store)?;
        let Some(row) = found else { return Ok(None) };
        let fingerprint: Vec<u8> = row.try_get("fingerprint").map_err(store)?;
        if fingerprint != claim.fingerprint {
            return Ok(Some(Claimed::Mismatch));
        }
        let command_id = CommandId::new(row.try_get("command_id").map_err(store)?);
        Ok(Some(
            answer(&row)?.map_or(Claimed::InProgress(command_id), Claimed::Answered),
        ))
    }
}

fn answer(row: &PgRow) -> Result<Option<StoredAnswer>, StoreError> {
    let status: Option<i16> = row.try_get("status").map_err(store)?;
    let body: Option<String> = row.try_get("body").map_err(store)?;
    let (Some(status), Some(body)) = (status.and_then(|status| u16::try_from(status).ok()), body) else {
        return Ok(None);
    };
    let location = row.try_get("location").map_err(store)?;
    let etag = row.try_get("etag").map_err(store)?;
    Ok(Some(StoredAnswer {
        status,
        body,
        location,
        etag,
    }))
}

#[async_trait]
impl CommandRegistry for PostgresCommands {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        // What was asked for with wallets that the caller has changed since. Later claims under these are somebody else's.
        if let Some(claimed) = self.earlier(claim).await? {
            return Ok(claimed);
        }
        let issuer = claim.issuers.now;
        let row = NewRow {
            command_id: claim.command_id,
            issuer,
            key: Some(&claim.key),
            fingerprint: Some(&claim.fingerprint),
            until: claim.until,
            now: claim.now,
        };
        loop {
            if self.insert(&row).await? {
                return Ok(Claimed::Granted(Ticket {
                    command_id: claim.command_id,
                    fence: 1,
                }));
            }
            if let Some(claimed) = self.earlier_by(issuer, None, claim).await? {
                return Ok(claimed);
            }
            // The row was swept between the two: the key is new again.
        }
    }

    async fn register(
        &self,
        command_id: CommandId,
        issuer: AccountId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Ticket, StoreError> {
        let row = NewRow {
            command_id,
            issuer,
            key: None,
            fingerprint: None,
            until,
            now,
        };
        self.insert(&row).await?;
        Ok(Ticket { command_id, fence: 1 })
    }

    async fn renew(&self, tickets: &[Ticket], until: DateTime<Utc>) -> Result<(), StoreError> {
        let (commands, fences): (Vec<Uuid>, Vec<i64>) = tickets
            .iter()
            .map(|ticket| (ticket.command_id.uuid(), ticket.fence))
            .unzip();
        let sql = "UPDATE commands SET claimed_until = $3 FROM UNNEST($1::uuid[], $2::bigint[]) AS held (command, fence) \
                   WHERE commands.command_id = held.command AND commands.fence = held.fence AND status IS NULL";
        sqlx::query(sql)
            .bind(commands)
            .bind(fences)
            .bind(until)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn answer(&self, ticket: Ticket, answer: &StoredAnswer) -> Result<(), StoreError> {
        let sql = "UPDATE commands SET status = $3, body = $4, location = $5, etag = $6 \
                   WHERE command_id = $1 AND fence = $2 AND status IS NULL";
        sqlx::query(sql)
            .bind(ticket.command_id.uuid())
            .bind(ticket.fence)
            .bind(i16::try_from(answer.status).unwrap_or(i16::MAX))
            .bind(&answer.body)
            .bind(&answer.location)
            .bind(&answer.etag)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn release(&self, ticket: Ticket) -> Result<(), StoreError> {
        // The beginning of time is past on every server's clock.
        let sql = "UPDATE commands SET claimed_until = 'epoch' WHERE command_id = $1 AND fence = $2 AND status IS NULL";
        sqlx::query(sql)
            .bind(ticket.command_id.uuid())
            .bind(ticket.fence)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn retract(&self, ticket: Ticket) -> Result<(), StoreError> {
        // A number above 1 is not taken back: whoever had it before may still be at work.
        let sql = "UPDATE commands SET claimed_until = 'epoch', fence = CASE fence WHEN 1 THEN 0 ELSE fence END \
                   WHERE command_id = $1 AND fence = $2 AND status IS NULL";
        sqlx::query(sql)
            .bind(ticket.command_id.uuid())
            .bind(ticket.fence)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn find(&self, command_id: CommandId) -> Result<Option<RegisteredCommand>, StoreError> {
        let sql = "SELECT issuer, created_at, claimed_until, status, body, location, etag FROM commands \
                   WHERE command_id = $1";
        let row = sqlx::query(sql)
            .bind(command_id.uuid())
            .fetch_optional(&self.0)
            .await
            .map_err(store)?;
        row.map(|row| {
            Ok(RegisteredCommand {
                issuer: AccountId::new(row.try_get("issuer").map_err(store)?),
                created_at: row.try_get("created_at").map_err(store)?,
                claimed_until: row.try_get("claimed_until").map_err(store)?,
                answer: answer(&row)?,
            })
        })
        .transpose()
    }

    async fn trace(&self, command_id: CommandId) -> Result<Trace, StoreError> {
        trace(&self.0, command_id).await.map_err(store)
    }

    async fn sweep(&self, before: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM refused_commits WHERE refused_at < $1")
            .bind(before)
            .execute(&self.0)
            .await
            .map_err(store)?;
        let sql = "DELETE FROM commands WHERE created_at < $1 \
                   AND NOT EXISTS (SELECT FROM outbox_commits WHERE outbox_commits.command_id = commands.command_id) \
                   AND NOT EXISTS (SELECT FROM calls WHERE calls.id = commands.command_id AND calls.settled_at IS NULL)";
        sqlx::query(sql)
            .bind(before)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }
}
