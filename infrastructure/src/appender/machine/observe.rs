//! The account's nonce as the chain has it: what was used, what is missing, and what is done about it.

use super::batch::{Batch, Content, Phase};
use super::flight::POOL;
use super::{Action, Machine, Millis, NewBatch, Nonce};

/// Something that the chain does not have though it should. One answer may come from a node that lags behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Missing {
    /// Nobody has this nonce, and somebody has a higher one.
    Nonce(Nonce),
    /// The chain has forgotten what was in a block: everything from this nonce on.
    Blocks(Nonce),
    /// Nothing is under way, and the chain's next nonce is lower than ours.
    Idle(Nonce),
}

impl Machine {
    /// When the account's nonce is to be asked for: while something is unclear.
    pub(super) fn observe_at(&self) -> Option<Millis> {
        if self.observing {
            return None;
        }
        let soonest = self.observe_from;
        // Somebody waits for a call, and a block was applied that may have it.
        if self.observe_now && self.awaits_a_call() {
            let asked = soonest.saturating_sub(self.limits.observe_every);
            return Some(soonest.min(asked + self.limits.observe_calls_every));
        }
        if !self.heard || self.observe_now || self.missing.is_some() {
            return Some(soonest);
        }
        let oldest = self.live().filter_map(|(_, batch)| match batch.phase {
            Phase::Waiting => batch.first_sent,
            Phase::Used { .. } => Some(0),
            _ => None,
        });
        oldest.min().map(|since| soonest.max(since + self.limits.observe_every))
    }

    pub(super) fn nonce_seen(&mut self, now: Millis, head: u64, count: Nonce, actions: &mut Vec<Action>) {
        self.observing = false;
        self.heard = true;
        for (_, batch) in self
            .batches
            .range_mut(self.settled_below..)
            .take_while(|(nonce, _)| **nonce < count)
        {
            if batch.phase == Phase::Waiting {
                batch.phase = Phase::Used {
                    by: head,
                    contradictions: 0,
                };
                batch.next_send = now;
            }
        }
        for batch in self.batches.range_mut(count..).map(|(_, batch)| batch) {
            if matches!(batch.phase, Phase::Used { .. }) {
                batch.wait_again(now);
            }
        }
        // A nonce below the account's cannot be used any more; while one is being stored, it shows by itself.
        self.next_nonce = self.next_nonce.max(Some(count));
        let missing = self.missing_at(count);
        let confirmed = missing.is_some() && missing == self.missing;
        self.missing = missing;
        self.agreed = missing.filter(|_| confirmed);
        if confirmed {
            self.mend(now, missing, actions);
        }
    }

    /// What the chain should have at this nonce and does not.
    fn missing_at(&self, count: Nonce) -> Option<Missing> {
        if self.storing || Some(count) >= self.next_nonce {
            return None;
        }
        match self.batches.get(&count) {
            Some(batch) if matches!(batch.phase, Phase::Included { .. } | Phase::Final { .. }) => {
                Some(Missing::Blocks(count))
            }
            Some(_) => None,
            None if self.batches.range(count..).next().is_some() => Some(Missing::Nonce(count)),
            None => Some(Missing::Idle(count)),
        }
    }

    fn mend(&mut self, now: Millis, missing: Option<Missing>, actions: &mut Vec<Action>) {
        match missing {
            Some(Missing::Nonce(nonce)) => {
                let gas_limit = self.gas.transaction;
                let Some(fee) = self.fee(gas_limit) else { return };
                self.storing = true;
                // The gap may lie below everything that is under way.
                self.settled_below = self.settled_below.min(nonce);
                self.batches.insert(
                    nonce,
                    Batch::new(Content::Commits(Vec::new()), fee, gas_limit, Phase::Storing, now),
                );
                actions.push(Action::Store(NewBatch {
                    nonce,
                    fresh: Vec::new(),
                    moved: Vec::new(),
                    fee,
                    gas_limit,
                }));
            }
            // The follower will say which blocks are gone; until then their transactions can go to the node already.
            Some(Missing::Blocks(from)) => {
                for (nonce, batch) in self.batches.range_mut(from..).take(POOL) {
                    if let (Phase::Included { .. } | Phase::Final { .. }, Some(hash)) =
                        (&batch.phase, batch.signature())
                    {
                        actions.push(Action::Send { nonce: *nonce, hash });
                    }
                }
            }
            Some(Missing::Idle(nonce)) => self.next_nonce = Some(nonce),
            None => {}
        }
    }
}
