//! The node's chain is not the one that was applied: where the two part, and what is undone.

use std::time::Duration;

use application::log::BlockRef;
use application::ports::projector::Projector;
use sqlx::PgConnection;
use tokio::time::{Instant, timeout};

use super::runner::{Follower, Place, Step};
use super::trust::Distrust;
use super::window::{AppliedBlock, Fork, Window};
use super::{FollowerError, apply, checkpoint};
use crate::chain::BlockId;
use crate::notices::Notice;
use crate::postgres::{TRANSACTION, within};

/// How long a node may be behind what was applied before that counts as having gone back.
const LAG_PATIENCE: Duration = Duration::from_secs(3);

/// How long another node is waited for that is only asked whether it has a block.
const OTHERS_PATIENCE: Duration = Duration::from_secs(2);

impl<P> Follower<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// The node is behind what was applied. It may lag; if it stays so, its chain is another one. Not if another node has what was
    /// applied: then this one is left, and nothing is undone.
    pub(super) async fn behind(&self, place: &mut Place, newest: &BlockRef) -> Result<Step, FollowerError> {
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
    pub(super) async fn part(&self, place: &mut Place, newest: &BlockRef) -> Result<Step, FollowerError> {
        let last = place.window.last().number;
        let to = match self.fork(&place.window, newest).await? {
            Fork::None => return Ok(Step::Idle),
            Fork::Above(block) if block.number >= place.finalized.block => block,
            Fork::Above(_) | Fork::TooDeep => return self.reanchor(place, newest).await,
        };
        let reverting = apply::revert(&self.pool, &self.kind, &to, place.finalized);
        place.patience.within(reverting).await?;
        tracing::warn!(to = to.number, from = last, "the chain reorganised: blocks were undone");
        place.window.truncate_to(to.number);
        place.behind_since = None;
        place.may_read_parked = true;
        self.reload(place).await?;
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

    /// Another follower undid blocks that were told here: tells so, and goes back to where both agree. What it applied since is
    /// found applied, and told, block by block. Or a rebuild has put read models here that are as far and count otherwise what could not be read.
    pub(super) async fn realign(&self, place: &mut Option<Place>) {
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
            Fork::None => known.window.count_as(&found.window),
            Fork::Above(block) => {
                known.window.truncate_to(block.number);
                known.finalized = found.finalized;
                known.may_read_parked = true;
                self.show(known);
                self.notices.publish(Notice::Reverted {
                    to: block.number,
                    position: block.head.position,
                });
                if self.reload(known).await.is_err() {
                    *place = None;
                }
            }
            Fork::TooDeep => *place = None,
        }
    }
}
