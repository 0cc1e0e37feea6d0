//! `medconnect audit verify --with-keys`: what is proved is opened, and folded afresh into a scratch beside what is live.

use std::time::{Duration, Instant};

use api_audit::{Comparison, Head, KeyedReport, Report, TableReport, Unfolded, WithKeys};
use api_config::Config;
use infrastructure::chain::{EventLog, Hash};
use infrastructure::follower::{
    FollowerError, MadeOf, Noted, RebuildError, Refolded, block_of, erasures, first_difference, followed, is_current,
    later_chapters, standing,
};
use infrastructure::log::LogLocation;
use infrastructure::postgres::{self, LIVE, Limits, Scratch};
use projections::ReadModels;
use secrecy::ExposeSecret;
use sqlx::PgPool;

use super::super::stop::Stop;
use super::super::{content, rebuild};
use super::{CliError, console, database};

/// How many connections look at what is live.
const CONNECTIONS: u32 = 2;

/// How long the database may take to come to the block, or to stand at one position with the scratch.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);

/// How often tables are compared that differ: a chain that took blocks back meanwhile makes them differ for a moment.
const TRIES: u32 = 3;

/// Opens and folds what is proved. Where the proof has a fault there is nothing to open.
pub(super) async fn refold(config: &Config, log: EventLog, proof: Report) -> Result<KeyedReport, CliError> {
    let (Some(block), Some(head)) = (&proof.block, proof.head) else {
        return Ok(KeyedReport::new(proof, None));
    };
    let mut stop = Stop::listen()?;
    let url = config.database.url.expose_secret();
    let live = postgres::pool_within(&Limits::LONG, url, LIVE, CONNECTIONS)?;
    let scratch = match Scratch::take(&live).await {
        Ok(scratch) => scratch,
        Err(error) => return Ok(KeyedReport::unfolded(proof, failed(error.into()))),
    };
    let pool = postgres::pool_within(&Limits::LONG, url, scratch.name(), rebuild::CONNECTIONS)?;
    let work = Work {
        config,
        live: live.clone(),
        pool: pool.clone(),
        schema: scratch.name().to_owned(),
    };
    let done = tokio::select! {
        done = work.run(log, (block.number, block.hash), head) => Ok(done),
        () = stop.asked() => Err(CliError::Stopped),
    };
    // What was under way gives its connections back, or is broken off: nothing of it stays.
    stop.force_next();
    let _ = tokio::time::timeout(PATIENCE, pool.close()).await;
    let ended = scratch.end().await;
    let _ = tokio::time::timeout(PATIENCE, live.close()).await;
    if let Err(error) = ended {
        console::note(format!(
            "the audit's schema is left, and the next one drops it: {error}"
        ));
    }
    Ok(match done? {
        Ok(with_keys) => KeyedReport::new(proof, Some(with_keys)),
        Err(unfolded) => KeyedReport::unfolded(proof, unfolded),
    })
}

struct Work<'a> {
    config: &'a Config,
    live: PgPool,
    pool: PgPool,
    schema: String,
}

impl Work<'_> {
    async fn run(&self, log: EventLog, block: (u64, Hash), head: Head) -> Result<WithKeys, Unfolded> {
        let location = LogLocation {
            chain_id: log.node().chain_id(),
            contract: log.address().0,
            namespace: self.config.chain.namespace,
        };
        let rebuild = rebuild::over(self.config, log, self.pool.clone()).map_err(failed)?;
        let (steps, bar) = (console::Steps::default(), console::bar());
        steps.step("opening the entries and folding them afresh");
        let tell = |progress| rebuild::show(&bar, progress);
        let refolded = rebuild.refold(&self.schema, block, head.position, tell).await;
        bar.finish_and_clear();
        let mut refolded = refolded.map_err(not_as_proved)?;
        let (refold, opened_head) = (refolded.refold().clone(), refolded.head());
        steps.step("comparing the read models with those of the database");
        let comparison = if head == opened_head.into() {
            let compared = self.compare(&mut refolded, location, head.position).await;
            compared.unwrap_or_else(|error| Comparison::Not(database::told(error).to_string()))
        } else {
            Comparison::Not("what was opened is not what is proved".to_owned())
        };
        steps.finish();
        Ok(WithKeys::of(&refold, opened_head, comparison))
    }

    /// Compares at the position where the database stands: the scratch goes on to it. Nobody is kept from going on meanwhile.
    async fn compare(
        &self,
        refolded: &mut Refolded<'_, ReadModels>,
        location: LogLocation,
        proven: u64,
    ) -> Result<Comparison, CliError> {
        if let Some(why) = self.incomparable(location).await? {
            return Ok(Comparison::Not(why.to_owned()));
        }
        let (began, mut differed) = (Instant::now(), 0);
        loop {
            let live = content::hashes(self.live.clone()).await.map_err(CliError::other)?;
            let position = live.iter().map(|one| one.position).min().unwrap_or_default();
            let mut why = format!(
                "it stands at position {position}, and the log was read up to {}",
                refolded.head().position
            );
            if position >= proven && self.come_to(refolded, position).await? {
                let tables = self.tables(&live, position).await?;
                let are_equal = tables.iter().all(|table| table.equal);
                if are_equal || self.is_one_chain(refolded).await? {
                    differed += 1;
                    if are_equal || differed >= TRIES {
                        return Ok(Comparison::At { position, tables });
                    }
                } else {
                    "the chain took blocks back, or it stands on another chain than the node's".clone_into(&mut why);
                }
            }
            if began.elapsed() > PATIENCE {
                return Ok(Comparison::Not(why));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether both stand on the chain that the node has now: otherwise a difference says nothing.
    async fn is_one_chain(&self, refolded: &Refolded<'_, ReadModels>) -> Result<bool, CliError> {
        let Some(live) = standing(&self.live).await? else {
            return Ok(false);
        };
        for block in [live, refolded.last_block()] {
            if !refolded.is_on_the_chain(block).await.map_err(CliError::other)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Why the database cannot be compared at all.
    async fn incomparable(&self, location: LogLocation) -> Result<Option<&'static str>, CliError> {
        let is_current = is_current(&self.live, &ReadModels).await.map_err(CliError::other)?;
        if !is_current {
            return Ok(Some("its read models were made by another version of medconnect"));
        }
        let is_there: bool = sqlx::query_scalar("SELECT to_regclass('live.checkpoint') IS NOT NULL")
            .fetch_one(&self.live)
            .await?;
        if !is_there {
            return Ok(Some("it has no read models"));
        }
        Ok(match followed(&self.live).await? {
            None => Some("nothing was ever read into it"),
            Some(other) if other.location != location => Some("it follows another log, or another namespace of it"),
            Some(other) => {
                let secrets = self.config.log_secrets().map_err(CliError::from)?;
                let configured = MadeOf::of(&secrets.check_values(), &self.config.chain.recorders);
                (other.made_of != configured).then_some(
                    "its read models were made of what other secrets open or other contracts record than `keys.master_secret`, `chain.recorders` and `chain.shared` name",
                )
            }
        })
    }

    /// Goes on until the scratch stands at this position, which the database has; `false` when it does not, or has it no more.
    async fn come_to(&self, refolded: &mut Refolded<'_, ReadModels>, position: u64) -> Result<bool, CliError> {
        if refolded.head().position == position {
            return Ok(true);
        }
        let Some(block) = block_of(&self.live, position).await? else {
            return Ok(false);
        };
        let head = refolded.catch_up(block).await.map_err(CliError::other)?;
        Ok(head.position == position)
    }

    async fn tables(
        &self,
        live: &[application::ports::queries::ProjectionHash],
        position: u64,
    ) -> Result<Vec<TableReport>, CliError> {
        let afresh = content::hashes(self.pool.clone()).await.map_err(CliError::other)?;
        let noted = async |noted: Noted, rows| {
            let first_difference = first_difference(&self.live, &self.schema, noted, position).await?;
            Ok::<_, CliError>(TableReport {
                name: noted.name(),
                rows,
                equal: first_difference.is_none(),
                first_difference,
            })
        };
        let journal = noted(Noted::Journal, position).await?;
        let chapters = noted(Noted::Chapters, later_chapters(&self.pool, &self.schema).await?).await?;
        // Keys are destroyed where the log has an erasure, and nowhere else.
        let (rows, destroyed_without) = erasures(&self.live, &self.schema).await?;
        let mut of_erasures = noted(Noted::Erasures, rows).await?;
        of_erasures.equal &= destroyed_without == 0;
        let tables = afresh.iter().map(|one| TableReport {
            name: one.name,
            rows: one.rows,
            equal: content::has(live, one),
            first_difference: None,
        });
        Ok([journal, of_erasures, chapters].into_iter().chain(tables).collect())
    }
}

/// A node that proved a log and shows another cannot be true.
fn not_as_proved(error: RebuildError) -> Unfolded {
    match error {
        RebuildError::Follower(FollowerError::Distrust(distrust)) => Unfolded::NotAsProved(distrust.to_string()),
        other => failed(CliError::other(other)),
    }
}

fn failed(error: CliError) -> Unfolded {
    Unfolded::Failed(database::told(error).to_string())
}
