//! Nonces and sessions in Postgres.

use std::num::NonZeroU32;

use application::ports::StoreError;
use application::ports::sessions::{Session, Sessions, TokenHash};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::account::Proof;
use domain::kernel::{CommandId, Wallet};
use sqlx::PgPool;

use crate::postgres::Answering;

/// How many rows are swept in one statement.
const SWEPT_AT_ONCE: i64 = 5_000;

pub(crate) fn store(error: sqlx::Error) -> StoreError {
    StoreError(Box::new(error))
}

/// [`Sessions`] in Postgres.
#[derive(Clone, Debug)]
pub struct PostgresSessions(Answering);

impl PostgresSessions {
    /// Over a pool whose search path has `core`.
    pub const fn new(pool: PgPool) -> Self {
        Self(Answering::new(pool))
    }

    /// Ends the oldest sessions of a wallet, down to so many. Run after the new one is stored: of two that are opened at once, whoever
    /// comes last sees both. The rows are locked in the order in which [`Sessions::touch`] locks them.
    async fn end_oldest(&self, wallet: &Wallet, most: NonZeroU32) -> Result<Vec<TokenHash>, StoreError> {
        let sql = "WITH ended AS ( \
                       SELECT token_hash FROM sessions WHERE token_hash IN ( \
                           SELECT token_hash FROM sessions WHERE wallet = $1 \
                           ORDER BY opened_at DESC, token_hash OFFSET $2) \
                       ORDER BY token_hash FOR UPDATE) \
                   DELETE FROM sessions USING ended WHERE sessions.token_hash = ended.token_hash \
                   RETURNING sessions.token_hash";
        let ended: Vec<Vec<u8>> = sqlx::query_scalar(sql)
            .bind(wallet.0.as_slice())
            .bind(i64::from(most.get()))
            .fetch_all(&self.0)
            .await
            .map_err(store)?;
        Ok(ended
            .into_iter()
            .filter_map(|hash| hash.try_into().ok().map(TokenHash))
            .collect())
    }

    /// Deletes what a statement finds, so many rows at a time, until there are fewer: however many have ended, no statement takes long.
    async fn sweep_in_steps(&self, sql: &'static str, now: DateTime<Utc>) -> Result<(), StoreError> {
        loop {
            let swept = sqlx::query(sql).bind(now).bind(SWEPT_AT_ONCE).execute(&self.0).await;
            if swept.map_err(store)?.rows_affected() < SWEPT_AT_ONCE.unsigned_abs() {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Sessions for PostgresSessions {
    async fn use_nonce(&self, nonce: &str, ends: DateTime<Utc>) -> Result<bool, StoreError> {
        let sql = "INSERT INTO used_nonces (nonce, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let used = sqlx::query(sql).bind(nonce).bind(ends).execute(&self.0).await;
        used.map(|done| done.rows_affected() == 1).map_err(store)
    }

    async fn spend_nonce(&self, nonce: &str, command: CommandId, ends: DateTime<Utc>) -> Result<bool, StoreError> {
        let sql = "INSERT INTO used_nonces AS used (nonce, expires_at, command_id) VALUES ($1, $2, $3) \
                   ON CONFLICT (nonce) DO UPDATE SET expires_at = EXCLUDED.expires_at WHERE used.command_id = $3";
        let spent = sqlx::query(sql)
            .bind(nonce)
            .bind(ends)
            .bind(command.uuid())
            .execute(&self.0)
            .await;
        spent.map(|done| done.rows_affected() == 1).map_err(store)
    }

    async fn open(
        &self,
        token: TokenHash,
        session: &Session,
        proof: &Proof,
        most: NonZeroU32,
    ) -> Result<Vec<TokenHash>, StoreError> {
        let sql = "INSERT INTO sessions (token_hash, wallet, idle_expires_at, expires_at, message, signature) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        sqlx::query(sql)
            .bind(token.0.as_slice())
            .bind(session.wallet.0.as_slice())
            .bind(session.idle_expires_at)
            .bind(session.expires_at)
            .bind(proof.message.as_str())
            .bind(proof.signature.as_slice())
            .execute(&self.0)
            .await
            .map_err(store)?;
        self.end_oldest(&session.wallet, most).await
    }

    async fn proof(&self, token: TokenHash) -> Result<Option<Proof>, StoreError> {
        let row: Option<(String, Vec<u8>)> =
            sqlx::query_as("SELECT message, signature FROM sessions WHERE token_hash = $1")
                .bind(token.0.as_slice())
                .fetch_optional(&self.0)
                .await
                .map_err(store)?;
        Ok(row.map(|(message, signature)| Proof { message, signature }))
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

    async fn close_all(&self, wallet: &Wallet, except: Option<TokenHash>) -> Result<(), StoreError> {
        // In the order of the tokens, as they are touched.
        let sql = "WITH ended AS (SELECT token_hash FROM sessions WHERE wallet = $1 AND token_hash IS DISTINCT FROM $2 \
                                  ORDER BY token_hash FOR UPDATE) \
                   DELETE FROM sessions USING ended WHERE sessions.token_hash = ended.token_hash";
        sqlx::query(sql)
            .bind(wallet.0.as_slice())
            .bind(except.map(|token| token.0.to_vec()))
            .execute(&self.0)
            .await
            .map(drop)
            .map_err(store)
    }

    async fn sweep(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM used_nonces WHERE nonce IN ( \
                 SELECT nonce FROM used_nonces WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
            "DELETE FROM sessions WHERE token_hash IN ( \
                 SELECT token_hash FROM sessions WHERE least(idle_expires_at, expires_at) <= $1 \
                 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        ] {
            self.sweep_in_steps(sql, now).await?;
        }
        Ok(())
    }
}
