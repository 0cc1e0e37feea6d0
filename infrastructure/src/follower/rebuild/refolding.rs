//! Everything folded afresh up to a block, into a schema of its own, for whoever wants to know whether what is live is what the log gives. Nothing takes its
//! place, and no other rebuild is kept out.

use application::log::BlockRef;
use application::ports::projector::Projector;
use sqlx::PgConnection;

use super::{Phase, Rebuild, RebuildError, RebuildProgress, WRITTEN_WITHIN};
use crate::chain::{BlockId, Hash};
use crate::follower::FollowerError;
use crate::follower::refold::Refold;
use crate::follower::runner::Place;
use crate::follower::schema;
use crate::log::LogHead;
use crate::postgres::{LONG_STEP, within};

/// A log that was folded afresh, and can go on.
pub struct Refolded<'a, P> {
    rebuild: &'a Rebuild<P>,
    place: Place,
    refold: Refold,
}

impl<P> Rebuild<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// Folds the log afresh up to this block, into the schema of this name, with which the pool's search path begins and which does not exist yet. Each event
    /// is held against the rules. `progress` hears how far it is.
    ///
    /// # Errors
    /// [`RebuildError`]. What is in the schema then is of no use.
    pub async fn refold(
        &self,
        schema: &str,
        (number, hash): (u64, Hash),
        of: u64,
        progress: impl Fn(RebuildProgress) + Sync,
    ) -> Result<Refolded<'_, P>, RebuildError> {
        within(WRITTEN_WITHIN, self.create_in(schema)).await?;
        let mut place = self.follower.start().await?;
        self.follower.verify(&mut place).await?;
        let target = BlockRef {
            number,
            hash,
            parent_hash: [0; 32],
            timestamp: 0,
        };
        let tell = |phase, place: &Place| {
            let last = place.window.last();
            progress(RebuildProgress {
                phase,
                block: last.number,
                target_block: number,
                position: last.head.position,
                target_position: of,
            });
        };
        tell(Phase::Filling, &place);
        let mut refold = Refold::default();
        let filled = |place: &Place| tell(Phase::Filling, place);
        self.fill(&mut place, &target, filled, &mut |block| refold.take(block))
            .await?;
        tell(Phase::Indexing, &place);
        within(LONG_STEP, self.complete()).await?;
        Ok(Refolded {
            rebuild: self,
            place,
            refold,
        })
    }

    async fn create_in(&self, schema: &str) -> Result<(), RebuildError> {
        let mut transaction = self.follower.pool.begin().await?;
        schema::create_tables(&mut transaction, schema, &self.follower.projector).await?;
        Ok(transaction.commit().await?)
    }
}

impl<P> Refolded<'_, P>
where
    P: Projector<Connection = PgConnection>,
{
    /// What its entries and decisions came to, up to the block.
    pub const fn refold(&self) -> &Refold {
        &self.refold
    }

    /// Where the log stands after the last block that was read.
    pub fn head(&self) -> LogHead {
        self.place.window.last().head
    }

    /// Goes on to another block, as far as the node has it. What comes after the first is read as a follower reads it, and not held against the rules.
    ///
    /// # Errors
    /// [`RebuildError`].
    pub async fn catch_up(&mut self, block: u64) -> Result<LogHead, RebuildError> {
        self.rebuild.catch_up(&mut self.place, block).await?;
        Ok(self.head())
    }

    /// The last block that was read.
    pub fn last_block(&self) -> (u64, Hash) {
        let last = self.place.window.last();
        (last.number, last.hash)
    }

    /// Whether the node's chain has this block now.
    ///
    /// # Errors
    /// [`RebuildError`].
    pub async fn is_on_the_chain(&self, (number, hash): (u64, Hash)) -> Result<bool, RebuildError> {
        let header = self.rebuild.follower.log.node().header(BlockId::Number(number)).await;
        let header = header.map_err(FollowerError::from)?;
        Ok(header.is_some_and(|header| header.block.hash == hash))
    }
}
