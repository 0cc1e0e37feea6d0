//! What a database's files still hold of rows that are deleted or changed: Postgres keeps both until a table is rewritten, samples of values in
//! its statistics, and all of it in the write-ahead log.

use std::fmt;
use std::time::Duration;

use sqlx::{Executor, PgConnection};
use tokio::time::sleep;

use crate::postgres::sweep;

/// The tables that are rewritten: all that hold anything of persons in the clear, and the small ones beside them. What the journal and the
/// outbox hold is sealed.
const TABLES: &str = "SELECT format('%I.%I', nspname, relname), pg_relation_filenode(c.oid)::int8 FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE nspname IN ('live', 'core') AND relkind = 'r' AND relname <> ALL ('{journal,blocks,block_times,outbox,servers}') ORDER BY 1";

/// How often is waited for somebody else who holds a table or reads what was, and how long each time.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// How Postgres says that a lock was not to be had in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Whether anybody still reads rows as they were before a transaction: then a table that is rewritten keeps them.
const IS_READ: &str =
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()
                                      AND age(backend_xmin) > age($1::text::xid))
     OR EXISTS (SELECT FROM pg_replication_slots WHERE age(xmin) > age($1::text::xid))
     OR EXISTS (SELECT FROM pg_prepared_xacts WHERE age(transaction) > age($1::text::xid))";

/// Postgres leaves what it knows of the values of a table as it is when the table becomes empty.
const EMPTY_TABLES: &str =
    "DELETE FROM pg_catalog.pg_statistic USING pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE starelid = c.oid AND nspname IN ('live', 'core') AND reltuples <= 0";

/// Files of the database that Postgres knows of no table for. What it wrote in a transaction that a crash has ended it never removes: a table that
/// was being rewritten stands there once more, as it was.
const UNKNOWN_FILES: &str = "SELECT path FROM pg_database d, pg_ls_dir('base/' || d.oid) AS name,
          format('base/%s/%s', d.oid, name) AS path, pg_stat_file(path, true) AS file
     WHERE datname = current_database() AND name ~ '^[0-9]+' AND file.size > 0
       AND substring(name FROM '^[0-9]+')::oid NOT IN
           (SELECT pg_relation_filenode(oid) FROM pg_class WHERE pg_relation_filenode(oid) IS NOT NULL)
     ORDER BY path";

/// How often it is looked whether a file is another transaction's that is under way.
const LOOKS: u32 = 20;

/// What could not be done.
#[derive(Default, Debug)]
pub(super) struct Left {
    /// What may still hold rows as they were.
    pub(super) rows: Vec<String>,
    /// Whether Postgres's statistics may still hold values.
    pub(super) statistics: bool,
    /// Whether the write-ahead log may.
    pub(super) wal: bool,
    /// Whether files may that a crash has left, for nobody could look.
    pub(super) unknown_files: bool,
}

/// Where it still stands; empty when nothing is left.
impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.statistics, "pg_statistic"),
            (self.wal, "the write-ahead log"),
            (self.unknown_files, "files that a crash of Postgres may have left"),
        ];
        let parts = parts.iter().filter(|(is_left, _)| *is_left).map(|(_, what)| *what);
        let left: Vec<&str> = self.rows.iter().map(String::as_str).chain(parts).collect();
        f.write_str(&left.join(", "))
    }
}

/// Rewrites the tables, and has Postgres let go of what its statistics and its write-ahead log hold. While a table
/// is rewritten nobody reads it.
pub(super) async fn purge(connection: &mut PgConnection) -> Result<Left, sqlx::Error> {
    connection.execute("SET lock_timeout = '5s'").await?;
    let mut left = Left::default();
    if is_read_as_it_was(connection).await? {
        left.rows.push("what older transactions read".to_owned());
        return Ok(left);
    }
    if !discard_rebuild(connection).await? {
        left.rows.push("a rebuild that is under way".to_owned());
    }
    if !sweep(connection).await? {
        left.rows.push("an audit that is under way".to_owned());
    }
    let tables: Vec<(String, i64)> = sqlx::query_as(TABLES).fetch_all(&mut *connection).await?;
    for (table, before) in tables {
        if !rewrite(connection, &table, Some(before)).await? {
            left.rows.push(table);
        }
    }
    left.statistics = connection.execute(EMPTY_TABLES).await.is_err()
        || !rewrite(connection, "pg_catalog.pg_statistic", None).await?;
    // The log that was written until now is not needed once a checkpoint has been made after it. Postgres then removes its files, or uses them
    // again with what is in them.
    let is_recycled: bool = sqlx::query_scalar("SELECT current_setting('wal_recycle')::bool")
        .fetch_one(&mut *connection)
        .await?;
    left.wal = connection.execute("SELECT pg_switch_wal()").await.is_err()
        || connection.execute("CHECKPOINT").await.is_err()
        || is_recycled;
    match unknown_files(connection).await {
        Ok(files) => left.rows.extend(files),
        Err(_) => left.unknown_files = true,
    }
    Ok(left)
}

/// The files that a crash of Postgres has left. What was a table until now is gone since the checkpoint.
async fn unknown_files(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let mut files: Vec<String> = Vec::new();
    for look in 0..LOOKS {
        let found: Vec<String> = sqlx::query_scalar(UNKNOWN_FILES).fetch_all(&mut *connection).await?;
        if look == 0 {
            files = found;
        } else {
            files.retain(|file| found.contains(file));
        }
        if files.is_empty() {
            break;
        }
        sleep(PAUSE).await;
    }
    let told = |file: String| format!("{file}, which a crash of Postgres has left");
    Ok(files.into_iter().map(told).collect())
}

/// Waits until nobody reads rows any more as they were; `true` when somebody does for too long.
async fn is_read_as_it_was(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let now: String = sqlx::query_scalar("SELECT pg_current_xact_id()::xid::text")
        .fetch_one(&mut *connection)
        .await?;
    for _ in 0..TRIES {
        let is_read: bool = sqlx::query_scalar(IS_READ)
            .bind(&now)
            .fetch_one(&mut *connection)
            .await?;
        if !is_read {
            return Ok(false);
        }
        sleep(PAUSE).await;
    }
    Ok(true)
}

/// Drops what an interrupted rebuild has left, in which the erased stand as they were; `false` when one is under way, or the role may not.
async fn discard_rebuild(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let lock = "SELECT pg_try_advisory_lock(hashtext('medconnect.rebuild'))";
    let nobody_rebuilds: bool = sqlx::query_scalar(lock).fetch_one(&mut *connection).await?;
    if !nobody_rebuilds {
        return Ok(false);
    }
    let is_there: bool = sqlx::query_scalar("SELECT to_regnamespace('rebuild') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    let discarded = !is_there || connection.execute("DROP SCHEMA rebuild CASCADE").await.is_ok();
    connection
        .execute("SELECT pg_advisory_unlock(hashtext('medconnect.rebuild'))")
        .await?;
    Ok(discarded)
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
