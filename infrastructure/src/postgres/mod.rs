//! Pools, schemas, migrations, and how long anything waits.
//!
//! `core` holds what cannot be rebuilt (keys) and what is short-lived (outbox, commands, sessions); its migrations stand in
//! `infrastructure/migrations`. `live` holds what the follower can rebuild from the chain (journal, read models). SQL
//! names tables without a schema: the connection's search path decides.

mod limits;
mod pool;
mod scratch;

use std::error::Error;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection, PgPool};

pub(crate) use limits::Patience;
pub use limits::{ANSWER, LONG_STEP, Limits, TRANSACTION, within};
pub(crate) use pool::{Answering, FRESH, show_life};
pub use pool::{planned_once, pool, pool_within};
pub use scratch::Scratch;
pub(crate) use scratch::sweep;

/// The schema of what the follower can rebuild.
pub const LIVE: &str = "live";

/// The schema in which a rebuild prepares the next `live`.
pub const REBUILD: &str = "rebuild";

/// The schema of keys, outbox, commands and sessions.
pub const CORE: &str = "core";

/// The migrations of the `core` schema.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a connection may take that is made outside of a pool.
const CONNECT: Duration = Duration::from_secs(10);

/// Whether the database answers.
///
/// # Errors
/// When it does not.
pub async fn answers(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT 1").execute(pool).await.map(drop)
}

/// Creates or updates the `core` schema, over a pool with [`Limits::LONG`]. Where there is nothing to do it changes nothing, so that a server needs no right to.
///
/// # Errors
/// When the database cannot be reached or refuses, or was migrated by a newer program.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    // Not one of the pool's: that would only say that it waited in vain, not for what. And its search path is another.
    let mut connection = connect(pool).await?;
    let migrated = within(ANSWER, is_migrated(&mut connection)).await?;
    if !migrated {
        let migrating = tokio::time::timeout(LONG_STEP, run_migrations(&mut connection));
        migrating.await.unwrap_or_else(|_| Err(limits::timed_out().into()))?;
    }
    within(ANSWER, connection.close()).await?;
    Ok(())
}

/// Whether the `core` schema is there as this program makes it. Nothing is changed.
///
/// # Errors
/// When the database cannot be reached or refuses.
pub async fn is_current(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let mut connection = within(ANSWER, pool.acquire()).await?;
    within(ANSWER, is_migrated(&mut connection)).await
}

async fn run_migrations(connection: &mut PgConnection) -> Result<(), MigrateError> {
    // Asked for first: the statement needs the right to create schemas even if there is nothing to create.
    let missing: bool = sqlx::query_scalar("SELECT to_regnamespace('core') IS NULL")
        .fetch_one(&mut *connection)
        .await?;
    if missing {
        // Two servers may start at once: one waits for the other, in one transaction of both statements.
        connection
            .execute("SELECT pg_advisory_xact_lock(hashtext('medconnect.core')); CREATE SCHEMA IF NOT EXISTS core")
            .await?;
    }
    // sqlx keeps its own table in the first schema of the search path that exists: make sure that this is `core`.
    connection.execute("SET search_path = core").await?;
    MIGRATIONS.run_direct(connection).await
}

async fn connect(pool: &PgPool) -> Result<PgConnection, sqlx::Error> {
    connect_with(&pool.connect_options()).await
}

/// A connection of its own, which is waited for no longer than [`CONNECT`].
pub(crate) async fn connect_with(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    within(CONNECT, PgConnection::connect_with(options)).await
}

/// A connection of its own to a pool's database, with its search path and [`Limits::LONG`].
pub(crate) async fn connect_for_long_work(pool: &PgPool) -> Result<PgConnection, sqlx::Error> {
    let options = pool.connect_options().as_ref().clone().options(Limits::LONG.settings());
    connect_with(&options).await
}

/// Whether exactly this program's migrations were applied.
async fn is_migrated(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let begun: bool = sqlx::query_scalar("SELECT to_regclass('core._sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !begun {
        return Ok(false);
    }
    let applied: Vec<(i64, Vec<u8>, bool)> =
        sqlx::query_as("SELECT version, checksum, success FROM core._sqlx_migrations ORDER BY version")
            .fetch_all(connection)
            .await?;
    let known = MIGRATIONS.iter().map(|one| (one.version, one.checksum.to_vec(), true));
    Ok(applied.into_iter().eq(known))
}

/// By which code, and at which table, Postgres has refused something; `None` when that is not why it failed. Its own words may repeat what stands in a row.
pub(crate) fn refusal(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(sqlx::Error::Database(refusal)) = error.downcast_ref() {
            let code = refusal.code().unwrap_or_default();
            let table = refusal.table().map(|table| format!(" at table {table}"));
            return Some(format!("SQLSTATE {code}{}", table.unwrap_or_default()));
        }
        cause = error.source();
    }
    None
}

/// What may be said about an error to whoever looks after the server: never what stands in a row.
pub(crate) fn told(error: &(dyn Error + 'static)) -> String {
    refusal(error).map_or_else(
        || error.to_string(),
        |refusal| format!("the database refuses ({refusal})"),
    )
}
