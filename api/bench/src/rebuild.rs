//! A rebuild of the read models from the chain, beside the least that it could take: fetching and decoding the same logs, and copying
//! the same rows into bare tables, with nothing checked, opened, folded or indexed.

use std::sync::Arc;
use std::time::Instant;

use api_dev::system::System as Surroundings;
use futures::{StreamExt, TryStreamExt, stream};
use infrastructure::chain::EventLog;
use infrastructure::follower::{FinalityRule, FollowerConfig, Rebuild};
use infrastructure::keys::{KeyRing, MasterSecret};
use infrastructure::log::LogLocation;
use infrastructure::postgres::{self, LIVE, Limits, REBUILD};
use infrastructure::sealing::Opener;
use projections::ReadModels;
use serde::Serialize;
use sqlx::Executor;

use super::contract::Bench;
use super::log::{self, Clinic};
use super::measure::round;
use super::rows::Rows;

/// How many blocks the raw limit asks for at once, and how many of such requests are under way.
const RANGE: u64 = 10;
const FETCHERS: usize = 2;

/// What was measured.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Events in the log.
    pub events: u64,
    /// Rows that they become, the journal's and the read models'.
    pub rows: u64,
    /// Events a second, from the empty schema to the swap.
    pub rebuild_per_second: f64,
    /// Events a second of fetching, decoding and copying alone.
    pub raw_per_second: f64,
    /// The one for each of the other.
    pub of_raw: f64,
    /// How much memory the rebuild took at most beyond what was in use before, in mebibytes.
    pub memory_mib: Option<u64>,
}

impl Report {
    /// For people.
    pub fn table(&self) -> String {
        let memory = self
            .memory_mib
            .map_or_else(String::new, |mib| format!(", {mib} MiB of memory"));
        format!(
            "{:<32}{:>12.0} events/s{memory}\n{:<32}{:>12.0} events/s\n\nof the raw limit: {:.2}    ({} events, {} rows)\n",
            "rebuild",
            self.rebuild_per_second,
            "fetch, decode, copy",
            self.raw_per_second,
            self.of_raw,
            self.events,
            self.rows
        )
    }
}

/// The log to rebuild from, and where.
struct Source<'a> {
    log: EventLog,
    location: LogLocation,
    deployed_in: u64,
    secret: MasterSecret,
    keys: Arc<KeyRing>,
    /// A database in which nothing is live.
    database: &'a str,
}

/// Writes a log of at least so many events, and measures on it. What is rebuilt becomes the live schema: nothing else may follow
/// into the database.
///
/// # Errors
/// When chain or database do not answer.
pub async fn run(surroundings: &Surroundings, events: u64, progress: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Report> {
    let config = surroundings.config();
    let database = surroundings.database_url();
    let pool = postgres::pool_within(&Limits::LONG, database, LIVE, 4)?;
    postgres::migrate(&pool).await?;
    let keys = Arc::new(KeyRing::new(pool, config.keys.encryption_keys()?));

    progress(&format!("writing a log of {events} events"));
    let mut bench = Bench::deploy(surroundings).await?;
    let source = Source {
        log: bench.log.clone(),
        location: bench.location(),
        deployed_in: bench.deployed_in,
        secret: config.keys.master_secret()?,
        keys: Arc::clone(&keys),
        database,
    };
    let mut clinic = Clinic::new(source.location, &source.secret, keys);
    log::write(&mut bench, &mut clinic, events).await?;
    measure(&source, progress).await
}

async fn measure(source: &Source<'_>, progress: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Report> {
    progress("measuring a rebuild");
    let opener = Opener::new(source.location, &source.secret, Arc::clone(&source.keys));
    let follower = FollowerConfig::new(FinalityRule::Instant, source.deployed_in);
    let pool = postgres::pool_within(&Limits::LONG, source.database, REBUILD, 8)?;
    let rebuild = Rebuild::new(follower, source.log.clone(), opener, pool, ReadModels);
    rebuild.discard().await?;
    let memory = super::memory::watch();
    let started = Instant::now();
    let report = rebuild.run(|_| ()).await?;
    let rebuilt = per_second(report.position, started);
    let memory_mib = memory.and_then(super::memory::Watch::mebibytes);

    progress("measuring the raw limit");
    let rows = Rows::read(&postgres::pool_within(&Limits::LONG, source.database, LIVE, 2)?).await?;
    let started = Instant::now();
    raw_limit(source, &rows).await?;
    let raw = per_second(report.position, started);
    Ok(Report {
        events: report.position,
        rows: rows.count(),
        rebuild_per_second: rebuilt,
        raw_per_second: raw,
        of_raw: round(rebuilt / raw),
        memory_mib,
    })
}

fn per_second(events: u64, since: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of events in one run")]
    let events = events as f64;
    round(events / since.elapsed().as_secs_f64())
}

/// Fetches and decodes every log, and beside it copies the rows that the rebuild made.
async fn raw_limit(source: &Source<'_>, rows: &Rows) -> anyhow::Result<()> {
    let pool = postgres::pool_within(&Limits::LONG, source.database, LIVE, 2)?;
    pool.execute("DROP SCHEMA IF EXISTS raw_limit CASCADE; CREATE SCHEMA raw_limit")
        .await?;
    futures::try_join!(fetch(source), rows.copy(&pool))?;
    pool.execute("DROP SCHEMA raw_limit CASCADE").await?;
    Ok(())
}

async fn fetch(source: &Source<'_>) -> anyhow::Result<()> {
    let newest = source.log.node().block_number().await?;
    let ranges = (source.deployed_in..=newest).step_by(usize::try_from(RANGE)?);
    let fetched = stream::iter(ranges)
        .map(|from| {
            source
                .log
                .logs(from, newest.min(from.saturating_add(RANGE).saturating_sub(1)))
        })
        .buffered(FETCHERS);
    Ok(fetched.try_for_each(|_| std::future::ready(Ok(()))).await?)
}
