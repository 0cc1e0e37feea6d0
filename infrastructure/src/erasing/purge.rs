//! What a database's files still hold of rows that are deleted or changed: Postgres keeps both until a table is rewritten, samples of values in
//! its statistics, and all of it in the write-ahead log.

use std::fmt;
use std::time::Duration;

use sqlx::{Executor, PgConnection};
use tokio::time::sleep;

/// The tables that are rewritten: all that hold anything of persons in the clear, and the small ones beside them. What the journal and the
/// outbox hold is sealed.
const TABLES: &str = "SELECT format('%I.%I', nspname, relname), pg_relation_filenode(c.oid)::int8 FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE nspname IN ('live', 'core') AND relkind = 'r' AND relname <> ALL ('{journal,blocks,outbox,servers}') ORDER BY 1";

/// How often a table is tried that somebody else holds, and how long after.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(2);

/// How Postgres says that a lock was not to be had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// What could not be done, for the role may not.
#[derive(Default, Debug)]
pub(super) struct Left {
    /// Tables that were not rewritten.
    pub(super) tables: Vec<String>,
    /// Whether Postgres's statistics may still hold values.
    pub(super) statistics: bool,
    /// Whether the write-ahead log may.
    pub(super) wal: bool,
}

/// Where it still stands; empty when nothing is left.
impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.statistics, "pg_statistic"), (self.wal, "the write-ahead log")];
        let parts = parts.iter().filter(|(is_left, _)| *is_left).map(|(_, what)| *what);
        let left: Vec<&str> = self.tables.iter().map(String::as_str).chain(parts).collect();
        f.write_str(&left.join(", "))
    }
}

/// Rewrites the tables, and has Postgres let go of what its statistics and its write-ahead log hold. While a table is rewritten nobody reads
/// it.
pub(super) async fn purge(connection: &mut PgConnection) -> Result<Left, sqlx::Error> {
    connection.execute("SET lock_timeout = '5s'").await?;
    let mut left = Left::default();
    let tables: Vec<(String, i64)> = sqlx::query_as(TABLES).fetch_all(&mut *connection).await?;
    for (table, before) in tables {
        if !rewrite(connection, &table, Some(before)).await? {
            left.tables.push(table);
        }
    }
    left.statistics = !rewrite(connection, "pg_catalog.pg_statistic", None).await?;
    // The log that was written until now is not needed once a checkpoint has been made after it; Postgres then removes its files.
    left.wal =
        connection.execute("SELECT pg_switch_wal()").await.is_err() || connection.execute("CHECKPOINT").await.is_err();
    Ok(left)
}

/// Rewrites a table; `false` when the role may not: Postgres only warns then. `before` is its file, if it is known.
async fn rewrite(connection: &mut PgConnection, table: &str, before: Option<i64>) -> Result<bool, sqlx::Error> {
    let filenode = "SELECT pg_relation_filenode(to_regclass($1))::int8";
    let before = match before {
        Some(before) => Some(before),
        None => {
            sqlx::query_scalar(filenode)
                .bind(table)
                .fetch_one(&mut *connection)
                .await?
        }
    };
    let mut tries = 0;
    loop {
        match connection
            .execute(format!("VACUUM (FULL, ANALYZE) {table}").as_str())
            .await
        {
            Err(error) if is_held(&error) && tries < TRIES => tries += 1,
            done => break done.map(drop)?,
        }
        sleep(PAUSE).await;
    }
    let after: Option<i64> = sqlx::query_scalar(filenode)
        .bind(table)
        .fetch_one(&mut *connection)
        .await?;
    // A rebuild may have put another table in its place, which is as good.
    Ok(after.is_none() || after != before)
}

fn is_held(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some(LOCK_NOT_AVAILABLE)
}
