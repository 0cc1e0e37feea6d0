//! Revocations in Postgres, and, for this process, in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use application::ports::StoreError;
use application::ports::revocations::{Revocation, Revocations, Revoked};
use async_trait::async_trait;
use domain::consent::Message;
use domain::kernel::{CommandId, PatientId};
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use crate::crash::{self, crash_point};
use crate::postgres::Answering;
use crate::sessions::store;

/// For how long whoever carries a revocation through is not disturbed. Two who do it at once do no harm: it is one command.
const UNDISTURBED: Duration = Duration::from_secs(10);

/// How many revocations are taken on at once.
const AT_ONCE: i64 = 32;

/// How long a denial is remembered here. Whoever looks in Postgres is told; so it is longer than a look from before may take
/// ([`ANSWER`](crate::postgres::ANSWER)), and what it saw is kept in mind. No longer: another server may carry it through, or withdraw it.
const REMEMBERED: Duration = Duration::from_secs(15);

/// [`Revocations`] in Postgres, and, for this process, in memory for a while.
#[derive(Debug)]
pub struct PostgresRevocations {
    pool: Answering,
    here: Mutex<HashMap<Uuid, HashMap<CommandId, Instant>>>,
}

impl PostgresRevocations {
    /// Over a pool whose search path has `core`.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool: Answering::new(pool),
            here: Mutex::default(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, HashMap<CommandId, Instant>>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, revocation: &Revocation) {
        let lapses = Instant::now() + REMEMBERED;
        let mut here = self.lock();
        here.entry(revocation.subject)
            .or_default()
            .insert(revocation.command_id, lapses);
    }

    async fn delete(&self, revocation: &Revocation) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM revocations WHERE subject = $1 AND command_id = $2")
            .bind(revocation.subject)
            .bind(revocation.command_id.uuid())
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(store)
    }
}

#[async_trait]
impl Revocations for PostgresRevocations {
    async fn begin(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let sql = "INSERT INTO revocations (subject, command_id, pending, undisturbed_until) \
                   VALUES ($1, $2, $3, clock_timestamp() + $4) \
                   ON CONFLICT (subject, command_id) DO UPDATE SET undisturbed_until = EXCLUDED.undisturbed_until";
        sqlx::query(sql)
            .bind(revocation.subject)
            .bind(revocation.command_id.uuid())
            .bind(Json(revocation))
            .bind(UNDISTURBED)
            .execute(&self.pool)
            .await
            .map_err(store)?;
        // Nobody keeps in mind what a patient has granted, or agreed to.
        if !matches!(revocation.revoked, Revoked::Grants { .. } | Revoked::Treatment { .. }) {
            self.remember(revocation);
        }
        crash_point(crash::REVOCATION_DENIED);
        Ok(())
    }

    async fn carried_through(&self, revocation: &Revocation) -> Result<(), StoreError> {
        crash_point(crash::REVOCATION_LOGGED);
        let wallet = match &revocation.revoked {
            Revoked::Wallet { wallet, .. } => wallet,
            Revoked::Grants { .. } | Revoked::Treatment { .. } => return self.delete(revocation).await,
            Revoked::Account { .. } | Revoked::Key { .. } => {
                let sql = "UPDATE revocations SET pending = NULL WHERE subject = $1 AND command_id = $2";
                return sqlx::query(sql)
                    .bind(revocation.subject)
                    .bind(revocation.command_id.uuid())
                    .execute(&self.pool)
                    .await
                    .map(drop)
                    .map_err(store);
            }
        };
        // Sessions in the order of their tokens, as they are touched.
        let sql = "WITH done AS (DELETE FROM revocations WHERE subject = $1 AND command_id = $2 RETURNING subject), \
                   ended AS (SELECT token_hash FROM sessions WHERE wallet = $3 AND EXISTS (SELECT FROM done) \
                             ORDER BY token_hash FOR UPDATE) \
                   DELETE FROM sessions USING ended WHERE sessions.token_hash = ended.token_hash";
        sqlx::query(sql)
            .bind(revocation.subject)
            .bind(revocation.command_id.uuid())
            .bind(wallet.0.as_slice())
            .execute(&self.pool)
            .await
            .map_err(store)?;
        // Whoever was looking just then may have seen neither the denial nor what the log says.
        if self.denied_here(revocation.subject) {
            self.remember(revocation);
        }
        Ok(())
    }

    async fn withdraw(&self, revocation: &Revocation) -> Result<(), StoreError> {
        self.delete(revocation).await?;
        let mut here = self.lock();
        if let Some(denials) = here.get_mut(&revocation.subject) {
            denials.remove(&revocation.command_id);
            if denials.is_empty() {
                here.remove(&revocation.subject);
            }
        }
        Ok(())
    }

    async fn take_on(&self) -> Result<Vec<Revocation>, StoreError> {
        let sql = "UPDATE revocations SET undisturbed_until = clock_timestamp() + $1 \
                   WHERE (subject, command_id) IN ( \
                       SELECT subject, command_id FROM revocations \
                       WHERE pending IS NOT NULL AND undisturbed_until < clock_timestamp() \
                       ORDER BY undisturbed_until LIMIT $2 FOR UPDATE SKIP LOCKED) \
                   RETURNING pending";
        let taken: Vec<Json<Revocation>> = sqlx::query_scalar(sql)
            .bind(UNDISTURBED)
            .bind(AT_ONCE)
            .fetch_all(&self.pool)
            .await
            .map_err(store)?;
        Ok(taken.into_iter().map(|Json(revocation)| revocation).collect())
    }

    async fn is_pending(&self, command: CommandId) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM revocations WHERE command_id = $1 AND pending IS NOT NULL)")
            .bind(command.uuid())
            .fetch_one(&self.pool)
            .await
            .map_err(store)
    }

    async fn any(&self, subjects: &[Uuid]) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM revocations WHERE subject = ANY ($1))")
            .bind(subjects)
            .fetch_one(&self.pool)
            .await
            .map_err(store)
    }

    async fn of_grants(&self, patient: PatientId) -> Result<Vec<Message>, StoreError> {
        let pending: Vec<Json<Revocation>> =
            sqlx::query_scalar("SELECT pending FROM revocations WHERE subject = $1 AND pending IS NOT NULL")
                .bind(patient.uuid())
                .fetch_all(&self.pool)
                .await
                .map_err(store)?;
        let message = |Json(revocation): Json<Revocation>| match revocation.revoked {
            Revoked::Grants { message, .. } => Some(*message),
            Revoked::Account { .. } | Revoked::Key { .. } | Revoked::Wallet { .. } | Revoked::Treatment { .. } => None,
        };
        Ok(pending.into_iter().filter_map(message).collect())
    }

    fn denied_here(&self, subject: Uuid) -> bool {
        let mut here = self.lock();
        let Some(denials) = here.get_mut(&subject) else {
            return false;
        };
        let now = Instant::now();
        denials.retain(|_, lapses| now < *lapses);
        let denied = !denials.is_empty();
        if !denied {
            here.remove(&subject);
        }
        denied
    }

    fn bound_again(&self, wallet: Uuid) {
        self.lock().remove(&wallet);
    }
}
