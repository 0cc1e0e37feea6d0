//! What is final: compared by hash, never by number alone.
//!
//! A number says nothing about a chain that may have changed between two answers. So a block of ours is final because so many
//! blocks of ours stand on it, linked by their hashes; or because the node calls final the very block that we have there.

use application::log::BlockRef;
use application::ports::projector::Projector;
use application::trouble::TroubleKind;
use sqlx::PgConnection;

use super::checkpoint::FinalPoint;
use super::claim::{Claim, final_point};
use super::runner::{Follower, Place, Step};
use super::window::Window;
use super::{FinalityRule, FollowerError, apply};
use crate::chain::{BlockId, ChainError};
use crate::postgres::{TRANSACTION, within};

impl<P> Follower<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// What says that blocks are final just now, by the rule. That the node says nothing is told in the status.
    pub(super) async fn claim(&self) -> Result<Claim, FollowerError> {
        Ok(match self.config.finality {
            FinalityRule::Instant => Claim::Depth(0),
            FinalityRule::Confirmations(blocks) => Claim::Depth(blocks),
            FinalityRule::Finalized => self.finalized().await?.map_or(Claim::Nothing, Claim::Block),
        })
    }

    /// The newest block that is final by the rule, as the node shows it from its newest block; `None` if none is.
    pub(super) async fn final_block(&self, newest: &BlockRef) -> Result<Option<BlockRef>, FollowerError> {
        let blocks = match self.config.finality {
            FinalityRule::Instant => return Ok(Some(*newest)),
            FinalityRule::Confirmations(blocks) => blocks,
            FinalityRule::Finalized => return self.finalized().await,
        };
        let Some(number) = newest.number.checked_sub(blocks) else {
            return Ok(None);
        };
        let header = self.log.node().header(BlockId::Number(number)).await?;
        Ok(header.map(|header| header.block))
    }

    /// The block that the node calls final. One that calls none final, and one that refuses to say, are alike: what is included is
    /// followed, and nothing more is called final.
    async fn finalized(&self) -> Result<Option<BlockRef>, FollowerError> {
        let (block, why) = match self.log.node().header(BlockId::Finalized).await {
            Ok(Some(header)) => (Some(header.block), None),
            Ok(None) => (None, Some("it has none".to_owned())),
            Err(error @ (ChainError::Rpc { .. } | ChainError::Unable { .. })) => (None, Some(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        self.tell_of_finality(why.map(|why| format!("the node names no `finalized` block: {why}")));
        Ok(block)
    }

    /// As [`final_point`], and tells of a contradiction.
    pub(super) fn point(&self, window: &Window, claim: Claim, before: FinalPoint) -> FinalPoint {
        final_point(window, claim, before).unwrap_or_else(|named| {
            self.tell_of_finality(Some(format!(
                "the node calls a block {} final that is not in the chain which it shows",
                named.number
            )));
            before
        })
    }

    /// Nothing new to apply; perhaps more is final.
    pub(super) async fn finalize(&self, place: &mut Place, claim: Claim) -> Result<Step, FollowerError> {
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

    fn tell_of_finality(&self, trouble: Option<String>) {
        self.status.update(|status| match trouble {
            None => drop(status.noticed.end(TroubleKind::NothingFinal)),
            Some(why) => {
                let known = status.noticed.has(TroubleKind::NothingFinal);
                if status.noticed.tell(TroubleKind::NothingFinal, &why) && !known {
                    tracing::warn!(why, "nothing more is final");
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::window::{AppliedBlock, Unread};
    use super::*;
    use crate::log::LogHead;

    fn window(numbers: std::ops::RangeInclusive<u64>, branch: u8) -> Window {
        let block = |number| AppliedBlock {
            number,
            hash: [branch; 32],
            head: LogHead {
                position: number * 10,
                running_hash: [0; 32],
            },
            unread: Unread::default(),
        };
        Window::from_blocks(numbers.map(block)).unwrap()
    }

    fn named(number: u64, branch: u8) -> BlockRef {
        BlockRef {
            number,
            hash: [branch; 32],
            parent_hash: [branch; 32],
            timestamp: 0,
        }
    }

    const BEFORE: FinalPoint = FinalPoint { block: 3, position: 30 };

    fn at(block: u64) -> Result<FinalPoint, BlockRef> {
        Ok(FinalPoint {
            block,
            position: block * 10,
        })
    }

    #[test]
    fn confirmations_are_counted_on_our_own_blocks() {
        let window = window(1..=9, 1);
        assert_eq!(final_point(&window, Claim::Depth(0), BEFORE), at(9));
        assert_eq!(final_point(&window, Claim::Depth(4), BEFORE), at(5));
        assert_eq!(final_point(&window, Claim::Depth(8), BEFORE), Ok(BEFORE));
        assert_eq!(final_point(&window, Claim::Depth(80), BEFORE), Ok(BEFORE));
    }

    #[test]
    fn a_number_that_the_node_calls_final_makes_only_its_own_block_final() {
        let window = window(1..=9, 1);
        assert_eq!(final_point(&window, Claim::Block(named(6, 1)), BEFORE), at(6));
        assert_eq!(
            final_point(&window, Claim::Block(named(6, 2)), BEFORE),
            Err(named(6, 2))
        );
        assert_eq!(final_point(&window, Claim::Block(named(12, 1)), BEFORE), Ok(BEFORE));
        assert_eq!(final_point(&window, Claim::Nothing, BEFORE), Ok(BEFORE));
    }

    #[test]
    fn what_comes_before_the_nodes_final_block_is_final_when_that_is_still_there() {
        let window = window(1..=9, 1);
        assert_eq!(final_point(&window, Claim::Before(named(12, 2)), BEFORE), at(9));
        assert_eq!(final_point(&window, Claim::Before(named(9, 1)), BEFORE), at(9));
        assert_eq!(
            final_point(&window, Claim::Before(named(8, 2)), BEFORE),
            Err(named(8, 2))
        );
    }

    proptest! {
        #[test]
        fn what_is_final_never_goes_back_and_is_never_another_branch(
            first in 1u64..20, length in 0u64..40, number in 0u64..80, ours in any::<bool>(), kind in 0u8..4,
        ) {
            let window = window(first..=first + length, 1);
            let block = named(number, if ours { 1 } else { 2 });
            let claim = match kind {
                0 => Claim::Depth(number),
                1 => Claim::Block(block),
                2 => Claim::Before(block),
                _ => Claim::Nothing,
            };
            match final_point(&window, claim, BEFORE) {
                Ok(point) => {
                    prop_assert!(point.block >= BEFORE.block);
                    prop_assert!(point == BEFORE || ours || kind != 1);
                    prop_assert!(point == BEFORE || point.block <= window.last().number);
                }
                Err(contradiction) => prop_assert!(!ours && contradiction == block),
            }
        }
    }
}
