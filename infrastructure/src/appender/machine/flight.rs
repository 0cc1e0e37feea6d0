//! From the outbox into a block: sending, sending again, and asking when something is unclear.

use super::batch::{Batch, Content, Phase};
use super::price::{affordable, cheapen, give_more_gas, reprice, reprice_at};
use super::{Action, Machine, Millis, Nonce, SendAnswer};
use crate::appender::fees::Fee;
use crate::chain::Hash;

/// At most so many transactions are in a node's pool at once, whatever was restored: some nodes stall over long pools.
pub(super) const POOL: usize = 64;

impl Machine {
    /// Sends, replaces and asks whatever is due.
    pub(super) fn fly(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let Self {
            limits,
            batches,
            market,
            market_at,
            funds,
            asking_fees,
            progress_at,
            settled_below,
            heard,
            gas,
            block_gas,
            ..
        } = self;
        let bounds = limits.gas_bounds(block_gas.unwrap_or(u64::MAX));
        let waiting = batches
            .range_mut(*settled_below..)
            .filter(|(_, batch)| *heard && batch.phase == Phase::Waiting);
        for (nonce, batch) in waiting.take(POOL) {
            if due(batch, now)
                && let Some(hash) = batch.signature()
            {
                batch.sending = true;
                batch.first_sent.get_or_insert(now);
                actions.push(Action::Send { nonce: *nonce, hash });
            }
            let Some(market) = *market else { continue };
            let market = affordable(market, *funds, batch.gas_limit);
            let is_dear = batch.underpriced.is_some_and(|since| *market_at <= since);
            if is_dear && !std::mem::replace(asking_fees, true) {
                actions.push(Action::AskFees);
            }
            if batch.unpaid && !batch.sending && !batch.replacing {
                cheapen(*nonce, batch, Fee::of(market, limits.fee_ceiling), market.base, actions);
            }
            if batch.refused && !batch.is_call() {
                let size = batch.size();
                let wanted = gas.limit(size).min(gas.most(size, bounds));
                give_more_gas(*nonce, batch, wanted, market, limits.fee_ceiling, actions);
            }
            if reprice_at(batch, *market_at, *progress_at, limits.reprice_after).is_some_and(|at| now >= at) {
                reprice(*nonce, batch, market, limits.fee_ceiling, now, actions);
            }
        }
        if self.observe_at().is_some_and(|at| at <= now) {
            self.observing = true;
            self.observe_now = false;
            self.observe_from = now + self.limits.observe_every;
            actions.push(Action::AskNonce);
        }
        let final_block = self.final_block;
        for (nonce, batch) in self.batches.range_mut(self.settled_below..) {
            if let Phase::Used { by, .. } = batch.phase
                && by <= final_block
                && !batch.asking
                && !batch.replacing
                && now >= batch.next_send
            {
                batch.asking = true;
                let nonce = *nonce;
                actions.push(match batch.content {
                    Content::Commits(_) => Action::AskReceipt { nonce, final_block },
                    Content::Call(_) => Action::AskCall { nonce, final_block },
                });
            }
        }
    }

    /// When [`Self::fly`] has something to do at the latest.
    pub(super) fn fly_at(&self) -> Option<Millis> {
        let live = || self.live().map(|(_, batch)| batch);
        let waiting = live().filter(|batch| self.heard && batch.phase == Phase::Waiting);
        let waiting = waiting.take(POOL);
        let sends = waiting.filter(|batch| !batch.sending && !batch.replacing).map(|batch| {
            let reprice = reprice_at(batch, self.market_at, self.progress_at, self.limits.reprice_after);
            match reprice.filter(|_| self.market.is_some()) {
                Some(reprice) => batch.next_send.min(reprice),
                None => batch.next_send,
            }
        });
        let asks = live().filter_map(|batch| match batch.phase {
            Phase::Used { by, .. } if by <= self.final_block && !batch.asking && !batch.replacing => {
                Some(batch.next_send)
            }
            _ => None,
        });
        sends.chain(asks).chain(self.observe_at()).min()
    }

    pub(super) fn sent(&mut self, now: Millis, nonce: Nonce, answer: SendAnswer, actions: &mut Vec<Action>) {
        let limits = self.limits;
        let Some(batch) = self.batches.get_mut(&nonce) else {
            return;
        };
        batch.sending = false;
        let doubled = |first: Millis, attempts: u32| first.saturating_mul(1 << attempts.min(16));
        match answer {
            SendAnswer::Taken => {
                let pause = doubled(limits.resend_after, batch.attempts);
                batch.pooled = true;
                batch.underpriced = None;
                batch.unpaid = false;
                batch.refused = false;
                batch.attempts += 1;
                batch.next_send = now + pause.min(limits.resend_after.saturating_mul(10));
            }
            SendAnswer::NonceTooLow => {
                batch.next_send = now + limits.resend_after;
                self.observe_now = true;
            }
            SendAnswer::Underpriced | SendAnswer::CannotPay | SendAnswer::Refused => {
                let pause = doubled(limits.retry_after, batch.attempts);
                batch.attempts += 1;
                batch.next_send = now + pause.min(limits.retry_at_most);
                if answer == SendAnswer::Refused {
                    batch.refused = true;
                    // The chain's rules may have become dearer since it was signed.
                    if batch.attempts.is_power_of_two() {
                        actions.push(Action::AskGasRules);
                    }
                }
                if answer == SendAnswer::Underpriced {
                    batch.underpriced.get_or_insert(now);
                }
                if answer == SendAnswer::CannotPay {
                    batch.unpaid = true;
                    batch.back = (batch.back + 1) % batch.hashes.len().max(1);
                }
            }
        }
    }

    pub(super) fn replaced(&mut self, now: Millis, nonce: Nonce, hash: Hash, fee: Fee) {
        let Some(batch) = self.batches.get_mut(&nonce) else {
            return;
        };
        batch.replacing = false;
        batch.hashes.retain(|known| *known != hash);
        batch.hashes.push(hash);
        batch.fee = fee;
        batch.unpaid = false;
        batch.refused = false;
        batch.back = 0;
        batch.attempts = 0;
        batch.next_send = now;
        batch.priced_at = now;
        self.by_hash.insert(hash, nonce);
    }
}

fn due(batch: &Batch, now: Millis) -> bool {
    !batch.sending && !batch.replacing && batch.next_send <= now
}
