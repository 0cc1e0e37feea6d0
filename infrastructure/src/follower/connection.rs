//! The connection on which blocks are written: one, kept from block to block.
//!
//! A pool asks each connection that comes back for a sign of life, and gives out another one next time, whose statements are to be
//! prepared and planned anew. Every command waits for the follower; so it has one of its own, which nobody else waits for either.

use std::time::Instant;

use sqlx::postgres::PgConnectOptions;
use sqlx::{PgConnection, PgPool};

use crate::postgres::{FRESH, connect_with, show_life};

/// What a session is set to that writes what the follower writes.
///
/// It does not wait for the disk: what a crash of Postgres takes with it is still on the chain, and is applied again; and
/// whatever is committed later, waiting for the disk, waits for this too. Its statements find rows by index; a plan that was
/// made while a table was small, or never counted, must not read it whole.
const SETTINGS: [(&str, &str); 6] = [
    ("synchronous_commit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// A connection that is made when it is needed, and lent. Whoever succeeded with it gives it back; one that failed, or was given up in
/// the middle of an answer, is closed and not used again.
pub(super) struct KeptConnection {
    options: PgConnectOptions,
    kept: Option<(PgConnection, Instant)>,
}

impl KeptConnection {
    /// To the database of this pool, beside it.
    pub(super) fn beside(pool: &PgPool) -> Self {
        Self {
            options: pool.connect_options().as_ref().clone().options(SETTINGS),
            kept: None,
        }
    }

    /// The connection, or a new one. One that has rested is asked for a sign of life.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub(super) async fn take(&mut self) -> Result<PgConnection, sqlx::Error> {
        if let Some((mut connection, used)) = self.kept.take()
            && (used.elapsed() < FRESH || show_life(&mut connection).await.is_ok())
        {
            return Ok(connection);
        }
        connect_with(&self.options).await
    }

    /// Keeps a connection that is in no transaction, for the next time.
    pub(super) fn keep(&mut self, connection: PgConnection) {
        self.kept = Some((connection, Instant::now()));
    }
}
