//! Everything once more, from the chain alone, beside what is live; then in its place.
//!
//! The schema `rebuild` is filled up to the newest block that is final: blocks are read by two fetchers, checked and opened on
//! another thread, and written by the ten thousand events, each time with a checkpoint, so that an interrupted rebuild goes on
//! where it stopped. Indexes that only reading needs come last. Then it follows the chain like any follower, which compares the
//! running hash with the contract's, until it is where the live schema is; the live checkpoint is locked, and two schemas are
//! renamed in one transaction. Reads go on throughout; the live follower waits for the lock and finds itself in the new schema.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use application::log::BlockRef;
use application::projector::Projector;
use futures::{StreamExt, TryStreamExt, stream};
use sqlx::{Connection, Executor, PgConnection, PgPool, Postgres, Transaction};
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::checkpoint::{self, FinalPoint, from_sql};
use super::opening::{self, OpenedBlock};
use super::parking::Held;
use super::runner::{Follower, Place, Step};
use super::shape::Shape;
use super::trust::{self, Distrust};
use super::window::{AppliedBlock, Window};
use super::{FollowerConfig, FollowerError, apply, copy, journal, schema, standby};
use crate::chain::{BlockId, BlockLogs, ChainError, EventLog};
use crate::log::{LogBlock, LogHead};
use crate::notices::Notices;
use crate::postgres::{ANSWER, LIVE, LONG_STEP, REBUILD, TRANSACTION, within};
use crate::sealing::Opener;

/// How long the rows of one batch may take to be written, or the leftovers of another rebuild to be dropped.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Renames the schemas [`LIVE`] and [`REBUILD`]. A follower that waits for the lock on the checkpoint must not find the row in the
/// schema that is put away.
const SWAP: &str = "
    DROP SCHEMA IF EXISTS retired CASCADE;
    DO $$
    BEGIN
        IF to_regclass('live.checkpoint') IS NOT NULL THEN
            DELETE FROM live.checkpoint;
        END IF;
        IF to_regnamespace('live') IS NOT NULL THEN
            ALTER SCHEMA live RENAME TO retired;
        END IF;
    END $$;
    ALTER SCHEMA rebuild RENAME TO live";
/// Drops what an interrupted rebuild left.
const DISCARD: &str = "DROP SCHEMA IF EXISTS rebuild CASCADE";
/// Drops what [`SWAP`] put away.
const DROP_RETIRED: &str = "DROP SCHEMA IF EXISTS retired CASCADE";
/// How many ranges of blocks are asked for at the same time.
const FETCHERS: usize = 2;
/// How many blocks the first range has; the next ones have as many as hold about [`EVENTS_PER_RANGE`].
const FIRST_RANGE: u64 = 8;
/// About how many events a range should have: enough to be worth a round trip, few enough to stay flat in memory.
const EVENTS_PER_RANGE: u64 = 3_000;
/// The longest range. Nodes refuse very long ones.
const LONGEST_RANGE: u64 = 2_000;
/// How many events are written in one transaction, at least.
const EVENTS_PER_WRITE: usize = 10_000;
/// How often a range is asked for before the rebuild gives up, to be resumed.
const ATTEMPTS: u32 = 6;
/// The first pause between attempts; each is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long the rebuild waits for the live follower to let it compare at one position.
const COMPARE_PATIENCE: Duration = Duration::from_secs(30);

/// How long a node may lack blocks that the live follower has, or entries that its own contract counts.
const NODE_PATIENCE: Duration = Duration::from_secs(15);

/// Where a rebuild is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Blocks that are final are read and written in bulk.
    Filling,
    /// Indexes are created.
    Indexing,
    /// The blocks since are applied one by one.
    CatchingUp,
    /// It takes the live schema's place.
    Swapping,
}

/// How far a rebuild is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RebuildProgress {
    /// What it is doing.
    pub phase: Phase,
    /// The last block written.
    pub block: u64,
    /// The chain's newest block when it began.
    pub target_block: u64,
    /// The last position written.
    pub position: u64,
    /// The log's last position when it began.
    pub target_position: u64,
}

/// What a rebuild did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RebuildReport {
    /// The last block in the new schema.
    pub block: u64,
    /// The last position in the new schema.
    pub position: u64,
    /// The position from which an interrupted rebuild was taken up; 0 for one from the beginning.
    pub resumed_at: u64,
    /// How many events are foreign.
    pub foreign_events: u64,
    /// How many streams are held back by an event that cannot be read.
    pub held_streams: u64,
    /// How long filling took.
    pub filling: Duration,
    /// How long everything took.
    pub total: Duration,
}

/// Why a rebuild ended early. What it has done stays, and the next one goes on from there, unless it does not add up to what the
/// contract says; what is live is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Another rebuild is going on in this database.
    #[error("another rebuild is going on in this database")]
    AlreadyRunning,
    /// The chain, the node's honesty, the database or the key ring.
    #[error(transparent)]
    Follower(#[from] FollowerError),
    /// The live follower did not stand still at one position with the rebuild.
    #[error("the live read models did not come to the position of the rebuild, so they cannot be compared")]
    NotComparable,
    /// The comparison before the swap failed.
    #[error("the rebuilt read models do not pass the comparison: {0}")]
    Mismatch(String),
    /// A thread of the rebuild panicked.
    #[error("a part of the rebuild stopped unexpectedly")]
    Stopped,
}

impl From<sqlx::Error> for RebuildError {
    fn from(error: sqlx::Error) -> Self {
        Self::Follower(error.into())
    }
}

impl From<JoinError> for RebuildError {
    fn from(_: JoinError) -> Self {
        Self::Stopped
    }
}

/// A rebuild of one contract's log into one database.
pub struct Rebuild<P> {
    follower: Follower<P>,
}

/// What the fetchers bring: blocks with entries, in order.
type Fetched = Vec<BlockLogs>;

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
            *config,
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
        if let Some(target) = self.follower.final_block(&newest).await? {
            self.fill(&mut place, &target, |place| tell(Phase::Filling, place))
                .await?;
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
            foreign_events: last.foreign_events,
            held_streams: place.held.streams.len() as u64,
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
        let shape = Shape::of(&self.follower.projector);
        if schema::exists(&mut transaction).await? && shape.is_of(&mut transaction).await? {
            let log = &self.follower.log;
            let found = checkpoint::load(&mut transaction).await?;
            let same = |found: &checkpoint::Checkpoint| {
                found.chain_id == log.node().chain_id() && found.contract == log.address()
            };
            if found.as_ref().is_none_or(same) {
                return Ok(());
            }
        }
        transaction.execute(DISCARD).await?;
        schema::create_tables(&mut transaction, REBUILD, &self.follower.projector).await?;
        Ok(transaction.commit().await?)
    }

    async fn header(&self, id: BlockId) -> Result<BlockRef, FollowerError> {
        let header = self.follower.log.node().header(id).await?;
        Ok(header.ok_or(Distrust::NoContract)?.block)
    }

    async fn contract_head(&self) -> Result<LogHead, FollowerError> {
        Ok(self.follower.log.head(BlockId::Latest).await?)
    }

    /// Writes everything up to the block `target` in bulk.
    async fn fill(&self, place: &mut Place, target: &BlockRef, progress: impl Fn(&Place)) -> Result<(), RebuildError> {
        let from = place.window.last().number.saturating_add(1);
        if from > target.number {
            return Ok(());
        }
        // While one batch is written the next is opened, and the ranges after it are on their way.
        let (sender, mut fetched) = mpsc::channel(1);
        let fetching = tokio::spawn(fetch(self.follower.log.clone(), from, target.number, sender));
        let mut opening: Option<tokio::task::JoinHandle<_>> = None;
        loop {
            let next = match fetched.recv().await {
                Some(blocks) => Some(blocks?),
                None => None,
            };
            let ended = next.is_none();
            let previous = opening.take();
            if let Some(previous) = previous {
                let batch: Opened = previous.await??;
                let (head, held) = (batch.head, batch.held.clone());
                opening = match next {
                    Some(blocks) => Some(self.open(blocks, head, held).await?),
                    None => None,
                };
                within(WRITTEN_WITHIN, self.write(place, batch)).await?;
                progress(place);
            } else if let Some(blocks) = next {
                let head = place.window.last().head;
                opening = Some(self.open(blocks, head, place.held.clone()).await?);
            }
            if ended {
                break;
            }
        }
        fetching.await?;
        self.end_at(place, target).await?;
        progress(place);
        Ok(())
    }

    /// Begins to check and open blocks on another thread.
    async fn open(
        &self,
        blocks: Fetched,
        head: LogHead,
        mut held: Held,
    ) -> Result<tokio::task::JoinHandle<Result<Opened, FollowerError>>, RebuildError> {
        let opener = self.follower.opener.clone();
        let entries = blocks.iter().flat_map(|block| &block.appended);
        let keys = opener.keys_for(entries).await.map_err(FollowerError::from)?;
        Ok(tokio::task::spawn_blocking(move || {
            let checked = trust::advance(blocks.into_iter().map(log_block).collect(), head)?;
            let head = checked.last().map_or(head, |block| block.head);
            let blocks: Vec<_> = checked
                .into_iter()
                .map(|block| opening::open(block, &opener, &keys, &mut held.streams))
                .collect::<Result<_, _>>()?;
            held.add(&blocks);
            Ok(Opened { blocks, head, held })
        }))
    }

    async fn write(&self, place: &mut Place, batch: Opened) -> Result<(), RebuildError> {
        let Some(last) = batch.blocks.last() else {
            return Ok(());
        };
        let foreign = batch.blocks.iter().map(|block| block.foreign).sum();
        let block = last.checked.log.block;
        let to = AppliedBlock {
            number: block.number,
            hash: block.hash,
            head: batch.head,
            foreign_events: place.window.last().foreign_events.saturating_add(foreign),
        };
        let mut transaction = apply::begin(&self.follower.pool).await?;
        copy::append(&mut transaction, &batch.blocks).await?;
        journal::park(&mut transaction, &batch.blocks).await?;
        let events: Vec<_> = batch.blocks.into_iter().flat_map(|block| block.events).collect();
        let filled = self.follower.projector.fill(&mut transaction, &events).await;
        filled.map_err(|error| FollowerError::Projector(Box::new(error)))?;
        place.held = batch.held;
        Ok(self.commit_at(place, to, transaction).await?)
    }

    /// The blocks up to `target` have nothing more for the log.
    async fn end_at(&self, place: &mut Place, target: &BlockRef) -> Result<(), RebuildError> {
        let block = self.header(BlockId::Number(target.number)).await?;
        if block.hash != target.hash {
            let changed = ChainError::Inconsistent("a final block that was replaced");
            return Err(FollowerError::from(changed).into());
        }
        let to = AppliedBlock {
            number: block.number,
            hash: block.hash,
            ..*place.window.last()
        };
        let commit = async {
            let transaction = apply::begin(&self.follower.pool).await?;
            self.commit_at(place, to, transaction).await
        };
        Ok(within(TRANSACTION, commit).await?)
    }

    async fn commit_at(
        &self,
        place: &mut Place,
        to: AppliedBlock,
        mut transaction: Transaction<'_, Postgres>,
    ) -> Result<(), FollowerError> {
        let finalized = FinalPoint {
            block: to.number,
            position: to.head.position,
        };
        transaction.execute("DELETE FROM blocks").await?;
        checkpoint::advance(&mut transaction, &[to], finalized).await?;
        transaction.commit().await?;
        place.window = Window::starting_at(to);
        place.finalized = finalized;
        Ok(())
    }

    /// Completes the journal and, beside it, the read models, and counts their rows for the planner.
    async fn complete(&self) -> Result<(), RebuildError> {
        let projector = &self.follower.projector;
        let journal = async {
            let mut transaction = self.begin_completing().await?;
            schema::complete_journal(&mut transaction).await?;
            count_rows(transaction, &["journal"]).await
        };
        let read_models = async {
            let mut transaction = self.begin_completing().await?;
            schema::complete_read_models(&mut transaction, projector).await?;
            count_rows(transaction, projector.tables()).await
        };
        futures::try_join!(journal, read_models).map(drop)
    }

    /// Rows are counted coarsely: enough to tell a small table from a large one, and a tenth of the work. Postgres counts again by
    /// itself, in time.
    async fn begin_completing(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let settings = "BEGIN; SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL default_statistics_target = 10";
        self.follower.pool.begin_with(settings).await
    }

    /// Follows until the block `limit`, as far as the node has it; answers whether anything was applied. A node that refuses is asked
    /// again a few times: while it reorganises it may lack a block for a moment.
    async fn catch_up(&self, place: &mut Place, limit: u64) -> Result<bool, FollowerError> {
        let before = place.window.last().number;
        let (mut attempts, mut pause) = (1, FIRST_PAUSE);
        while place.window.last().number < limit {
            match self.follower.step_up_to(place, limit).await {
                Ok(Step::Progressed) => (attempts, pause) = (1, FIRST_PAUSE),
                Ok(Step::Unsettled) => tokio::time::sleep(self.follower.config.busy_poll).await,
                Ok(Step::Idle) => break,
                Err(FollowerError::Chain(error)) if attempts < ATTEMPTS => {
                    tracing::debug!(%error, attempts, "the node is asked again");
                    tokio::time::sleep(pause).await;
                    (attempts, pause) = (attempts.saturating_add(1), pause.saturating_mul(2));
                }
                Err(error) => return Err(error),
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
            tokio::time::sleep(self.follower.config.busy_poll).await;
        }
    }

    async fn swap<C, F>(&self, place: &mut Place, compare: &mut Option<C>) -> Result<(), RebuildError>
    where
        C: FnOnce() -> F + Send,
        F: Future<Output = Result<(), String>> + Send,
    {
        let patience = Instant::now();
        loop {
            // Most of the way without the lock.
            let mut connection = self.follower.pool.acquire().await?;
            let standing = live(&mut connection, "").await?;
            drop(connection);
            self.catch_up(place, standing.unwrap_or_default().number).await?;
            let mut transaction = self.follower.pool.begin().await?;
            let standing = live(&mut transaction, "FOR UPDATE").await?;
            // Nobody moves the live checkpoint now; few blocks are missing, if any.
            if let Some(standing) = standing {
                self.catch_up(place, standing.number).await?;
                let ours = *place.window.last();
                let behind = ours.number < standing.number;
                // Blocks that have nothing for the log make no difference.
                if behind || compare.is_some() && ours.head.position != standing.position {
                    transaction.rollback().await?;
                    if behind && patience.elapsed() > NODE_PATIENCE {
                        let stands = Distrust::WentBack {
                            node: ours.number,
                            applied: standing.number,
                        };
                        return Err(FollowerError::from(stands).into());
                    }
                    if patience.elapsed() > COMPARE_PATIENCE {
                        return Err(RebuildError::NotComparable);
                    }
                    tokio::time::sleep(FIRST_PAUSE).await;
                    continue;
                }
                if let Some(compare) = compare.take() {
                    compare().await.map_err(RebuildError::Mismatch)?;
                }
            }
            transaction.execute(SWAP).await?;
            transaction.commit().await?;
            break;
        }
        // Not in the same transaction: it waits for those who still read the old tables.
        Ok(self.follower.pool.execute(DROP_RETIRED).await.map(drop)?)
    }
}

async fn count_rows(mut transaction: Transaction<'_, Postgres>, tables: &[&str]) -> Result<(), RebuildError> {
    transaction
        .execute(format!("ANALYZE {}", tables.join(", ")).as_str())
        .await?;
    Ok(transaction.commit().await?)
}

/// Lets other rebuilds in. A connection that is only closed keeps its locks until the server has noticed.
async fn release(mut lock: PgConnection) -> Result<(), RebuildError> {
    lock.execute("SELECT pg_advisory_unlock_all()").await?;
    Ok(lock.close().await?)
}

/// A batch of blocks, opened.
struct Opened {
    blocks: Vec<OpenedBlock>,
    head: LogHead,
    held: Held,
}

/// Where the live read models stand.
#[derive(Clone, Copy, Default)]
struct Live {
    number: u64,
    position: u64,
}

/// The live checkpoint, which `FOR UPDATE` locks; `None` when nothing is live yet.
async fn live(connection: &mut PgConnection, lock: &str) -> Result<Option<Live>, sqlx::Error> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass($1 || '.checkpoint') IS NOT NULL")
        .bind(LIVE)
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        return Ok(None);
    }
    let sql = format!("SELECT block_number, position FROM {LIVE}.checkpoint {lock}");
    let found: Option<(i64, i64)> = sqlx::query_as(&sql).fetch_optional(connection).await?;
    Ok(found.map(|(number, position)| Live {
        number: from_sql(number),
        position: from_sql(position),
    }))
}

fn log_block(logs: BlockLogs) -> LogBlock {
    LogBlock {
        // Nothing here asks for what the logs do not say about their block.
        block: BlockRef {
            number: logs.number,
            hash: logs.hash,
            parent_hash: [0; 32],
            timestamp: 0,
        },
        appended: logs.appended,
        rejected: logs.rejected,
    }
}

/// Reads a range with several fetchers, and hands the blocks on in order, in batches.
async fn fetch(log: EventLog, from: u64, target: u64, batches: mpsc::Sender<Result<Fetched, FollowerError>>) {
    let pace = Arc::new(AtomicU64::new(FIRST_RANGE));
    let ranges = {
        let pace = Arc::clone(&pace);
        stream::unfold(from, move |from| {
            let to = from
                .saturating_add(pace.load(Ordering::Relaxed).saturating_sub(1))
                .min(target);
            std::future::ready((from <= target).then(|| ((from, to), to.saturating_add(1))))
        })
    };
    let mut answers = ranges
        .map(|(from, to)| {
            // A task of its own, so that decoding one answer does not wait for another.
            let (log, pace) = (log.clone(), Arc::clone(&pace));
            tokio::spawn(async move {
                let blocks = fetch_range(&log, from, to).await?;
                let events: u64 = blocks.iter().map(|block| block.appended.len() as u64).sum();
                let length = to.saturating_sub(from).saturating_add(1);
                pace.store(next_length(length, events), Ordering::Relaxed);
                Ok::<_, ChainError>(blocks)
            })
        })
        .buffered(FETCHERS)
        .map_err(|_| ChainError::Inconsistent("a fetcher stopped unexpectedly"));
    let (mut batch, mut events) = (Fetched::new(), 0_usize);
    while let Some(answer) = answers.next().await {
        match answer.and_then(|blocks| blocks) {
            Ok(blocks) => {
                events += blocks.iter().map(|block| block.appended.len()).sum::<usize>();
                batch.extend(blocks.into_iter().filter(|block| !block.appended.is_empty()));
            }
            Err(error) => {
                let _ = batches.send(Err(error.into())).await;
                return;
            }
        }
        if events >= EVENTS_PER_WRITE {
            events = 0;
            if batches.send(Ok(std::mem::take(&mut batch))).await.is_err() {
                return;
            }
        }
    }
    if !batch.is_empty() {
        let _ = batches.send(Ok(batch)).await;
    }
}

/// The length of the next range, when one of `length` blocks had so many events. It changes by a factor of four at most.
fn next_length(length: u64, events: u64) -> u64 {
    let wanted = length.saturating_mul(EVENTS_PER_RANGE) / events.max(1);
    wanted
        .clamp(length / 4, length.saturating_mul(4))
        .clamp(1, LONGEST_RANGE)
}

/// One range. A node that fails is asked again.
async fn fetch_range(log: &EventLog, from: u64, to: u64) -> Result<Fetched, ChainError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match log.logs(from, to).await {
            Ok(blocks) => return Ok(blocks),
            Err(error) => {
                tracing::debug!(%error, from, to, "a range of blocks is asked for again");
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2);
            }
        }
    }
    log.logs(from, to).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_grow_where_there_is_little_and_shrink_where_there_is_much() {
        assert_eq!(next_length(8, 0), 32);
        assert_eq!(next_length(8, 3_000), 8);
        assert_eq!(next_length(8, 6_000), 4);
        assert_eq!(next_length(8, 1_000_000), 2);
        assert_eq!(next_length(1, 1_000_000), 1);
        assert_eq!(next_length(1_900, 0), LONGEST_RANGE);
    }
}
