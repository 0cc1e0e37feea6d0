//! Far behind the chain: how what no node can vouch for any more is checked all the same.

use application::log::BlockRef;
use application::ports::projector::Projector;
use sqlx::PgConnection;

use super::FollowerError;
use super::claim::Claim;
use super::runner::{Follower, Place, Step};
use super::trust::{self, Distrust};
use crate::chain::{BlockId, ChainError};
use crate::crash::{FOLLOWER_FETCHED, crash_point};

impl<P> Follower<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// Far behind: nodes forget the state of old blocks, so the contract can be asked about the newest one only. The log is read
    /// twice: once to see that all of it adds up to what the contract says, keeping only the heads in between; then, page by
    /// page, to apply it, each page against the head that was seen.
    pub(super) async fn catch_up(&self, place: &mut Place, newest: &BlockRef) -> Result<Step, FollowerError> {
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
            if place.window.last().number < to {
                // It stops before something that it cannot read, or another follower was faster.
                break;
            }
        }
        Ok(Step::Progressed)
    }
}
