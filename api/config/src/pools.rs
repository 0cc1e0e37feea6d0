//! A server's connections to its database: pools of their own for those who must not starve each other.

use infrastructure::postgres::{self, LIVE, Limits};
use secrecy::ExposeSecret;
use sqlx::PgPool;

use crate::DatabaseConfig;

/// How many connections a command has that somebody runs.
const OF_A_COMMAND: u32 = 2;

/// The database's URL is none.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("`database.url` must be of the form postgres://user:password@host/database")]
pub struct BadDatabaseUrl;

/// The pools of a server, each with the read models first in its search path. They connect on first use.
#[derive(Clone, Debug)]
pub struct Pools {
    /// For requests. However many there are, the others have theirs.
    pub requests: PgPool,
    /// For the follower alone.
    pub follower: PgPool,
    /// For the appender alone.
    pub appender: PgPool,
    /// For what is short and must always get through: the patients' keys, and whether the server is ready.
    pub upkeep: PgPool,
}

impl Pools {
    /// As the configuration says.
    ///
    /// # Errors
    /// When the URL is not one of Postgres.
    pub fn open(database: &DatabaseConfig) -> Result<Self, BadDatabaseUrl> {
        Ok(Self {
            requests: open(database, &Limits::SHORT, database.connections)?,
            follower: open(database, &Limits::FOLLOWER, database.follower_connections)?,
            // While it has much to store it keeps one for that; what else it does needs another.
            appender: postgres::planned_once(open(database, &Limits::SHORT, database.appender_connections.max(2))?),
            // While the state of the log is read from one, the short things need another.
            upkeep: open(database, &Limits::SHORT, database.upkeep_connections.max(2))?,
        })
    }

    /// All of them.
    pub const fn all(&self) -> [&PgPool; 4] {
        [&self.requests, &self.follower, &self.appender, &self.upkeep]
    }

    /// Closes all of them, once nothing is under way.
    pub async fn close(&self) {
        futures::future::join_all(self.all().map(PgPool::close)).await;
    }
}

/// A pool for long work that somebody has asked for.
///
/// # Errors
/// When the URL is not one of Postgres.
pub fn for_long_work(database: &DatabaseConfig) -> Result<PgPool, BadDatabaseUrl> {
    open(database, &Limits::LONG, OF_A_COMMAND)
}

fn open(database: &DatabaseConfig, limits: &Limits, connections: u32) -> Result<PgPool, BadDatabaseUrl> {
    let url = database.url.expose_secret();
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(BadDatabaseUrl);
    }
    // A part without a connection would wait for ever.
    postgres::pool_within(limits, url, LIVE, connections.max(1)).map_err(|_| BadDatabaseUrl)
}
