//! What became of a transaction whose nonce a final block has used, and of which the log shows nothing.

use super::batch::{Batch, Content, Phase, Retry};
use super::{Action, Execution, Machine, Millis, Nonce, ReceiptSeen};
use crate::log::CommitOutcome;

/// How often a receipt may contradict the follower before it is believed. See [`Machine::receipt_seen`].
const CONTRADICTIONS: u32 = 3;

impl Machine {
    /// A final block has used the batch's nonce, and the follower, which has applied that block, found no hash of the batch. So
    /// the receipts only tell why: reverted, or somebody else's.
    pub(super) fn receipt_seen(
        &mut self,
        now: Millis,
        nonce: Nonce,
        used: bool,
        receipt: Option<ReceiptSeen>,
        actions: &mut Vec<Action>,
    ) {
        let (noticed_after, final_block, resend_after) =
            (self.noticed_after, self.final_block, self.limits.resend_after);
        let Some(batch) = self.batches.get_mut(&nonce) else {
            return;
        };
        batch.answered();
        let is_filler = batch.members().is_empty();
        let Phase::Used { by, contradictions } = &mut batch.phase else {
            return;
        };
        match receipt {
            // A filler, or a reorganisation between the question and the answer: wait for the block to be final.
            Some(receipt) if receipt.block > final_block => *by = receipt.block,
            // The block that had used it is on no branch any more.
            _ if !used => batch.wait_again(now),
            _ if is_filler => settle_silently(batch, final_block, actions),
            // Applied before this process heard notices: the receipt is all there is.
            Some(ReceiptSeen {
                block,
                execution: Execution::Succeeded,
            }) if block <= noticed_after => settle_silently(batch, block, actions),
            // The follower should have told. It may have been between two steps when this process began to listen; or the
            // node contradicts itself, and the next answer is another.
            Some(ReceiptSeen {
                block,
                execution: Execution::Succeeded,
            }) => {
                *contradictions += 1;
                if *contradictions >= CONTRADICTIONS {
                    settle_silently(batch, block, actions);
                } else {
                    *by = block.max(*by);
                    batch.next_send = now + resend_after;
                }
            }
            Some(ReceiptSeen { execution, .. }) => {
                let refused = match execution {
                    Execution::Refused => true,
                    Execution::OutOfGas { needed } => self.ran_out(nonce, needed, actions),
                    Execution::Succeeded => false,
                };
                self.reclaim(now, nonce, refused, actions);
            }
            None => self.reclaim(now, nonce, false, actions),
        }
    }

    /// A batch ran out of gas: from now on one like it is given more. `true` when it had the most that a transaction may ask for, so that
    /// only smaller batches can help.
    fn ran_out(&mut self, nonce: Nonce, needed: Option<u64>, actions: &mut Vec<Action>) -> bool {
        let Some(batch) = self.batches.get(&nonce) else {
            return false;
        };
        let (size, limit) = (batch.size(), batch.gas_limit);
        let most = self
            .gas
            .most(size, self.limits.gas_bounds(self.largest_block.unwrap_or(u64::MAX)));
        // What it would take now may be less than it took: its commits may be stale meanwhile.
        let wanted = match needed {
            Some(needed) if needed > limit => needed.saturating_add(needed / 10),
            _ => limit.saturating_mul(2),
        };
        let wanted = wanted.min(most);
        // Of several that were under way at the old price the first has raised it.
        if self.gas.limit(size) < wanted {
            self.ran_out = Some((size, wanted));
            self.gas = self.gas.covering(size, wanted);
        }
        actions.push(Action::AskGasRules);
        limit >= most
    }

    /// Nobody could tell for what its nonce was used: it is asked again after a while, which is twice as long each time.
    pub(super) fn receipt_unknown(&mut self, now: Millis, nonce: Nonce) {
        let (first, longest) = (self.limits.observe_every, self.limits.retry_at_most);
        let Some(batch) = self.batches.get_mut(&nonce) else {
            return;
        };
        batch.asking = false;
        if matches!(batch.phase, Phase::Used { .. }) {
            let (since, times) = batch.undecided.unwrap_or((now, 0));
            batch.undecided = Some((since, times.saturating_add(1)));
            batch.next_send = now + first.saturating_mul(1 << times.min(16)).min(longest.max(first));
        }
    }

    /// Takes the commits of a batch that came to nothing back into the queue, in front. If it was refused, by halves, and a single
    /// commit only so often: then it is given up, visibly.
    fn reclaim(&mut self, now: Millis, nonce: Nonce, refused: bool, actions: &mut Vec<Action>) {
        let Some(Content::Commits(mut members)) = self.remove(nonce) else {
            return;
        };
        let (mut company, mut given_up) = (usize::MAX, None);
        if refused {
            let alive = members.iter().filter(|member| member.key.is_some()).count();
            company = (alive / 2).max(1);
            for member in &mut members {
                member.refusals += u32::from(alive == 1);
                if member.refusals >= self.limits.refusals
                    && let Some(key) = member.key.take()
                {
                    given_up = Some((key, member.commit.command_id));
                }
            }
        }
        if let Some((key, command)) = given_up {
            self.forget_what_ran_out();
            actions.push(Action::Refuse { key, command, nonce });
        } else if members.iter().all(|member| member.key.is_none()) {
            actions.push(Action::Forget(vec![nonce]));
        }
        self.requeue(now, members, Retry { company });
    }
}

/// It is in a final block, and this process does not know what the block says.
fn settle_silently(batch: &mut Batch, block: u64, actions: &mut Vec<Action>) {
    batch.phase = Phase::Final { block };
    if !std::mem::replace(&mut batch.told, true) {
        let keys = batch.members().iter().filter_map(|member| member.key);
        actions.extend(keys.map(|key| Action::Resolve(key, CommitOutcome::HandedOver)));
    }
}
