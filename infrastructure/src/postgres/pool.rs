//! Pools whose connections do not keep anybody waiting for ever.

use std::str::FromStr;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Connection, Describe, Either, Execute, Executor, PgConnection, PgPool, Postgres};
use tokio::time::timeout;

use super::CORE;
use super::limits::{ANSWER, Limits, timed_out, within};

/// How long a connection is waited for.
const ACQUIRE: Duration = Duration::from_secs(5);

/// How long a connection may take to show that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// How long a connection that has rested is believed to be alive without being asked.
pub(crate) const FRESH: Duration = Duration::from_millis(500);

/// As [`pool_within`], with [`Limits::SHORT`].
///
/// # Errors
/// When the URL is not one of Postgres.
pub fn pool(url: &str, schema: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    pool_within(&Limits::SHORT, url, schema, connections)
}

/// Opens a pool whose connections look for tables in `schema`, then in `core`. Connects on first use.
///
/// A connection is asked for a sign of life when it has rested, and when it comes back, and not for ever: one that is given up in the
/// middle of an answer must not keep its place.
///
/// # Errors
/// When the URL is not one of Postgres.
pub fn pool_within(limits: &Limits, url: &str, schema: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("medconnect")
        .options([("search_path", format!("{schema},{CORE}"))])
        .options(limits.settings())
        .statement_cache_capacity(256);
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > FRESH {
                    show_life(connection).await?;
                }
                Ok(true)
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                show_life(connection).await?;
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// Has what is asked over this pool planned once and for all, by index, whatever is asked for: right for whoever repeats a few statements that
/// touch a few rows each. Postgres would plan the one that stores a batch anew each time, which takes more than twice as long as doing it
/// (0.28 ms in all instead of 0.08). A plan that was made while a table was small must not read it whole later; and one that avoids that looks dear,
/// and would be compiled.
#[must_use]
pub fn planned_once(pool: PgPool) -> PgPool {
    let settings = [
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("jit", "off"),
    ];
    pool.set_connect_options(PgConnectOptions::clone(&pool.connect_options()).options(settings));
    pool
}

/// Whether the other end answers, in time. After an error the connection is of no use any more.
///
/// # Errors
/// When it does not.
pub(crate) async fn show_life(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    within(SIGN_OF_LIFE, connection.ping()).await
}

/// A pool each of whose answers is waited for no longer than [`ANSWER`], and so is each row of it.
#[derive(Clone, Debug)]
pub(crate) struct Answering(PgPool);

impl Answering {
    /// Over this pool.
    pub(crate) const fn new(pool: PgPool) -> Self {
        Self(pool)
    }

    /// The pool itself, for transactions: whoever begins one limits it.
    pub(crate) const fn pool(&self) -> &PgPool {
        &self.0
    }
}

impl<'p> Executor<'p> for &Answering {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let answer = self.0.fetch_many(query);
        let in_time = stream::unfold(Some(answer), |answer| async {
            let mut answer = answer?;
            match timeout(ANSWER, answer.next()).await {
                Ok(next) => next.map(|next| (next, Some(answer))),
                Err(_) => Some((Err(timed_out()), None)),
            }
        });
        in_time.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(within(ANSWER, self.0.fetch_optional(query)))
    }

    fn prepare_with<'e, 'q: 'e>(
        self,
        sql: &'q str,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement<'q>, sqlx::Error>>
    where
        'p: 'e,
    {
        Box::pin(within(ANSWER, self.0.prepare_with(sql, parameters)))
    }

    fn describe<'e, 'q: 'e>(self, sql: &'q str) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        Box::pin(within(ANSWER, self.0.describe(sql)))
    }
}
