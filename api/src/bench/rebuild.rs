//! A rebuild of the read models from the chain, beside the least that it could take: fetching and decoding the same logs and copying
//! the same rows, with nothing checked, opened or folded.

use std::time::Instant;

use anyhow::Context;
use futures::{StreamExt, stream};
use infrastructure::chain::{BlockLogs, EventLog, Node, RpcOptions};

use infrastructure::follower::{FinalityRule, FollowerConfig, Rebuild};
use infrastructure::keys::KeyRing;
use infrastructure::postgres::{self, REBUILD};
use infrastructure::sealing::{LogLocation, Opener};
use projections::ReadModels;
use serde::Serialize;
use sqlx::PgPool;
use std::sync::Arc;

use super::measure::round;
use crate::config::Config;

/// How many blocks the raw limit asks for at once, and how many of such requests are under way.
const RANGE: u64 = 10;
const FETCHERS: usize = 2;

/// What was measured.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Events in the log.
    pub events: u64,
    /// Events a second, from the empty schema to the swap.
    pub rebuild_per_second: f64,
    /// Events a second of fetching, decoding and copying alone.
    pub raw_per_second: f64,
    /// The one for each of the other.
    pub of_raw: f64,
}

impl Report {
    /// For people.
    pub fn table(&self) -> String {
        format!(
            "{:<32}{:>12.0} events/s\n{:<32}{:>12.0} events/s\n\nof the raw limit: {:.2}    ({} events)\n",
            "rebuild", self.rebuild_per_second, "fetch, decode, copy", self.raw_per_second, self.of_raw, self.events
        )
    }
}

/// Measures on the log that a configuration names. The live read models are replaced by those that were rebuilt.
///
/// # Errors
/// When chain or database do not answer.
pub async fn run(config: &Config, database: &str, progress: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Report> {
    let node = Node::new(&config.chain.nodes, config.chain.id, RpcOptions::default())?;
    let log = EventLog::new(node, config.chain.contract);
    let pool = postgres::pool(database, REBUILD, 8)?;

    progress("measuring the raw limit");
    let (events, raw) = raw_limit(&log, config.chain.deployed_in, database).await?;
    anyhow::ensure!(
        events > 0,
        "the log is empty: import something, or run the commands' benchmark first"
    );

    progress("measuring a rebuild");
    let location = LogLocation {
        chain_id: config.chain.id,
        contract: config.chain.contract.0,
    };
    let keys = Arc::new(KeyRing::new(pool.clone(), config.keys.encryption_keys()?));
    let opener = Opener::new(location, &config.keys.master_secret()?, keys);
    let follower = FollowerConfig::new(FinalityRule::Instant, config.chain.deployed_in);
    let rebuild = Rebuild::new(follower, log, opener, pool, ReadModels);
    rebuild.discard().await?;
    let started = Instant::now();
    let report = rebuild.run(|_| ()).await?;
    let rebuilt = per_second(report.position, started);
    Ok(Report {
        events,
        rebuild_per_second: rebuilt,
        raw_per_second: raw,
        of_raw: round(rebuilt / raw),
    })
}

fn per_second(events: u64, since: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of events in one run")]
    let events = events as f64;
    round(events / since.elapsed().as_secs_f64())
}

/// Fetches and decodes every log, and copies position, stream, version and payload into a table without an index.
async fn raw_limit(log: &EventLog, from: u64, database: &str) -> anyhow::Result<(u64, f64)> {
    let pool = postgres::pool(database, "raw_limit", 2)?;
    sqlx::query("DROP SCHEMA IF EXISTS raw_limit CASCADE")
        .execute(&pool)
        .await?;
    sqlx::query("CREATE SCHEMA raw_limit").execute(&pool).await?;
    sqlx::query("CREATE TABLE raw_limit.entries (position int8, stream bytea, version int8, payload bytea)")
        .execute(&pool)
        .await?;
    let newest = log.node().block_number().await?;
    let started = Instant::now();
    let ranges = (from..=newest).step_by(usize::try_from(RANGE)?);
    let mut fetched = stream::iter(ranges)
        .map(|from| log.logs(from, newest.min(from.saturating_add(RANGE).saturating_sub(1))))
        .buffered(FETCHERS);
    let mut events = 0;
    while let Some(blocks) = fetched.next().await {
        events += copy(&pool, &blocks?).await?;
    }
    let rate = per_second(events, started);
    sqlx::query("DROP SCHEMA raw_limit CASCADE").execute(&pool).await?;
    Ok((events, rate))
}

/// Copies entries in Postgres' binary format (the manual's page on COPY, "Binary Format").
async fn copy(pool: &PgPool, blocks: &[BlockLogs]) -> anyhow::Result<u64> {
    let mut data = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    let field = |data: &mut Vec<u8>, bytes: &[u8]| -> anyhow::Result<()> {
        data.extend(i32::try_from(bytes.len())?.to_be_bytes());
        data.extend(bytes);
        Ok(())
    };
    let mut events = 0;
    for entry in blocks.iter().flat_map(|block| &block.appended) {
        data.extend(4_i16.to_be_bytes());
        field(&mut data, &entry.position.to_be_bytes())?;
        field(&mut data, &entry.stream.0)?;
        field(&mut data, &entry.version.to_be_bytes())?;
        field(&mut data, &entry.payload)?;
        events += 1;
    }
    if events == 0 {
        return Ok(0);
    }
    data.extend((-1_i16).to_be_bytes());
    let mut connection = pool.acquire().await?;
    let mut copy = connection
        .copy_in_raw("COPY raw_limit.entries FROM STDIN (FORMAT binary)")
        .await?;
    copy.send(data).await?;
    copy.finish().await.context("the copy was refused")?;
    Ok(events)
}
