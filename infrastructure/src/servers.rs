//! Which servers share the database.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use application::ports::Servers;
use application::ports::StoreError;
use async_trait::async_trait;
use sqlx::PgPool;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::postgres::Answering;
use crate::sessions::store;

/// For how long a server counts that does not say again that it is there.
const COUNTS: Duration = Duration::from_secs(20);

/// For how long of that it may remember who may do what. It forgets long before the others stop counting it.
const REMEMBERS: Duration = Duration::from_secs(10);

/// How often it says that it is there.
const EVERY: Duration = Duration::from_secs(3);

/// How soon again where that failed.
const AGAIN: Duration = Duration::from_millis(500);

/// [`Servers`] by rows in Postgres: each says every few seconds that it is there, whether it executes commands or only answers questions.
#[derive(Debug)]
pub struct PresentServers {
    pool: Answering,
    own: Uuid,
    said: Mutex<Option<Instant>>,
}

impl PresentServers {
    /// A server that has said nothing yet. The pool's search path has `core`.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool: Answering::new(pool),
            own: Uuid::new_v4(),
            said: Mutex::default(),
        }
    }

    /// Says once that this server is there.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn say(&self) -> Result<(), StoreError> {
        let before = Instant::now();
        let sql = "WITH gone AS (DELETE FROM servers WHERE until < now() - interval '1 hour') \
                   INSERT INTO servers (id, until) VALUES ($1, now() + $2) \
                   ON CONFLICT (id) DO UPDATE SET until = EXCLUDED.until";
        sqlx::query(sql)
            .bind(self.own)
            .bind(COUNTS)
            .execute(&self.pool)
            .await
            .map_err(store)?;
        *self.said() = Some(before);
        Ok(())
    }

    /// Says so again and again, for as long as it is polled.
    pub async fn stay(&self) {
        loop {
            match self.say().await {
                Ok(()) => sleep(EVERY).await,
                Err(error) => {
                    tracing::debug!(%error, "the other servers cannot be told that this one is there");
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// This server has stopped: nobody need wait for it.
    pub async fn leave(&self) {
        let gone = sqlx::query("DELETE FROM servers WHERE id = $1").bind(self.own);
        // If it fails, it counts a little longer.
        let _ = gone.execute(&self.pool).await;
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Servers for PresentServers {
    async fn count(&self) -> Result<u32, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM servers WHERE until > now()")
            .fetch_one(&self.pool)
            .await
            .map_err(store)?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn are_others(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM servers WHERE until > now() AND id <> $1)")
            .bind(self.own)
            .fetch_one(&self.pool)
            .await
            .map_err(store)
    }

    fn is_counted(&self) -> bool {
        self.said().is_some_and(|said| said.elapsed() < REMEMBERS)
    }
}
