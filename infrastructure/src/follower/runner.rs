//! The loop of the follower.

use std::time::Duration;

use application::log::BlockRef;
use application::ports::Progress;
use application::projector::Projector;
use application::trouble::Trouble;
use sqlx::{PgConnection, PgPool};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::apply::{self, Applied, Run};
use super::checkpoint::{self, Checkpoint, FinalPoint};
use super::finality::Claim;
use super::opening::{self, OpenedBlock};
use super::pace::Pace;
use super::parking::{Held, Parking};
use super::shape::Shape;
use super::status::StatusCell;
use super::trust::{self, CheckedBlock, Distrust};
use super::window::{AppliedBlock, Fork, Window};
use super::{FinalityRule, FollowerError, journal, rejections, restored, schema, standby, subjects, witness};
use crate::chain::{BlockId, BlockLogs, ChainError, Deployment, EventLog, deploy};
use crate::crash::{FOLLOWER_FETCHED, FOLLOWER_NOTIFIED, crash_point};
use crate::log::{LogHead, StreamHead};
use crate::notices::{AppliedEvent, Notice, Notices};
use crate::postgres::{LONG_STEP, Patience, TRANSACTION, within};
use crate::sealing::Opener;

/// How a follower follows.
#[derive(Clone, Copy, Debug)]
pub struct FollowerConfig {
    /// When a block is final.
    pub finality: FinalityRule,
    /// The block in which the contract was deployed.
    pub deployed_in: u64,
    /// How many blocks are read, checked and applied at once, at most.
    pub page: u64,
    /// How soon the node is asked again, at the soonest, while a block is expected.
    pub busy_poll: Duration,
    /// How often it is asked otherwise.
    pub idle_poll: Duration,
    /// How often the other nodes, if there are any, are asked whether they agree.
    pub witness_every: Duration,
    /// How often all nodes, if there are several, are asked how far they are.
    pub look_every: Duration,
    /// How long the node that is asked first may lack a block that another has.
    pub still_for: Duration,
}

impl FollowerConfig {
    /// The usual pace.
    pub const fn new(finality: FinalityRule, deployed_in: u64) -> Self {
        Self {
            finality,
            deployed_in,
            page: 64,
            busy_poll: Duration::from_millis(1),
            idle_poll: Duration::from_millis(200),
            witness_every: Duration::from_secs(15),
            look_every: Duration::from_secs(1),
            still_for: Duration::from_secs(6),
        }
    }
}

/// How long a node may be behind what was applied before that counts as having gone back.
const LAG_PATIENCE: Duration = Duration::from_secs(3);

/// How long a node's contract may be ahead of the log entries that it shows. Nodes do not answer a batch from one state: a block
/// may be mined between two answers.
const SETTLE_PATIENCE: Duration = Duration::from_millis(500);

/// How long a node may fail to give what the follower needs before another is asked first, if there is one.
const NODE_PATIENCE: Duration = Duration::from_secs(3);

/// How long another node is waited for that is only asked whether it has a block.
const OTHERS_PATIENCE: Duration = Duration::from_secs(2);

/// How long the database may take, at first, for the blocks that are applied at once, or undone.
const APPLIED_WITHIN: Duration = Duration::from_secs(30);

/// How long the checkpoint may take to be found; the first time, the node is asked for where it begins.
const START: Duration = Duration::from_secs(60);

/// How long the follower pauses after a failure, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

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
    shape: Shape,
    notices: Notices,
    pub(super) status: StatusCell,
}

/// Where a running follower is.
pub(super) struct Place {
    pub(super) window: Window,
    pub(super) finalized: FinalPoint,
    pub(super) held: Held,
    /// Whether the contract is the one that this program knows.
    verified: bool,
    /// Since when the node has been behind; `None` while it is not.
    behind_since: Option<Instant>,
    /// Since when the contract has been ahead of the entries shown; `None` while it is not.
    ahead_since: Option<Instant>,
    /// A block of a chain whose log was read from its beginning to there, and is not ours.
    not_ours: Option<BlockRef>,
    /// How long the database may take for what is applied at once.
    patience: Patience,
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
        Self {
            config,
            log,
            opener,
            pool,
            shape: Shape::of(&projector),
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
            shape: self.shape,
            status: self.status.clone(),
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
                self.config,
                cancel.clone(),
            ));
        }
        let (pool, status) = (self.pool.clone(), self.status.clone());
        tokio::spawn(subjects::watch(pool, status, cancel.clone()));
        tokio::spawn(restored::watch(self.parking(), cancel.clone()));
        let mut place = None;
        let mut failing_since = None;
        let mut pause = PAUSES.0;
        let mut pace = Pace::new(self.config.busy_poll, self.config.idle_poll);
        while !cancel.is_cancelled() {
            let round = self.round(&mut place).await;
            if round.is_ok() {
                failing_since = None;
            }
            let wait = match round {
                Ok(Step::Progressed) => {
                    pause = PAUSES.0;
                    pace.progressed(Instant::now());
                    continue;
                }
                Ok(Step::Unsettled) => self.config.busy_poll,
                Ok(Step::Idle) => {
                    pause = PAUSES.0;
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
                    let now = pause;
                    pause = pause.saturating_mul(2).min(PAUSES.1);
                    now
                }
            };
            tokio::select! {
                () = cancel.cancelled() => break,
                () = self.notices.block_expected() => pace.expect(Instant::now()),
                () = sleep(wait) => {}
            }
        }
    }

    /// Another follower undid blocks that were told here: tells so, and goes back to where both agree. What it applied since is
    /// found applied, and told, block by block.
    async fn realign(&self, place: &mut Option<Place>) {
        let found = within(TRANSACTION, async {
            let mut connection = self.pool.acquire().await?;
            checkpoint::load(&mut connection).await
        });
        let (Some(known), Ok(Some(found))) = (place.as_mut(), found.await) else {
            *place = None;
            return;
        };
        let theirs: Vec<_> = found.window.blocks().map(AppliedBlock::header).collect();
        match known.window.fork(&theirs) {
            Fork::None => {}
            Fork::Above(block) => {
                known.window.truncate_to(block.number);
                known.finalized = found.finalized;
                self.show(known);
                self.notices.publish(Notice::Reverted {
                    to: block.number,
                    position: block.head.position,
                });
            }
            Fork::TooDeep => *place = None,
        }
    }

    fn tell(&self, error: &FollowerError) {
        let trouble = Trouble {
            kind: error.kind(),
            cause: error.told(),
        };
        self.status.update(|status| {
            if status.trouble.as_ref() != Some(&trouble) {
                tracing::warn!(error = trouble.cause, "the follower does not go on");
            }
            status.trouble = Some(trouble);
        });
    }

    async fn round(&self, place: &mut Option<Place>) -> Result<Step, FollowerError>
    where
        P: Clone,
    {
        match place {
            Some(place) => self.step(place).await,
            None => {
                let mut started = self.start().await?;
                self.release(&mut started).await;
                *place = Some(started);
                Ok(Step::Progressed)
            }
        }
    }

    /// Tries again what is parked. That it fails keeps nobody from following: what is parked stays so, and is seen to.
    async fn release(&self, place: &mut Place)
    where
        P: Clone,
    {
        if place.held.streams.is_empty() {
            return;
        }
        let retried = async {
            self.parking().retry().await?;
            self.reload_held(place).await
        };
        if let Err(error) = retried.await {
            tracing::warn!(error = error.told(), "what is parked could not be tried again");
        }
    }

    /// Finds or makes the checkpoint.
    pub(super) async fn start(&self) -> Result<Place, FollowerError> {
        within(TRANSACTION, schema::prepare(&self.pool, &self.projector)).await?;
        let (found, held) = within(START, self.checkpoint()).await?;
        if found.chain_id != self.log.node().chain_id() || found.contract != self.log.address().0 {
            return Err(Distrust::OtherLog.into());
        }
        let place = Place {
            window: found.window,
            finalized: found.finalized,
            held,
            verified: false,
            behind_since: None,
            ahead_since: None,
            not_ours: None,
            patience: Patience::new(APPLIED_WITHIN),
        };
        self.show(&place);
        self.publish_finalized(&place);
        Ok(place)
    }

    async fn checkpoint(&self) -> Result<(Checkpoint, Held), FollowerError> {
        let mut transaction = self.pool.begin().await?;
        let found = match checkpoint::load(&mut transaction).await? {
            Some(found) => found,
            None => {
                let first = self.before_the_first().await?;
                let (chain, contract) = (self.log.node().chain_id(), self.log.address());
                checkpoint::initialise(&mut transaction, chain, contract, &first).await?;
                checkpoint::load(&mut transaction).await?.ok_or(FollowerError::Moved)?
            }
        };
        let held = Held::load(&mut *transaction).await?;
        transaction.commit().await?;
        Ok((found, held))
    }

    /// Makes sure, once, that the contract is the one that this program knows. Not before the database has been looked at: what is
    /// read from there is served while no node answers.
    pub(super) async fn verify(&self, place: &mut Place) -> Result<(), FollowerError> {
        if !place.verified {
            deploy::verify(self.log.node(), &self.deployment()).await?;
            place.verified = true;
        }
        Ok(())
    }

    fn deployment(&self) -> Deployment {
        Deployment {
            chain_id: self.log.node().chain_id(),
            address: self.log.address(),
            block: self.config.deployed_in,
        }
    }

    /// The block before the contract's, where its log is empty.
    async fn before_the_first(&self) -> Result<AppliedBlock, FollowerError> {
        deploy::verify(self.log.node(), &self.deployment()).await?;
        let number = self.config.deployed_in.saturating_sub(1);
        let header = self.log.node().header(BlockId::Number(number)).await?;
        let hash = header.ok_or(Distrust::NoContract)?.block.hash;
        Ok(AppliedBlock {
            number,
            hash,
            head: self.log.genesis(),
            foreign_events: 0,
        })
    }

    async fn step(&self, place: &mut Place) -> Result<Step, FollowerError> {
        self.step_up_to(place, u64::MAX).await
    }

    /// One step towards the node's newest block, or the block `limit` if that comes first.
    pub(super) async fn step_up_to(&self, place: &mut Place, limit: u64) -> Result<Step, FollowerError> {
        self.verify(place).await?;
        let newest = self.newest(BlockId::Latest).await?;
        let newest = if newest.number > limit {
            self.newest(BlockId::Number(limit)).await?
        } else {
            newest
        };
        self.status.update(|status| status.chain_head = newest.number);
        let last = *place.window.last();
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
        let page = self.log.page(last.number.saturating_add(1), newest.number).await?;
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

    async fn newest(&self, id: BlockId) -> Result<BlockRef, FollowerError> {
        let header = self.log.node().header(id).await?;
        let header = header.ok_or(ChainError::Inconsistent("a block is missing that is not the last"))?;
        Ok(header.block)
    }

    async fn apply(&self, place: &mut Place, checked: Vec<CheckedBlock>, claim: Claim) -> Result<Step, FollowerError> {
        rejections::check(&self.pool, place.window.last().head.position, &checked).await?;
        if !place.held.streams.is_empty() {
            // Another try may have released streams meanwhile.
            self.reload_held(place).await?;
        }
        let entries = checked.iter().flat_map(|block| &block.log.appended);
        let keys = self.opener.keys_for(entries).await?;
        let mut held = place.held.clone();
        let blocks: Vec<_> = checked
            .into_iter()
            .map(|block| opening::open(block, &self.opener, &keys, &mut held.streams))
            .collect::<Result<_, _>>()?;
        held.add(&blocks);

        let before = *place.window.last();
        let mut foreign_events = before.foreign_events;
        let applied: Vec<_> = blocks
            .iter()
            .map(|block| {
                foreign_events = foreign_events.saturating_add(block.foreign);
                let BlockRef { number, hash, .. } = block.checked.log.block;
                AppliedBlock {
                    number,
                    hash,
                    head: block.checked.head,
                    foreign_events,
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
            shape: &self.shape,
        };
        let applying = apply::apply(&self.pool, &self.projector, run);
        match place.patience.within(applying).await {
            Ok(Applied::Now) => {}
            Ok(Applied::Already) => {
                let block = place.window.last().number;
                tracing::debug!(block, "another follower applied these blocks");
            }
            Err(error) => {
                place.window.truncate_to(before.number);
                return Err(error);
            }
        }
        let last = place.window.last().number;
        place
            .window
            .forget_before(checkpoint::oldest_needed(last, finalized.block));
        (place.finalized, place.held) = (finalized, held);
        self.show(place);
        for block in &blocks {
            self.publish_applied(block);
        }
        self.publish_finalized(place);
        crash_point(FOLLOWER_NOTIFIED);
        Ok(Step::Progressed)
    }

    /// Far behind: nodes forget the state of old blocks, so the contract can be asked about the newest one only. The log is read
    /// twice: once to see that all of it adds up to what the contract says, keeping only the heads in between; then, page by
    /// page, to apply it, each page against the head that was seen.
    async fn catch_up(&self, place: &mut Place, newest: &BlockRef) -> Result<Step, FollowerError> {
        let final_block = self.final_block(newest).await?;
        let page = self.config.page.max(1);
        let mut heads = Vec::new();
        let mut head = place.window.last().head;
        let mut from = place.window.last().number.saturating_add(1);
        let mut target = newest.number;
        loop {
            while from <= target {
                let to = target.min(from.saturating_add(page).saturating_sub(1));
                for block in self.log.logs(from, to).await? {
                    for entry in &block.appended {
                        let expected = head.position.saturating_add(1);
                        if entry.position != expected {
                            return Err(Distrust::Gap {
                                expected,
                                found: entry.position,
                            }
                            .into());
                        }
                        head.advance(entry);
                    }
                }
                heads.push((to, head));
                from = to.saturating_add(1);
            }
            match self.log.head(BlockId::Number(target)).await {
                Ok(contract) if contract == head => break,
                Ok(contract) if contract.position <= head.position => {
                    return Err(Distrust::RunningHash { block: target }.into());
                }
                // Reading took so long that the state of this block is forgotten too, or the node is between two blocks: what
                // was mined meanwhile is less, and the newest block is asked for again.
                answer @ (Ok(_) | Err(ChainError::Rpc { .. })) => {
                    let now = self.newest(BlockId::Latest).await?.number;
                    if now <= target {
                        answer?;
                        return Err(Distrust::RunningHash { block: target }.into());
                    }
                    target = now;
                }
                Err(error) => return Err(error.into()),
            }
        }
        for (to, head) in heads {
            let last = *place.window.last();
            let blocks = self.log.blocks(last.number.saturating_add(1), to).await?;
            match blocks.first() {
                Some(first) if place.window.is_next(&first.block) => {}
                _ => return self.part(place, newest).await,
            }
            let checked = trust::check(blocks, last.head, head)?;
            let claim = match final_block {
                Some(named) if self.newest(BlockId::Number(named.number)).await?.hash == named.hash => {
                    Claim::Before(named)
                }
                _ => Claim::Nothing,
            };
            crash_point(FOLLOWER_FETCHED);
            self.apply(place, checked, claim).await?;
        }
        Ok(Step::Progressed)
    }

    /// Nothing new to apply; perhaps more is final.
    async fn finalize(&self, place: &mut Place, claim: Claim) -> Result<Step, FollowerError> {
        let finalized = self.point(&place.window, claim, place.finalized);
        if finalized == place.finalized {
            return Ok(Step::Idle);
        }
        within(TRANSACTION, apply::finalize(&self.pool, finalized)).await?;
        place.finalized = finalized;
        self.show(place);
        self.publish_finalized(place);
        Ok(Step::Idle)
    }

    /// The node is behind what was applied. It may lag; if it stays so, its chain is another one. Not if another node has what was
    /// applied: then this one is left, and nothing is undone.
    async fn behind(&self, place: &mut Place, newest: &BlockRef) -> Result<Step, FollowerError> {
        let since = *place.behind_since.get_or_insert_with(Instant::now);
        if since.elapsed() < LAG_PATIENCE {
            return Ok(Step::Idle);
        }
        let last = *place.window.last();
        for other in self.log.node().others() {
            let header = timeout(OTHERS_PATIENCE, other.header(BlockId::Number(last.number))).await;
            if matches!(header, Ok(Ok(Some(header))) if header.block.hash == last.hash) {
                place.behind_since = None;
                let (node, applied) = (newest.number, last.number);
                return Err(Distrust::WentBack { node, applied }.into());
            }
        }
        self.part(place, newest).await
    }

    /// The node's chain is not the one that was applied: finds where they part, and undoes what the node dropped.
    async fn part(&self, place: &mut Place, newest: &BlockRef) -> Result<Step, FollowerError> {
        let last = place.window.last().number;
        let to = match self.fork(&place.window, newest).await? {
            Fork::None => return Ok(Step::Idle),
            Fork::Above(block) if block.number >= place.finalized.block => block,
            Fork::Above(_) | Fork::TooDeep => return self.reanchor(place, newest).await,
        };
        let reverting = apply::revert(&self.pool, &self.shape, &to, place.finalized);
        place.patience.within(reverting).await?;
        tracing::warn!(to = to.number, from = last, "the chain reorganised: blocks were undone");
        place.window.truncate_to(to.number);
        place.behind_since = None;
        self.reload_held(place).await?;
        self.show(place);
        self.notices.publish(Notice::Reverted {
            to: to.number,
            position: to.head.position,
        });
        Ok(Step::Progressed)
    }

    /// Where the node's chain parts from what was applied, looked for from the newest block back.
    async fn fork(&self, window: &Window, newest: &BlockRef) -> Result<Fork, FollowerError> {
        let first = window.first().number;
        let mut to = newest.number.min(window.last().number);
        loop {
            let from = first.max(to.saturating_sub(self.config.page));
            let headers = self.log.node().headers(from, to).await?;
            let headers: Vec<_> = headers.into_iter().map(|header| header.block).collect();
            match window.fork(&headers) {
                Fork::TooDeep if from > first => to = from.saturating_sub(1),
                fork => return Ok(fork),
            }
        }
    }

    /// The node contradicts blocks that are final. If its log is the same all the same, up to the last position applied, then
    /// the blocks were only made anew, as when a development chain that lost its last second is given the same transactions
    /// again; the running hash proves it. Otherwise the node is not believed.
    async fn reanchor(&self, place: &mut Place, newest: &BlockRef) -> Result<Step, FollowerError> {
        let applied = *place.window.last();
        let finalized = place.finalized.block;
        let contradiction = || {
            let (node, applied) = (newest.number, applied.number);
            if node < applied {
                Distrust::WentBack { node, applied }
            } else {
                Distrust::ContradictsFinal { block: finalized }
            }
        };
        // A node whose newest block is one of ours is only behind.
        let behind = place.window.at(newest.number).filter(|block| block.hash == newest.hash);
        let to = match behind.copied() {
            Some(block) if block.head != applied.head => return Err(contradiction().into()),
            Some(block) => block,
            None => {
                let found = self.find_again(place, newest).await?.ok_or_else(contradiction)?;
                AppliedBlock {
                    number: found.number,
                    hash: found.hash,
                    ..applied
                }
            }
        };
        let finalized = FinalPoint {
            block: to.number,
            position: to.head.position,
        };
        let moving = async {
            let mut transaction = apply::begin_reanchor(&self.pool, &self.shape, &to).await?;
            if place.window.at(to.number).is_none_or(|block| block.hash != to.hash) {
                self.renumber(&mut transaction, &to).await?;
            }
            apply::reanchor(transaction, &to, finalized).await
        };
        within(LONG_STEP, moving).await?;
        tracing::warn!(
            block = to.number,
            position = to.head.position,
            "the blocks were made anew; the log is the same"
        );
        place.window = Window::starting_at(to);
        place.finalized = finalized;
        place.behind_since = None;
        self.show(place);
        self.notices.publish(Notice::Reverted {
            to: to.number,
            position: to.head.position,
        });
        self.publish_finalized(place);
        Ok(Step::Progressed)
    }

    /// The block after which the node's log is what was applied. To read a whole log takes long: it is not read where it is shorter than
    /// that, nor twice on a chain where it is another one.
    async fn find_again(&self, place: &mut Place, newest: &BlockRef) -> Result<Option<BlockRef>, FollowerError> {
        let wanted = place.window.last().head;
        if let Some(seen) = place.not_ours {
            let there = self.log.node().header(BlockId::Number(seen.number)).await?;
            if there.is_some_and(|header| header.block.hash == seen.hash) {
                return Ok(None);
            }
        }
        let contract = match self.log.head(BlockId::Hash(newest.hash)).await {
            // Some nodes cannot be asked by a block's hash, or have forgotten its state meanwhile.
            Err(ChainError::Rpc { .. }) => self.log.head(BlockId::Latest).await,
            answer => answer,
        };
        match contract {
            Ok(head) if head.position < wanted.position => return Ok(None),
            Ok(_) => {}
            // It is not at the contract's block yet.
            Err(ChainError::Malformed(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        match self.find_head(&wanted, newest).await? {
            Ok(found) => Ok(Some(found)),
            Err(parted) => {
                place.not_ours = Some(parted);
                Ok(None)
            }
        }
    }

    /// The block after which the node's log is exactly this long and has exactly this running hash; or else a block by which it is as
    /// long and has another one, or the newest.
    async fn find_head(
        &self,
        wanted: &LogHead,
        newest: &BlockRef,
    ) -> Result<Result<BlockRef, BlockRef>, FollowerError> {
        let mut walk = self.walk(newest.number);
        if walk.head == *wanted {
            let first = self.newest(BlockId::Number(self.config.deployed_in.saturating_sub(1)));
            return first.await.map(Ok);
        }
        while let Some(blocks) = walk.next(&self.log).await? {
            let mut blocks = blocks.iter();
            if let Some((block, head)) = blocks.find(|(_, head)| head.position >= wanted.position) {
                let there = self.newest(BlockId::Number(block.number)).await?;
                return Ok(if head == wanted { Ok(there) } else { Err(there) });
            }
        }
        Ok(Err(*newest))
    }

    /// Corrects the blocks and the transactions of the whole journal, up to a block that [`Self::find_head`] found.
    async fn renumber(&self, connection: &mut PgConnection, to: &AppliedBlock) -> Result<(), FollowerError> {
        let mut walk = self.walk(to.number);
        while let Some(blocks) = walk.next(&self.log).await? {
            journal::renumber(connection, blocks.iter().map(|(block, _)| block)).await?;
        }
        if walk.head == to.head {
            Ok(())
        } else {
            Err(ChainError::Inconsistent("a log that changed while it was read").into())
        }
    }

    /// The log from its beginning to a block.
    fn walk(&self, newest: u64) -> Walk {
        Walk {
            head: self.log.genesis(),
            from: self.config.deployed_in,
            newest,
            page: self.config.page.max(1),
        }
    }

    async fn reload_held(&self, place: &mut Place) -> Result<(), FollowerError> {
        place.held = within(TRANSACTION, Held::load(&self.pool)).await?;
        Ok(())
    }

    pub(super) fn show(&self, place: &Place) {
        let last = place.window.last();
        self.status.update(|status| {
            status.progress = Progress {
                position: last.head.position,
                block: last.number,
                final_block: place.finalized.block,
                final_position: place.finalized.position,
            };
            status.foreign_events = last.foreign_events;
            place.held.show(status);
        });
    }

    fn publish_applied(&self, block: &OpenedBlock) {
        let entries = block
            .checked
            .log
            .appended
            .iter()
            .zip(&block.checked.stream_heads)
            .zip(&block.labels);
        let appended = entries.map(|((entry, head), label)| AppliedEvent {
            stream: entry.stream,
            head: StreamHead { ..*head },
            position: entry.position,
            transaction: entry.transaction,
            command_id: label.command_id,
        });
        self.notices.publish(Notice::Applied {
            block: block.checked.log.block,
            appended: appended.collect(),
            rejected: block.checked.log.rejected.clone(),
            position: block.checked.head.position,
        });
    }

    fn publish_finalized(&self, place: &Place) {
        let FinalPoint { block, position } = place.finalized;
        self.notices.publish(Notice::Finalized { block, position });
    }
}

/// The log, read from its beginning page by page.
struct Walk {
    /// The log after what was read.
    head: LogHead,
    from: u64,
    newest: u64,
    page: u64,
}

impl Walk {
    /// The next blocks that have anything of the log, with the head after each; `None` at the end.
    async fn next(&mut self, log: &EventLog) -> Result<Option<Vec<(BlockLogs, LogHead)>>, FollowerError> {
        if self.from > self.newest {
            return Ok(None);
        }
        let to = self.newest.min(self.from.saturating_add(self.page));
        let blocks = log.logs(self.from, to).await?;
        self.from = to.saturating_add(1);
        let with_head = |block: BlockLogs| {
            for entry in &block.appended {
                self.head.advance(entry);
            }
            (block, self.head)
        };
        Ok(Some(blocks.into_iter().map(with_head).collect()))
    }
}
