//! Nonces, sessions and revocations in Postgres.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use application::error::StoreError;
use application::revocations::Revocations;
use application::sessions::{Session, Sessions, TokenHash};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::{CommandId, Wallet};
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) fn store(error: sqlx::Error) -> StoreError {
    StoreError(Box::new(error))
}

/// [`Sessions`] in Postgres.
#[derive(Clone, Debug)]
pub struct PostgresSessions(PgPool);

impl PostgresSessions {
    /// Over a pool whose search path has `core`.
    pub const fn new(pool: PgPool) -> Self {
        Self(pool)
    }
}

#[async_trait]
impl Sessions for PostgresSessions {
    async fn issue_nonce(&self, nonce: &str, expires_at: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO sign_in_nonces (nonce, expires_at) VALUES ($1, $2)")
            .bind(nonce)
            .bind(expires_at)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn consume_nonce(&self, nonce: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let consumed = sqlx::query("DELETE FROM sign_in_nonces WHERE nonce = $1 AND expires_at > $2")
            .bind(nonce)
            .bind(now)
            .execute(&self.0)
            .await;
        consumed.map(|done| done.rows_affected() == 1).map_err(store)
    }

    async fn open(&self, token: TokenHash, session: &Session) -> Result<(), StoreError> {
        let sql = "INSERT INTO sessions (token_hash, wallet, idle_expires_at, expires_at) VALUES ($1, $2, $3, $4)";
        sqlx::query(sql)
            .bind(token.0.as_slice())
            .bind(session.wallet.0.as_slice())
            .bind(session.idle_expires_at)
            .bind(session.expires_at)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn find(&self, token: TokenHash, now: DateTime<Utc>) -> Result<Option<Session>, StoreError> {
        let sql = "SELECT wallet, idle_expires_at, expires_at FROM sessions \
                   WHERE token_hash = $1 AND idle_expires_at > $2 AND expires_at > $2";
        let row: Option<(Vec<u8>, DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(sql)
            .bind(token.0.as_slice())
            .bind(now)
            .fetch_optional(&self.0)
            .await
            .map_err(store)?;
        Ok(row.and_then(|(wallet, idle_expires_at, expires_at)| {
            let wallet = Wallet(wallet.try_into().ok()?);
            Some(Session {
                wallet,
                idle_expires_at,
                expires_at,
            })
        }))
    }

    async fn touch(&self, used: &[(TokenHash, DateTime<Utc>)]) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        let (tokens, ends): (Vec<_>, Vec<_>) = used.iter().map(|(token, end)| (token.0.to_vec(), *end)).unzip();
        // In the order of the tokens, so that two servers that touch the same sessions do not lock each other out.
        let sql = "WITH used AS (SELECT * FROM unnest($1::bytea[], $2::timestamptz[]) AS used (token, ends)), \
                   locked AS (SELECT token_hash FROM sessions WHERE token_hash = ANY ($1) ORDER BY token_hash FOR UPDATE) \
                   UPDATE sessions SET idle_expires_at = greatest(idle_expires_at, used.ends) \
                   FROM used JOIN locked ON locked.token_hash = used.token WHERE sessions.token_hash = locked.token_hash";
        sqlx::query(sql)
            .bind(tokens)
            .bind(ends)
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn close(&self, token: TokenHash) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
            .bind(token.0.as_slice())
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn sweep(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM sign_in_nonces WHERE expires_at <= $1",
            "DELETE FROM sessions WHERE least(idle_expires_at, expires_at) <= $1",
        ] {
            sqlx::query(sql).bind(now).execute(&self.0).await.map_err(store)?;
        }
        Ok(())
    }
}

/// [`Revocations`] in Postgres, and, for this process, in memory.
#[derive(Debug)]
pub struct PostgresRevocations {
    pool: PgPool,
    here: Mutex<HashMap<Uuid, HashSet<CommandId>>>,
}

impl PostgresRevocations {
    /// Over a pool whose search path has `core`.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            here: Mutex::default(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, HashSet<CommandId>>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Revocations for PostgresRevocations {
    async fn add(&self, subject: Uuid, command: CommandId) -> Result<(), StoreError> {
        let sql = "INSERT INTO revocations (subject, command_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        sqlx::query(sql)
            .bind(subject)
            .bind(command.uuid())
            .execute(&self.pool)
            .await
            .map_err(store)?;
        self.lock().entry(subject).or_default().insert(command);
        Ok(())
    }

    async fn withdraw(&self, subject: Uuid, command: CommandId) -> Result<(), StoreError> {
        let sql = "DELETE FROM revocations WHERE subject = $1 AND command_id = $2";
        sqlx::query(sql)
            .bind(subject)
            .bind(command.uuid())
            .execute(&self.pool)
            .await
            .map_err(store)?;
        let mut here = self.lock();
        if let Some(commands) = here.get_mut(&subject) {
            commands.remove(&command);
            if commands.is_empty() {
                here.remove(&subject);
            }
        }
        Ok(())
    }

    async fn any(&self, subjects: &[Uuid]) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM revocations WHERE subject = ANY ($1))")
            .bind(subjects)
            .fetch_one(&self.pool)
            .await
            .map_err(store)
    }

    fn denied_here(&self, subject: Uuid) -> bool {
        self.lock().contains_key(&subject)
    }
}
