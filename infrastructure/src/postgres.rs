//! Pools, schemas, migrations.
//!
//! `core` holds what cannot be rebuilt (keys) and what is short-lived (outbox, commands, sessions); its migrations stand in
//! `infrastructure/migrations`. `live` holds what the follower can rebuild from the chain (journal, read models). SQL
//! names tables without a schema: the connection's search path decides.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor, PgPool};

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

/// Creates or updates the `core` schema.
///
/// # Errors
/// When the database refuses, or was migrated by a newer program.
pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    // sqlx keeps its own table in the first schema of the search path that exists: make sure that this is `core`.
    let mut connection = pool.acquire().await?;
    connection
        .execute("CREATE SCHEMA IF NOT EXISTS core; SET search_path = core")
        .await?;
    let done = sqlx::migrate!("./migrations").run_direct(&mut *connection).await;
    // The connection's search path was changed: it must not go back to the pool.
    connection.detach();
    done
}
