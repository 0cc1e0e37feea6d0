//! Everything once more, from the chain alone, beside what is live; then in its place.
//!
//! The schema `rebuild` is filled up to the newest block that is final: blocks are read by two fetchers, checked and opened on
//! another thread, and written by the five thousand events, each time with a checkpoint, so that an interrupted rebuild goes on
//! where it stopped. Indexes that only reading needs come last. Then it follows the chain like any follower, which compares the
//! running hash with the contract's, until it is where the live schema is; the live checkpoint is locked, and two schemas are
//! renamed in one transaction. Reads go on throughout; the live follower waits for the lock and finds itself in the new schema.
//!
//! - `fetching`: the log, in ranges. `filling`: the tables, in bulk. `completing`: indexes and what else only reading needs.
//! - `refolding`: the same beside what is live, for a look at it.
//! - `swapping`: the new schema for the old one. `report`: what is told about it.

mod completing;
mod fetching;
mod filling;
mod refolding;
mod report;
mod swapping;

use std::future::Future;
use std::time::{Duration, Instant};

use application::log::BlockRef;
use application::ports::projector::Projector;
use backon::{BackoffBuilder as _, ExponentialBuilder, Retryable as _};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::refolding::Refolded;
pub use self::report::{Phase, RebuildError, RebuildProgress, RebuildReport};
use super::checkpoint;
use super::config::UNSETTLED;
use super::runner::{Follower, Place, Step};
use super::schema_hash::SchemaHash;
use super::trust::Distrust;
use super::{FollowerConfig, FollowerError, schema, standby, tables};
use crate::chain::{BlockId, EventLog};
use crate::log::LogHead;
use crate::notices::Notices;
use crate::postgres::{ANSWER, LONG_STEP, REBUILD, within};
use crate::sealing::Opener;

/// How long the rows of one batch may take to be written, or the leftovers of another rebuild to be dropped.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Drops what an interrupted rebuild left.
const DISCARD: &str = "DROP SCHEMA IF EXISTS rebuild CASCADE";
/// The first pause between two attempts; each is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How often a node is asked again before the rebuild gives up, to be resumed.
const RETRIES: usize = 5;
/// How long a node may lack blocks that the live follower has, or entries that its own contract counts.
const NODE_PATIENCE: Duration = Duration::from_secs(15);

/// A rebuild of one contract's log into one database.
pub struct Rebuild<P> {
    follower: Follower<P>,
}

impl<P> Rebuild<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// A rebuild over a pool of at least three connections whose search path begins with [`REBUILD`].
    pub fn new(config: FollowerConfig, log: EventLog, opener: Opener, pool: PgPool, projector: P) -> Self {
        Self {
            follower: Follower::new(config, log, opener, pool, projector, Notices::default()),
        }
    }

    /// Forgets what an interrupted rebuild left, so that the next one begins at the beginning.
    ///
    /// # Errors
    /// When the database refuses, or another rebuild is going on.
    pub async fn discard(&self) -> Result<(), RebuildError> {
        let mut lock = self.lock_out_others().await?;
        lock.execute(DISCARD).await?;
        release(lock).await
    }

    /// Rebuilds and swaps. `progress` hears how far it is.
    ///
    /// # Errors
    /// [`RebuildError`].
    pub async fn run(&self, progress: impl Fn(RebuildProgress) + Sync) -> Result<RebuildReport, RebuildError> {
        self.run_and_compare(progress, None::<fn() -> std::future::Ready<Result<(), String>>>)
            .await
    }

    /// As [`Self::run`], with a comparison that is asked right before the swap, while the live schema and the rebuilt one stand at
    /// the same position and neither moves.
    ///
    /// # Errors
    /// [`RebuildError`].
    pub async fn run_and_compare<C, F>(
        &self,
        progress: impl Fn(RebuildProgress) + Sync,
        compare: Option<C>,
    ) -> Result<RebuildReport, RebuildError>
    where
        C: FnOnce() -> F + Send,
        F: Future<Output = Result<(), String>> + Send,
    {
        let mut lock = self.lock_out_others().await?;
        let node = self.follower.log.node();
        let _watched = self.watch_nodes();
        let mut compare = compare;
        let mut asked = 0;
        loop {
            let ran = self.fill_and_swap(&progress, &mut compare).await;
            let Err(RebuildError::Follower(error)) = &ran else {
                let report = ran?;
                release(lock).await?;
                return Ok(report);
            };
            if let FollowerError::Distrust(Distrust::RunningHash { .. } | Distrust::ContradictsFinal { .. }) = error {
                // Nothing tells whether what was written is what is wrong, so that going on from there might never end.
                lock.execute(DISCARD).await?;
            }
            asked += 1;
            if !(error.is_distrust() || error.is_the_chains()) || asked >= node.count() {
                return ran;
            }
            node.distrust(&error.to_string());
        }
    }

    /// While it runs, a node that stands still is left for one that is ahead, as the follower does.
    fn watch_nodes(&self) -> Option<DropGuard> {
        let Follower {
            log,
            pool,
            status,
            config,
            ..
        } = &self.follower;
        let cancel = CancellationToken::new();
        let watching = standby::watch(
            log.node().clone(),
            pool.clone(),
            status.clone(),
            config.clone(),
            cancel.clone(),
        );
        (log.node().count() > 1).then(|| {
            tokio::spawn(watching);
            cancel.drop_guard()
        })
    }

    async fn fill_and_swap<C, F>(
        &self,
        progress: &(impl Fn(RebuildProgress) + Sync),
        compare: &mut Option<C>,
    ) -> Result<RebuildReport, RebuildError>
    where
        C: FnOnce() -> F + Send,
        F: Future<Output = Result<(), String>> + Send,
    {
        let began = Instant::now();
        within(WRITTEN_WITHIN, self.create()).await?;
        let mut place = self.follower.start().await?;
        self.follower.verify(&mut place).await?;
        let resumed_at = place.window.last().head.position;

        let newest = self.header(BlockId::Latest).await?;
        let target_position = self.contract_head().await?.position;
        let tell = |phase, place: &Place| {
            let last = place.window.last();
            progress(RebuildProgress {
                phase,
                block: last.number,
                target_block: newest.number,
                position: last.head.position,
                target_position,
            });
        };
        tell(Phase::Filling, &place);
        if let Some(target) = patiently(|| self.follower.final_block(&newest)).await? {
            let filled = |place: &Place| tell(Phase::Filling, place);
            self.fill(&mut place, &target, filled, &mut |_| ()).await?;
        }
        let filling = began.elapsed();

        tell(Phase::Indexing, &place);
        within(LONG_STEP, self.complete()).await?;

        tell(Phase::CatchingUp, &place);
        self.prove(&mut place).await?;
        tell(Phase::Swapping, &place);
        within(LONG_STEP, self.swap(&mut place, compare)).await?;

        let last = place.window.last();
        Ok(RebuildReport {
            block: last.number,
            position: last.head.position,
            resumed_at,
            unread: last.unread,
            held_streams: place.told.held.streams.len() as u64,
            filling,
            total: began.elapsed(),
        })
    }

    /// A connection that keeps other rebuilds out of this database while it is open.
    async fn lock_out_others(&self) -> Result<PgConnection, RebuildError> {
        let (connection, ours) = within(ANSWER, async {
            let mut connection = self.follower.pool.acquire().await?.detach();
            let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext('medconnect.rebuild'))");
            let ours: bool = lock.fetch_one(&mut connection).await?;
            Ok::<_, sqlx::Error>((connection, ours))
        })
        .await?;
        if ours {
            Ok(connection)
        } else {
            Err(RebuildError::AlreadyRunning)
        }
    }

    /// Creates the schema, unless an interrupted rebuild of the same log, by this version of the program, left it.
    async fn create(&self) -> Result<(), RebuildError> {
        let mut transaction = self.follower.pool.begin().await?;
        let shape = SchemaHash::of(&self.follower.projector);
        if tables::exists(&mut transaction).await? && shape.is_of(&mut transaction).await? {
            let found = checkpoint::load(&mut transaction).await?;
            let same = |found: &checkpoint::Checkpoint| found.followed == self.follower.followed();
            if found.as_ref().is_none_or(same) {
                return Ok(());
            }
        }
        transaction.execute(DISCARD).await?;
        schema::create_tables(&mut transaction, REBUILD, &self.follower.projector).await?;
        Ok(transaction.commit().await?)
    }

    async fn header(&self, id: BlockId) -> Result<BlockRef, FollowerError> {
        patiently(|| async {
            let header = self.follower.log.node().header(id).await?;
            Ok(header.ok_or(Distrust::NoContract)?.block)
        })
        .await
    }

    async fn contract_head(&self) -> Result<LogHead, FollowerError> {
        patiently(|| async { Ok(self.follower.log.head(BlockId::Latest).await?) }).await
    }

    /// Follows until the block `limit`, as far as the node has it; answers whether anything was applied. A node that refuses is asked
    /// again a few times: while it reorganises it may lack a block for a moment.
    async fn catch_up(&self, place: &mut Place, limit: u64) -> Result<bool, FollowerError> {
        let before = place.window.last().number;
        let mut left = pauses().build();
        while place.window.last().number < limit {
            match self.follower.step_up_to(place, limit).await {
                Ok(Step::Progressed) => left = pauses().build(),
                Ok(Step::Unsettled) => tokio::time::sleep(UNSETTLED).await,
                Ok(Step::Idle) => break,
                Err(error) => {
                    let pause = left.next().filter(|_| matches!(error, FollowerError::Chain(_)));
                    let Some(pause) = pause else { return Err(error) };
                    tracing::debug!(%error, "the node is asked again");
                    tokio::time::sleep(pause).await;
                }
            }
        }
        Ok(place.window.last().number != before)
    }

    /// Compares what was filled with the contract. Each step of a follower does; if there is none to do, the log has not gone on
    /// and its head is the contract's.
    async fn prove(&self, place: &mut Place) -> Result<(), FollowerError> {
        let began = Instant::now();
        loop {
            let newest = self.header(BlockId::Latest).await?.number;
            if self.catch_up(place, newest).await? {
                return Ok(());
            }
            let (ours, contract) = (*place.window.last(), self.contract_head().await?);
            if ours.head == contract {
                return Ok(());
            }
            if contract.position <= ours.head.position || began.elapsed() > NODE_PATIENCE {
                return Err(Distrust::RunningHash { block: ours.number }.into());
            }
            tokio::time::sleep(UNSETTLED).await;
        }
    }
}

/// Lets other rebuilds in. A connection that is only closed keeps its locks until the server has noticed.
async fn release(mut lock: PgConnection) -> Result<(), RebuildError> {
    lock.execute("SELECT pg_advisory_unlock_all()").await?;
    Ok(lock.close().await?)
}

/// Asks a node. One that refuses is asked again a few times: while it reorganises it may lack the block for a moment that it has just called its
/// newest.
async fn patiently<T, F>(ask: impl FnMut() -> F) -> Result<T, FollowerError>
where
    F: Future<Output = Result<T, FollowerError>>,
{
    ask.retry(pauses()).when(FollowerError::is_the_chains).await
}

/// The pauses between attempts to ask a node.
fn pauses() -> ExponentialBuilder {
    let doubled = ExponentialBuilder::new().with_min_delay(FIRST_PAUSE).with_factor(2.0);
    doubled.with_max_times(RETRIES)
}
