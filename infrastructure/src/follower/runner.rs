//! The loop of the follower.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use application::log::{BlockRef, Position, StreamId};
use application::ports::projector::Projector;
use backon::BackoffBuilder as _;
use futures::FutureExt;
use sqlx::{PgConnection, PgPool};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::apply::{self, Applied, Run};
use super::checkpoint::{self, FinalPoint};
use super::claim::Claim;
use super::config::UNSETTLED;
use super::connection::KeptConnection;
use super::held::Held;
use super::kind::Kind;
use super::made_of::MadeOf;
use super::numbers::{from_sql, to_sql};
use super::opening::{self, OpenedBlock, SoFar};
use super::overruling::SharedStates;
use super::pace::{self, Pace};
use super::parking::Parking;
use super::schema_hash::SchemaHash;
use super::status::StatusCell;
use super::tips::LatelyUsed;
use super::told::Told;
use super::trust::{self, CheckedBlock};
use super::window::{AppliedBlock, Window};
use super::{FollowerConfig, FollowerError, missing_keys, rejections, restored, standby, witness};
use crate::chain::{BlockId, ChainError, EventLog};
use crate::crash::{FOLLOWER_FETCHED, FOLLOWER_NOTIFIED, crash_point};
use crate::notices::Notices;
use crate::pauses;
use crate::postgres::{Patience, TRANSACTION, within};
use crate::sealing::Opener;

/// How long a node's contract may be ahead of the log entries that it shows. Nodes do not answer a batch from one state: a block
/// may be mined between two answers.
const SETTLE_PATIENCE: Duration = Duration::from_millis(500);

/// How long a node may fail to give what the follower needs before another is asked first, if there is one.
const NODE_PATIENCE: Duration = Duration::from_secs(3);

/// How long the database may take, at first, for the blocks that are applied at once, or undone.
pub(super) const APPLIED_WITHIN: Duration = Duration::from_secs(30);

/// What one round came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Something was applied or undone: look again at once.
    Progressed,
    /// The node is between two states: look again in a moment.
    Unsettled,
    /// There is nothing new.
    Idle,
}

/// Follows one contract into one database.
pub struct Follower<P> {
    pub(super) config: FollowerConfig,
    pub(super) log: EventLog,
    pub(super) opener: Opener,
    pub(super) pool: PgPool,
    pub(super) projector: P,
    pub(super) kind: Kind,
    pub(super) notices: Notices,
    pub(super) status: StatusCell,
}

/// Where a running follower is.
pub(super) struct Place {
    pub(super) window: Window,
    pub(super) finalized: FinalPoint,
    /// What the log has told up to there.
    pub(super) told: Told,
    /// Whether the contract is the one that this program knows.
    pub(super) verified: bool,
    /// Since when the node has been behind; `None` while it is not.
    pub(super) behind_since: Option<Instant>,
    /// Since when the contract has been ahead of the entries shown; `None` while it is not.
    pub(super) ahead_since: Option<Instant>,
    /// A block of a chain whose log was read from its beginning to there, and is not ours.
    pub(super) not_ours: Option<BlockRef>,
    /// How long the database may take for what is applied at once.
    pub(super) patience: Patience,
    /// What blocks are written on.
    pub(super) connection: KeptConnection,
    /// Where the streams in use end.
    pub(super) lately_used: LatelyUsed,
    /// Whether a block is expected any moment.
    pub(super) expecting: bool,
    /// Whether something may be parked that can be read: another server has parked it, or blocks were undone upon which it was read.
    pub(super) may_read_parked: bool,
}

impl Place {
    /// Everything before this block is forgotten, and it is final.
    pub(super) fn begin_at(&mut self, block: AppliedBlock) {
        self.window = Window::starting_at(block);
        self.finalized = FinalPoint::at(&block);
    }
}

impl<P> Follower<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// A follower; [`Self::run`] starts it.
    pub fn new(
        config: FollowerConfig,
        log: EventLog,
        opener: Opener,
        pool: PgPool,
        projector: P,
        notices: Notices,
    ) -> Self {
        let kind = Kind {
            shape: SchemaHash::of(&projector),
            made_of: MadeOf::of(opener.check_values(), &config.recorders),
        };
        Self {
            config,
            log,
            opener,
            pool,
            kind,
            projector,
            notices,
            status: StatusCell::default(),
        }
    }

    /// What is parked here.
    pub fn parking(&self) -> Parking<P>
    where
        P: Clone,
    {
        Parking {
            pool: self.pool.clone(),
            opener: self.opener.clone(),
            projector: self.projector.clone(),
            kind: self.kind.clone(),
            status: self.status.clone(),
            turn: Arc::default(),
        }
    }

    /// What the follower tells about itself.
    pub fn status(&self) -> StatusCell {
        self.status.clone()
    }

    /// Follows until it is cancelled. A failure is told in the status and tried again; nothing ends the loop.
    ///
    /// What was parked is tried again first: this may be a newer program, or hold more keys.
    pub async fn run(self, cancel: CancellationToken)
    where
        P: Clone + 'static,
    {
        if self.log.node().count() > 1 {
            tokio::spawn(witness::watch(
                self.log.clone(),
                self.pool.clone(),
                self.status.clone(),
                self.config.witness_every,
                cancel.clone(),
            ));
            tokio::spawn(standby::watch(
                self.log.node().clone(),
                self.pool.clone(),
                self.status.clone(),
                self.config.clone(),
                cancel.clone(),
            ));
        }
        let (pool, status) = (self.pool.clone(), self.status.clone());
        tokio::spawn(missing_keys::watch(pool, self.opener.clone(), status, cancel.clone()));
        tokio::spawn(restored::watch(self.parking(), cancel.clone()));
        let mut place: Option<Place> = None;
        let mut failing_since = None;
        let mut left = pauses::growing().build();
        let mut pace = Pace::new(self.config.busy_poll, self.config.idle_poll);
        while !cancel.is_cancelled() {
            if self.notices.block_expected().now_or_never().is_some() {
                pace.expect(Instant::now());
            }
            if let Some(place) = &mut place {
                place.expecting = pace.expects_soon(Instant::now());
            }
            let round = self.round(&mut place).await;
            if round.is_ok() {
                failing_since = None;
            }
            let wait = match round {
                Ok(Step::Progressed) => {
                    left = pauses::growing().build();
                    pace.progressed(Instant::now());
                    continue;
                }
                Ok(Step::Unsettled) => UNSETTLED,
                Ok(Step::Idle) => {
                    left = pauses::growing().build();
                    self.status.update(|status| status.trouble = None);
                    pace.pause(Instant::now())
                }
                Err(error) => {
                    self.tell(&error);
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    if error.is_distrust() || error.is_the_chains() && since.elapsed() >= NODE_PATIENCE {
                        self.log.node().distrust(&error.told());
                        failing_since = None;
                    }
                    // A rebuild may have put other read models here since.
                    if matches!(error, FollowerError::Moved) || error.is_distrust() {
                        self.realign(&mut place).await;
                    }
                    left.next().unwrap_or(pauses::LONGEST)
                }
            };
            tokio::select! {
                () = cancel.cancelled() => break,
                () = self.notices.block_expected() => pace.expect(Instant::now()),
                () = pace::rest(wait) => {}
            }
        }
    }

    async fn round(&self, place: &mut Option<Place>) -> Result<Step, FollowerError>
    where
        P: Clone,
    {
        match place {
            Some(place) => {
                if std::mem::take(&mut place.may_read_parked) {
                    self.release(place).await;
                }
                self.step(place).await
            }
            None => {
                let mut started = self.start().await?;
                self.release(&mut started).await;
                *place = Some(started);
                Ok(Step::Progressed)
            }
        }
    }

    async fn step(&self, place: &mut Place) -> Result<Step, FollowerError> {
        self.step_up_to(place, u64::MAX).await
    }

    /// One step towards the node's newest block, or the block `limit` if that comes first.
    pub(super) async fn step_up_to(&self, place: &mut Place, limit: u64) -> Result<Step, FollowerError> {
        self.verify(place).await?;
        let last = *place.window.last();
        let next = last.number.saturating_add(1);
        // While a block is expected any moment it is asked for at once, not only after the node has said that it is there.
        let (newest, page) = if place.expecting {
            self.log.newest_with(next).await?
        } else {
            (self.newest(BlockId::Latest).await?, None)
        };
        let newest = if newest.number > limit {
            self.newest(BlockId::Number(limit)).await?
        } else {
            newest
        };
        self.status.update(|status| status.chain_head = newest.number);
        if newest.number < last.number {
            return self.behind(place, &newest).await;
        }
        place.behind_since = None;
        if newest.number == last.number && newest.hash != last.hash {
            return self.part(place, &newest).await;
        }
        let claim = self.claim().await?;
        if newest.number == last.number {
            return self.finalize(place, claim).await;
        }
        let to = last.number.saturating_add(self.config.page.max(1));
        if to < newest.number {
            // What was read on top of a block that the node dropped would never add up.
            return if self.newest(BlockId::Number(last.number)).await?.hash == last.hash {
                self.catch_up(place, &newest).await
            } else {
                self.part(place, &newest).await
            };
        }
        let page = match page {
            Some(page) if newest.number == next => page,
            _ => self.log.page(next, newest.number).await?,
        };
        match page.blocks.first() {
            None => Ok(Step::Idle),
            Some(first) if !place.window.is_next(&first.block) => self.part(place, &newest).await,
            Some(_) => {
                let shown: usize = page.blocks.iter().map(|block| block.appended.len()).sum();
                if page.head.position.saturating_sub(last.head.position) > shown as u64 {
                    let since = *place.ahead_since.get_or_insert_with(Instant::now);
                    if since.elapsed() < SETTLE_PATIENCE {
                        return Ok(Step::Unsettled);
                    }
                }
                let checked = trust::check(page.blocks, last.head, page.head)?;
                place.ahead_since = None;
                crash_point(FOLLOWER_FETCHED);
                self.apply(place, checked, claim).await
            }
        }
    }

    pub(super) async fn newest(&self, id: BlockId) -> Result<BlockRef, FollowerError> {
        let header = self.log.node().header(id).await?;
        let header = header.ok_or(ChainError::Inconsistent("a block is missing that is not the last"))?;
        Ok(header.block)
    }

    pub(super) async fn apply(
        &self,
        place: &mut Place,
        checked: Vec<CheckedBlock>,
        claim: Claim,
    ) -> Result<Step, FollowerError> {
        let before = *place.window.last();
        rejections::check(&self.pool, self.log.address(), before.head.position, &checked).await?;
        let tips = place.lately_used.behind(&self.pool, &before, &checked).await?;
        if !place.told.held.streams.is_empty() {
            // Another try may have released streams meanwhile.
            self.reload_held(place).await?;
        }
        let entries = checked.iter().flat_map(|block| &block.log.appended);
        let mut keys = self.opener.keys_for(entries).await?;
        let mut so_far = SoFar {
            tips,
            told: place.told.clone(),
            shared: self.shared_states(&checked, before.head.position).await?,
        };
        so_far.told.erasures.destroy(&mut keys);
        let mut blocks = Vec::with_capacity(checked.len());
        for block in checked {
            match opening::open(block, &self.opener, &mut keys, &mut so_far) {
                Ok(block) => blocks.push(block),
                Err(error) if blocks.is_empty() => return Err(error),
                // It stops there, and not before.
                Err(_) => {
                    let before: Vec<OpenedBlock> = blocks;
                    let before = before.into_iter().map(|block| block.checked).collect();
                    return Box::pin(self.apply(place, before, claim)).await;
                }
            }
        }

        let mut unread = before.unread;
        let applied: Vec<_> = blocks
            .iter()
            .map(|block| {
                unread = unread.plus(block.unread);
                let BlockRef { number, hash, .. } = block.checked.log.block;
                AppliedBlock {
                    number,
                    hash,
                    head: block.checked.head,
                    unread,
                }
            })
            .collect();
        applied.iter().for_each(|block| place.window.push(*block));
        let finalized = self.point(&place.window, claim, place.finalized);

        let run = Run {
            before: &before,
            blocks: &blocks,
            applied: &applied,
            finalized,
            kind: &self.kind,
        };
        let mut parked: HashSet<Position> = blocks
            .iter()
            .flat_map(|block| &block.parked)
            .map(|one| one.position)
            .collect();
        let known = parked.len();
        let applying = apply::apply(&mut place.connection, &self.projector, run);
        match place.patience.within(applying).await {
            Ok(Applied::Now) => {}
            Ok(Applied::Already) => {
                let block = place.window.last().number;
                tracing::debug!(block, "another follower applied these blocks");
                match within(TRANSACTION, self.parked_since(before.head.position)).await {
                    Ok((held, positions)) => (so_far.told.held, parked) = (held, positions),
                    Err(error) => {
                        place.window.truncate_to(before.number);
                        return Err(error.into());
                    }
                }
            }
            Ok(Applied::ParkedOtherwise) => {
                place.window.truncate_to(before.number);
                self.reload_held(place).await?;
                return Ok(Step::Unsettled);
            }
            Err(error) => {
                place.window.truncate_to(before.number);
                return Err(error);
            }
        }
        let last = *place.window.last();
        place.lately_used.remember(&last, &before, so_far.tips);
        place
            .window
            .forget_before(checkpoint::oldest_needed(last.number, finalized.block));
        (place.finalized, place.told) = (finalized, so_far.told);
        place.told.settle();
        self.show(place);
        // What another server has parked this one may be able to read.
        place.may_read_parked |= parked.len() > known;
        for block in &blocks {
            self.publish_applied(block, &parked);
        }
        self.publish_finalized(place);
        crash_point(FOLLOWER_NOTIFIED);
        Ok(Step::Progressed)
    }

    /// What stood in the streams of shared namespaces before blocks, with which they go on.
    async fn shared_states(&self, blocks: &[CheckedBlock], before: Position) -> Result<SharedStates, FollowerError> {
        let entries = blocks.iter().flat_map(|block| &block.log.appended);
        let streams: HashSet<StreamId> = self.opener.shared_streams(entries).collect();
        if streams.is_empty() {
            return Ok(SharedStates::default());
        }
        let loading = async {
            let mut connection = self.pool.acquire().await?;
            SharedStates::load(&mut connection, &self.opener, &streams, before).await
        };
        within(TRANSACTION, loading).await
    }

    /// What is parked, and which of it stands behind a position.
    async fn parked_since(&self, position: Position) -> Result<(Held, HashSet<Position>), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let held = Held::load(&mut connection).await?;
        let sql = "SELECT position FROM parked WHERE position > $1";
        let positions: Vec<i64> = sqlx::query_scalar(sql)
            .bind(to_sql(position))
            .fetch_all(&mut *connection)
            .await?;
        Ok((held, positions.into_iter().map(from_sql).collect()))
    }

    pub(super) async fn reload_held(&self, place: &mut Place) -> Result<(), FollowerError> {
        place.told.held = within(TRANSACTION, Held::read(&self.pool)).await?;
        Ok(())
    }

    /// What the log has told, after blocks were undone or another follower has moved on.
    pub(super) async fn reload(&self, place: &mut Place) -> Result<(), FollowerError> {
        let loading = async {
            let mut transaction = self.pool.begin().await?;
            Told::load(&mut transaction, &self.config.recorders, &self.opener).await
        };
        place.told = within(TRANSACTION, loading).await?;
        place.told.published.tell_all(&self.opener);
        Ok(())
    }
}
