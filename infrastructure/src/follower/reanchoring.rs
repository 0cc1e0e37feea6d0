//! Blocks that were made anew, with the same log in them: nothing is undone, and what was applied is found in them again.

use application::log::BlockRef;
use application::ports::projector::Projector;
use sqlx::PgConnection;

use super::checkpoint::FinalPoint;
use super::runner::{Follower, Place, Step};
use super::trust::Distrust;
use super::window::AppliedBlock;
use super::{FollowerError, apply, block_times, journal};
use crate::chain::{BlockId, BlockLogs, ChainError, EventLog};
use crate::log::LogHead;
use crate::notices::Notice;
use crate::postgres::{LONG_STEP, within};

impl<P> Follower<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// The node contradicts blocks that are final. If its log is the same all the same, up to the last position applied, then
    /// the blocks were only made anew, as when a development chain that lost its last second is given the same transactions
    /// again; the running hash proves it. Otherwise the node is not believed.
    pub(super) async fn reanchor(&self, place: &mut Place, newest: &BlockRef) -> Result<Step, FollowerError> {
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
        let finalized = FinalPoint::at(&to);
        let moving = async {
            let mut transaction = apply::begin_reanchor(&self.pool, &self.kind, &to).await?;
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
        place.begin_at(to);
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

    /// Corrects the blocks, their times and the transactions of the whole journal, up to a block that [`Self::find_head`] found.
    async fn renumber(&self, connection: &mut PgConnection, to: &AppliedBlock) -> Result<(), FollowerError> {
        let mut walk = self.walk(to.number);
        block_times::forget(connection).await?;
        while let Some(blocks) = walk.next(&self.log).await? {
            let blocks = blocks.into_iter().map(|(block, _)| block).collect();
            let blocks = self.log.timed(blocks).await?;
            journal::renumber(connection, &blocks).await?;
            block_times::record(connection, blocks.iter()).await?;
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
