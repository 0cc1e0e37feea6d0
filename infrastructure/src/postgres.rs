//! Pools, schemas, migrations.
//!
//! `core` holds what cannot be rebuilt (keys) and what is short-lived (outbox, commands, sessions); its migrations stand in
//! `infrastructure/migrations`. `live` holds what the follower can rebuild from the chain (journal, read models). SQL
//! names tables without a schema: the connection's search path decides.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, PgPool};

/// The schema of what the follower can rebuild.
pub const LIVE: &str = "live";

/// The schema in which a rebuild prepares the next `live`.
pub const REBUILD: &str = "rebuild";

/// The schema of keys, outbox, commands and sessions.
pub const CORE: &str = "core";

/// Opens a pool whose connections look for tables in `schema`, then in `core`. Connects on first use.
///
/// # Errors
/// When the URL is not one of Postgres.
pub fn pool(url: &str, schema: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("medconnect")
        .options([("search_path", format!("{schema},{CORE}"))])
        .statement_cache_capacity(256);
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy_with(options))
}

/// The migrations of the `core` schema.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a connection may take that is made to find out whether there is a database.
const CONNECT: Duration = Duration::from_secs(10);

/// Creates or updates the `core` schema. Where there is nothing to do it changes nothing, so that a server needs no right to.
///
/// # Errors
/// When the database cannot be reached or refuses, or was migrated by a newer program.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    // Not one of the pool's: that would only say that it waited in vain, not for what. And its search path is another.
    let mut connection = connect(pool).await?;
    if !is_migrated(&mut connection).await? {
        // Asked for first: the statement needs the right to create schemas even if there is nothing to create.
        let missing: bool = sqlx::query_scalar("SELECT to_regnamespace('core') IS NULL")
            .fetch_one(&mut connection)
            .await?;
        if missing {
            connection.execute("CREATE SCHEMA IF NOT EXISTS core").await?;
        }
        // sqlx keeps its own table in the first schema of the search path that exists: make sure that this is `core`.
        connection.execute("SET search_path = core").await?;
        MIGRATIONS.run_direct(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}

async fn connect(pool: &PgPool) -> Result<PgConnection, sqlx::Error> {
    let options = pool.connect_options();
    tokio::time::timeout(CONNECT, PgConnection::connect_with(&options))
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
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
