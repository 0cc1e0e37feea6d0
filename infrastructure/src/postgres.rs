//! Pools, schemas, migrations.
//!
//! `core` holds what cannot be rebuilt (keys) and what is short-lived (outbox, commands, sessions); its migrations stand in
//! `infrastructure/migrations`. `live` holds what the follower can rebuild from the chain (journal, read models). SQL
//! names tables without a schema: the connection's search path decides.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor, PgConnection, PgPool};

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

/// What has to be done to `core`, in order.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Creates or updates the `core` schema. If nothing is to be done, that takes no right to create anything: then a server's role may
/// lack it.
///
/// # Errors
/// When the database refuses, or was migrated by a newer program.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    let mut connection = pool.acquire().await?;
    if is_migrated(&mut connection).await? {
        return Ok(());
    }
    let missing: bool = sqlx::query_scalar("SELECT to_regnamespace('core') IS NULL")
        .fetch_one(&mut *connection)
        .await?;
    if missing {
        connection.execute("CREATE SCHEMA IF NOT EXISTS core").await?;
    }
    // sqlx keeps its own table in the first schema of the search path that exists: make sure that this is `core`.
    connection.execute("SET search_path = core").await?;
    let done = MIGRATIONS.run_direct(&mut *connection).await;
    // The connection's search path was changed: it must not go back to the pool.
    connection.detach();
    done
}

/// Whether exactly the migrations of this program were applied, as they are.
async fn is_migrated(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let begun: bool = sqlx::query_scalar("SELECT to_regclass('core._sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !begun {
        return Ok(false);
    }
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM core._sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(connection)
            .await?;
    let ours = MIGRATIONS.iter().map(|one| (one.version, one.checksum.as_ref()));
    Ok(ours.eq(applied
        .iter()
        .map(|(version, checksum)| (*version, checksum.as_slice()))))
}
