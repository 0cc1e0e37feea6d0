//! What a transaction asks for in gas, and what it offers for it.

use super::batch::Batch;
use super::{Action, Machine, Millis, Nonce};
use crate::appender::fees::Fee;
use crate::chain::Fees;
use crate::chain::gas::{GasRules, Size};

/// What a transaction may ask for while no node has said how much gas a block has: less than the blocks of any chain worth the name.
pub(super) const BLIND_GAS: u64 = 5_000_000;

/// How often a batch that offers what the market asks is signed again for more.
const RAISES: usize = 4;

impl Machine {
    /// Takes over what a node says that things cost: not less than is certain.
    pub(super) fn learn(&mut self, rules: GasRules) {
        self.told_gas = rules.at_least(self.limits.gas);
        self.gas = match self.ran_out {
            Some((size, gas)) => self.told_gas.covering(size, gas),
            None => self.told_gas,
        };
    }

    /// A batch ran out that no gas would have been enough for: that says nothing about others.
    pub(super) const fn forget_what_ran_out(&mut self) {
        self.ran_out = None;
        self.gas = self.told_gas;
    }

    /// Whether one transaction can hold so much, as far as is known.
    pub(super) fn holds(&self, size: Size) -> bool {
        self.limits.hold(size, &self.gas, self.block_gas.unwrap_or(BLIND_GAS))
    }

    /// Whether a transaction with so much waits until blocks have more gas than now: because they had enough for it before, or because they
    /// have less than its bytes alone take. That could never be mined, nor could what comes after it.
    pub(super) fn needs_larger_blocks(&self, size: Size) -> bool {
        let Some(block) = self.block_gas else { return false };
        let allows = |block| self.gas.allow(size, self.limits.gas_bounds(block));
        let can_be_mined = self.gas.floor(size) <= self.most_gas(size);
        !allows(block) && (allows(self.largest_block.unwrap_or(block)) || !can_be_mined)
    }

    /// How much gas the first of what waits asks for, if no block has so much now.
    pub fn waits_for_gas(&self) -> Option<u64> {
        let commit = self.queue.front().map(|first| first.size);
        let commit = commit.filter(|size| self.needs_larger_blocks(*size));
        let call = self.calls.front().map(|first| self.asked_for(first));
        let call = call.filter(|gas| self.block_gas.is_some_and(|block| *gas > block));
        commit.map(|size| self.gas.limit(size)).max(call)
    }

    /// What a transaction with so much asks for: what it takes, as long as it may.
    pub(super) fn gas_limit(&self, size: Size) -> u64 {
        self.gas.limit(size).min(self.most_gas(size))
    }

    /// The most that a transaction with so much may ask for, as far as is known.
    pub(super) fn most_gas(&self, size: Size) -> u64 {
        let bounds = self.limits.gas_bounds(self.block_gas.unwrap_or(u64::MAX));
        self.gas.most(size, bounds)
    }

    /// What a batch with this gas limit offers that is made now: what the market asks, or what was offered last.
    pub(super) fn fee(&self, gas_limit: u64) -> Option<Fee> {
        let market = self.market.map(|market| affordable(market, self.funds, gas_limit));
        market
            .map(|market| Fee::of(market, self.limits.fee_ceiling))
            .or(self.former_fee)
    }

    /// Whether it is known what to offer.
    pub(super) const fn knows_a_fee(&self) -> bool {
        self.market.is_some() || self.former_fee.is_some()
    }
}

/// When a batch has waited so long in a pool, with nothing of ours mined meanwhile, that its fee must be the reason. When a node
/// has said so, as soon as the price is known that gas has come to since: raising the fee until it is taken, without asking,
/// would end anywhere. `None` when there is no such reason.
pub(super) fn reprice_at(batch: &Batch, market_at: Millis, progress_at: Millis, after: Millis) -> Option<Millis> {
    match batch.underpriced {
        // What the account cannot pay now it could pay even less at a higher fee.
        _ if batch.unpaid => None,
        Some(since) => (market_at > since).then_some(0),
        None => batch
            .pooled
            .then(|| batch.priced_at.max(progress_at).saturating_add(after)),
    }
}

pub(super) fn reprice(
    nonce: Nonce,
    batch: &mut Batch,
    market: Fees,
    ceiling: u128,
    now: Millis,
    actions: &mut Vec<Action>,
) {
    if batch.replacing || batch.sending {
        return;
    }
    batch.priced_at = now;
    // What has been raised a few times, and offers what the market asks, does not wait for its fee: a node is at fault, and raising on
    // would end at the ceiling.
    let offers_enough = batch.fee.covers(Fee::of(market, ceiling));
    if offers_enough && batch.hashes.len() > RAISES {
        batch.underpriced = None;
        return;
    }
    // Where gas is free a higher fee buys nothing, unless the node asks for one; and what the account cannot pay buys nothing anywhere.
    let is_asked_for = market.base > 0 || batch.underpriced.is_some() || market.priority > batch.fee.priority;
    batch.underpriced = None;
    if let Some(fee) = batch.fee.replacing(market, ceiling).filter(|_| is_asked_for) {
        batch.replacing = true;
        actions.push(Action::Replace {
            nonce,
            fee,
            gas_limit: batch.gas_limit,
        });
    }
}

/// Signs a batch again for less, where gas is free and the account has less than was offered.
pub(super) fn cheapen(nonce: Nonce, batch: &mut Batch, fee: Fee, base: u128, actions: &mut Vec<Action>) {
    if base == 0 && fee.max < batch.fee.max {
        batch.replacing = true;
        actions.push(Action::Replace {
            nonce,
            fee,
            gas_limit: batch.gas_limit,
        });
    }
}

/// Signs a batch again that a node refuses, if what it takes is more than it asks for: the chain's rules have become dearer since.
pub(super) fn give_more_gas(
    nonce: Nonce,
    batch: &mut Batch,
    wanted: u64,
    market: Fees,
    ceiling: u128,
    actions: &mut Vec<Action>,
) {
    if wanted > batch.gas_limit && !batch.sending && !batch.replacing {
        // A node may have it all the same, and takes no other for less.
        let fee = batch.fee.replacing(market, ceiling).unwrap_or(batch.fee);
        batch.replacing = true;
        batch.gas_limit = wanted;
        actions.push(Action::Replace {
            nonce,
            fee,
            gas_limit: wanted,
        });
    }
}

/// What the market asks of an account that has so much, as far as that is known.
pub(super) fn affordable(market: Fees, funds: Option<u128>, gas_limit: u64) -> Fees {
    funds.map_or(market, |funds| market.affordable(funds, gas_limit))
}
