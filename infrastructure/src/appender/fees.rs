//! What a transaction offers for its gas.

use crate::chain::Fees;

/// The fee of one EIP-1559 transaction, in wei for a unit of gas.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fee {
    /// The most it pays in all.
    pub max: u128,
    /// The most of it that goes to the block's producer.
    pub priority: u128,
}

impl Fee {
    /// What the market asks, with room for the base fee to double.
    pub fn of(market: Fees, ceiling: u128) -> Self {
        Self {
            max: market.base.saturating_mul(2).saturating_add(market.priority),
            priority: market.priority,
        }
        .at_most(ceiling)
    }

    /// The fee of a replacement: the market's, but a quarter more than before at least, for nodes ask for a tenth or an
    /// eighth more. `None` when the ceiling leaves no room for what a node would take.
    pub fn replacing(self, market: Fees, ceiling: u128) -> Option<Self> {
        let asked = Self::of(market, ceiling);
        let raised = |fee: u128| fee.saturating_add(fee / 4).saturating_add(1);
        let enough = |fee: u128| fee.saturating_add(fee / 8).saturating_add(1);
        let next = Self {
            max: asked.max.max(raised(self.max)),
            priority: asked.priority.max(raised(self.priority)),
        }
        .at_most(ceiling);
        (next.max >= enough(self.max) && next.priority >= enough(self.priority)).then_some(next)
    }

    /// Whether this offers as much as the other.
    pub const fn covers(self, other: Self) -> bool {
        self.max >= other.max && self.priority >= other.priority
    }

    fn at_most(self, ceiling: u128) -> Self {
        Self {
            max: self.max.min(ceiling),
            priority: self.priority.min(ceiling),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKET: Fees = Fees {
        base: 100,
        priority: 10,
    };

    #[test]
    fn the_base_fee_may_double_before_a_transaction_is_stuck() {
        assert_eq!(Fee::of(MARKET, u128::MAX), Fee { max: 210, priority: 10 });
    }

    #[test]
    fn a_replacement_pays_what_nodes_ask_for() {
        let fee = Fee { max: 400, priority: 40 };
        assert_eq!(fee.replacing(MARKET, u128::MAX), Some(Fee { max: 501, priority: 51 }));
        assert_eq!(
            Fee::default().replacing(Fees::default(), u128::MAX),
            Some(Fee { max: 1, priority: 1 })
        );
    }

    #[test]
    fn a_replacement_that_the_ceiling_makes_too_cheap_is_not_made() {
        let fee = Fee { max: 400, priority: 40 };
        assert_eq!(fee.replacing(MARKET, 460), Some(Fee { max: 460, priority: 51 }));
        assert_eq!(fee.replacing(MARKET, 450), None);
    }
}
