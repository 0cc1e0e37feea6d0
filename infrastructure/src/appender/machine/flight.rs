//! From the outbox into a block: sending, sending again, paying more, finding out.

use super::super::fees::Fee;
use super::{
    Action, Batch, Execution, Machine, Millis, Missing, NewBatch, Nonce, POOL, Phase, ReceiptSeen, Retry, SendAnswer,
    affordable,
};
use crate::chain::Hash;
use crate::log::CommitOutcome;

/// How often a batch that offers what the market asks is signed again for more.
const RAISES: usize = 4;

/// How often a receipt may contradict the follower before it is believed. See [`Machine::receipt_seen`].
const CONTRADICTIONS: u32 = 3;

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
            ..
        } = self;
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
                actions.push(Action::AskReceipt {
                    nonce: *nonce,
                    final_block,
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

    /// When the account's nonce is to be asked for: while something is unclear.
    fn observe_at(&self) -> Option<Millis> {
        if self.observing {
            return None;
        }
        let soonest = self.observe_from;
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

    pub(super) fn sent(&mut self, now: Millis, nonce: Nonce, answer: SendAnswer) {
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
        batch.back = 0;
        batch.attempts = 0;
        batch.next_send = now;
        batch.priced_at = now;
        self.by_hash.insert(hash, nonce);
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
                self.batches
                    .insert(nonce, Batch::new(Vec::new(), fee, gas_limit, Phase::Storing, now));
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
        batch.asking = false;
        let Phase::Used { by, contradictions } = &mut batch.phase else {
            return;
        };
        match receipt {
            // A filler, or a reorganisation between the question and the answer: wait for the block to be final.
            Some(receipt) if receipt.block > final_block => *by = receipt.block,
            // The block that had used it is on no branch any more.
            _ if !used => batch.wait_again(now),
            _ if batch.members.is_empty() => settle_silently(batch, final_block, actions),
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
                    Execution::Unauthorized | Execution::Succeeded => {
                        self.authorized = false;
                        false
                    }
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
        let most = self.most_gas(size);
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

    pub(super) fn receipt_unknown(&mut self, nonce: Nonce) {
        let pause = self.limits.observe_every;
        if let Some(batch) = self.batches.get_mut(&nonce) {
            batch.asking = false;
            batch.next_send += pause;
        }
    }

    /// Takes the commits of a batch that came to nothing back into the queue, in front. If it was refused, by halves, and a single
    /// commit only so often: then it is given up, visibly.
    fn reclaim(&mut self, now: Millis, nonce: Nonce, refused: bool, actions: &mut Vec<Action>) {
        let Some(mut batch) = self.batches.remove(&nonce) else {
            return;
        };
        for hash in &batch.hashes {
            self.by_hash.remove(hash);
        }
        let (mut company, mut given_up) = (usize::MAX, None);
        if refused {
            let alive = batch.members.iter().filter(|member| member.key.is_some()).count();
            company = (alive / 2).max(1);
            for member in &mut batch.members {
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
        } else if batch.members.iter().all(|member| member.key.is_none()) {
            actions.push(Action::Forget(vec![nonce]));
        }
        self.requeue(now, batch.members, Retry { company });
    }
}

fn due(batch: &Batch, now: Millis) -> bool {
    !batch.sending && !batch.replacing && batch.next_send <= now
}

/// When a batch has waited so long in a pool, with nothing of ours mined meanwhile, that its fee must be the reason. When a node
/// has said so, as soon as the price is known that gas has come to since: raising the fee until it is taken, without asking,
/// would end anywhere. `None` when there is no such reason.
fn reprice_at(batch: &Batch, market_at: Millis, progress_at: Millis, after: Millis) -> Option<Millis> {
    match batch.underpriced {
        // What the account cannot pay now it could pay even less at a higher fee.
        _ if batch.unpaid => None,
        Some(since) => (market_at > since).then_some(0),
        None => batch
            .pooled
            .then(|| batch.priced_at.max(progress_at).saturating_add(after)),
    }
}

fn reprice(
    nonce: Nonce,
    batch: &mut Batch,
    market: crate::chain::Fees,
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
        actions.push(Action::Replace { nonce, fee });
    }
}

/// Signs a batch again for less, where gas is free and the account has less than was offered.
fn cheapen(nonce: Nonce, batch: &mut Batch, fee: Fee, base: u128, actions: &mut Vec<Action>) {
    if base == 0 && fee.max < batch.fee.max {
        batch.replacing = true;
        actions.push(Action::Replace { nonce, fee });
    }
}

/// It is in a final block, and this process does not know what the block says.
fn settle_silently(batch: &mut Batch, block: u64, actions: &mut Vec<Action>) {
    batch.phase = Phase::Final { block };
    if !std::mem::replace(&mut batch.told, true) {
        let keys = batch.members.iter().filter_map(|member| member.key);
        actions.extend(keys.map(|key| Action::Resolve(key, CommitOutcome::HandedOver)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use application::log::StreamId;
    use domain::kernel::CommandId;

    use super::super::{CommitKey, Input, Limits, Queued, Surroundings};
    use super::*;
    use crate::chain::Fees;
    use crate::chain::gas::Size;
    use crate::log::{Commit, Payload, StreamHead, StreamPart};

    const CHEAP: Fees = Fees {
        base: 100,
        priority: 10,
    };
    const DEAR: Fees = Fees {
        base: 10_000,
        priority: 10,
    };

    fn told(machine: &mut Machine, now: Millis, input: Input<'_>) -> Vec<Action> {
        let mut actions = Vec::new();
        machine.on(now, input, &mut actions);
        actions
    }

    /// A machine whose account has used no nonce.
    fn new() -> Machine {
        let around = Surroundings {
            applied: 0,
            final_block: 0,
        };
        let mut machine = Machine::restored(Limits::default(), around, Vec::new(), 0);
        told(&mut machine, 0, Input::NonceSeen { head: 0, count: 0 });
        machine
    }

    /// A machine whose first batch has just been sent.
    fn sent() -> Machine {
        sent_by(new(), CHEAP)
    }

    fn sent_by(mut machine: Machine, market: Fees) -> Machine {
        let part = StreamPart {
            stream: StreamId([1; 32]),
            expected: StreamHead::default(),
            payloads: vec![Payload::from(&b"payload"[..])],
        };
        let commit = Arc::new(Commit {
            command_id: CommandId::default(),
            parts: vec![part],
        });
        let (key, size) = (CommitKey(0), Size::of(&commit).unwrap());
        told(&mut machine, 0, Input::Fees(market));
        told(
            &mut machine,
            1,
            Input::Queue(Queued {
                key,
                commit,
                size,
                since: 1,
            }),
        );
        let stored = Input::Stored {
            nonce: 0,
            hash: [7; 32],
            duplicates: Vec::new(),
        };
        let actions = told(&mut machine, 2, stored);
        assert!(actions.iter().any(|action| matches!(action, Action::Send { .. })));
        machine
    }

    #[test]
    fn who_offers_too_little_asks_for_the_price_once_and_then_offers_that() {
        let mut machine = sent();
        let underpriced = || Input::Sent {
            nonce: 0,
            answer: SendAnswer::Underpriced,
        };
        let actions = told(&mut machine, 3, underpriced());
        assert!(matches!(actions[..], [Action::AskFees]), "{actions:?}");
        // It is sent again as it is meanwhile, but not raised, and nobody is asked twice.
        let actions = told(&mut machine, 200, Input::Tick);
        assert!(matches!(actions[..], [Action::Send { .. }]), "{actions:?}");
        assert!(told(&mut machine, 201, underpriced()).is_empty());
        let actions = told(&mut machine, 202, Input::Fees(DEAR));
        let [Action::Replace { nonce: 0, fee }] = actions[..] else {
            panic!("{actions:?}");
        };
        assert_eq!(fee.max, 20_010);
        // The next refusal is asked about anew: that price may have risen as well.
        let hash = [8; 32];
        told(&mut machine, 203, Input::Replaced { nonce: 0, hash, fee });
        assert!(matches!(told(&mut machine, 204, underpriced())[..], [Action::AskFees]));
    }

    #[test]
    fn a_gap_below_everything_that_is_under_way_is_filled() {
        let mut machine = new();
        machine
            .batches
            .insert(1, Batch::new(Vec::new(), Fee::default(), 21_000, Phase::Waiting, 0));
        machine.next_nonce = Some(2);
        let seen = || Input::NonceSeen { head: 9, count: 0 };
        told(&mut machine, 1, Input::Fees(CHEAP));
        told(&mut machine, 2, seen());
        let actions = told(&mut machine, 3, seen());
        let is_filler = |action: &Action| matches!(action, Action::Store(NewBatch { nonce: 0, .. }));
        assert!(actions.iter().any(is_filler), "{actions:?}");
        let stored = Input::Stored {
            nonce: 0,
            hash: [7; 32],
            duplicates: Vec::new(),
        };
        let actions = told(&mut machine, 4, stored);
        let is_sent = |action: &Action| matches!(action, Action::Send { nonce: 0, .. });
        assert!(actions.iter().any(is_sent), "{actions:?}");
    }

    fn executed(machine: &mut Machine, nonce: Nonce, execution: Execution) -> Vec<Action> {
        let seen = |count| Input::NonceSeen { head: 0, count };
        told(machine, 10, seen(nonce + 1));
        let receipt = Some(ReceiptSeen { block: 0, execution });
        told(
            machine,
            11,
            Input::ReceiptSeen {
                nonce,
                used: true,
                receipt,
            },
        )
    }

    fn stored(machine: &mut Machine, nonce: Nonce) {
        let hash = [u8::try_from(nonce).unwrap() + 100; 32];
        let duplicates = Vec::new();
        told(
            machine,
            12,
            Input::Stored {
                nonce,
                hash,
                duplicates,
            },
        );
    }

    fn asked_for(actions: &[Action]) -> u64 {
        let stored = actions.iter().find_map(|action| match action {
            Action::Store(batch) => Some(batch.gas_limit),
            _ => None,
        });
        stored.expect("it is signed again")
    }

    fn is_given_up(actions: &[Action]) -> bool {
        actions.iter().any(|action| matches!(action, Action::Refuse { .. }))
    }

    #[test]
    fn what_ran_out_of_gas_is_signed_again_with_more_and_the_chain_is_asked_what_things_cost() {
        let mut machine = sent();
        let first = machine.batches[&0].gas_limit;
        let actions = executed(&mut machine, 0, Execution::OutOfGas { needed: None });
        assert!(
            actions.iter().any(|action| matches!(action, Action::AskGasRules)),
            "{actions:?}"
        );
        let second = asked_for(&actions);
        assert!(second >= 2 * first, "{second}");
        stored(&mut machine, 1);
        // A node whose prices are too low does not bring the old limit back.
        told(&mut machine, 13, Input::GasRules(crate::chain::gas::GasRules::TODAY));
        let needed = 5 * second;
        let actions = executed(&mut machine, 1, Execution::OutOfGas { needed: Some(needed) });
        assert!(asked_for(&actions) > needed && !is_given_up(&actions), "{actions:?}");
    }

    #[test]
    fn what_takes_more_than_a_transaction_may_ask_for_is_given_up_in_the_end_and_nothing_else_for_gas() {
        let mut machine = sent();
        told(&mut machine, 3, Input::BlockGas(400_000));
        let mut asked = Vec::new();
        let mut nonce = 0;
        loop {
            asked.push(machine.batches[&nonce].gas_limit);
            let actions = executed(&mut machine, nonce, Execution::OutOfGas { needed: None });
            if is_given_up(&actions) {
                break;
            }
            nonce += 1;
            stored(&mut machine, nonce);
        }
        assert_eq!(asked[asked.len() - 3..], [400_000; 3], "{asked:?}");
        assert!(asked[asked.len() - 4] < 400_000, "{asked:?}");
        // Others are asked no more for than before.
        assert_eq!(machine.gas, crate::chain::gas::GasRules::TODAY);
    }

    #[test]
    fn what_offers_what_the_market_asks_is_raised_a_few_times_whatever_a_node_says() {
        let mut machine = sent();
        let market = Fees {
            base: 100,
            priority: 10,
        };
        let (mut raised, mut now) = (0, 10);
        for _ in 0..200 {
            now += 10_000;
            let mut actions = told(&mut machine, now, Input::Tick);
            actions.extend(told(
                &mut machine,
                now,
                Input::Sent {
                    nonce: 0,
                    answer: SendAnswer::Underpriced,
                },
            ));
            now += 1;
            actions.extend(told(&mut machine, now, Input::Fees(market)));
            for action in actions {
                if let Action::Replace { nonce, fee } = action {
                    raised += 1;
                    let hash = [raised; 32];
                    told(&mut machine, now, Input::Replaced { nonce, hash, fee });
                }
            }
        }
        assert!((1..=4).contains(&raised), "{raised}");
        assert!(machine.batches[&0].fee.max < 4 * 210, "{:?}", machine.batches[&0].fee);
        assert!(machine.unmined_for(now).is_some_and(|long| long > 60_000));
        // When the market asks for more, it is raised again.
        now += 1;
        told(
            &mut machine,
            now,
            Input::Sent {
                nonce: 0,
                answer: SendAnswer::Underpriced,
            },
        );
        now += 1;
        let dear = Fees {
            base: 10_000,
            priority: 10,
        };
        let actions = told(&mut machine, now, Input::Fees(dear));
        assert!(
            actions.iter().any(|action| matches!(action, Action::Replace { .. })),
            "{actions:?}"
        );
    }

    const FREE: Fees = Fees { base: 0, priority: 10 };

    #[test]
    fn where_gas_is_free_an_account_without_ether_offers_nothing_and_is_never_raised() {
        let mut machine = new();
        told(&mut machine, 0, Input::Funds(0));
        let mut machine = sent_by(machine, FREE);
        assert_eq!(machine.batches[&0].fee, Fee::default());
        told(
            &mut machine,
            3,
            Input::Sent {
                nonce: 0,
                answer: SendAnswer::Taken,
            },
        );
        let mut sends = 0;
        for minute in 1..60 {
            for action in told(&mut machine, minute * 60_000, Input::Tick) {
                match action {
                    Action::Send { nonce: 0, hash } => {
                        assert_eq!(hash, [7; 32], "unchanged");
                        sends += 1;
                        told(
                            &mut machine,
                            minute * 60_000,
                            Input::Sent {
                                nonce: 0,
                                answer: SendAnswer::Taken,
                            },
                        );
                    }
                    Action::AskNonce => {
                        told(&mut machine, minute * 60_000, Input::NonceSeen { head: 0, count: 0 }).clear()
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(sends > 50, "{sends}");
    }

    #[test]
    fn what_an_account_cannot_pay_is_signed_again_for_less_where_gas_is_free() {
        let mut machine = sent_by(new(), FREE);
        told(&mut machine, 3, Input::Funds(0));
        let cannot_pay = Input::Sent {
            nonce: 0,
            answer: SendAnswer::CannotPay,
        };
        let actions = told(&mut machine, 4, cannot_pay);
        let [Action::Replace { nonce: 0, fee }] = actions[..] else {
            panic!("{actions:?}");
        };
        assert_eq!(fee, Fee::default());
    }

    #[test]
    fn a_replacement_that_cannot_be_paid_does_not_keep_the_former_one_from_being_sent() {
        let mut machine = sent();
        told(
            &mut machine,
            3,
            Input::Sent {
                nonce: 0,
                answer: SendAnswer::Taken,
            },
        );
        let fee = Fee { max: 500, priority: 50 };
        let hash = [8; 32];
        let actions = told(&mut machine, 4, Input::Replaced { nonce: 0, hash, fee });
        let sent = |actions: &[Action]| {
            actions.iter().find_map(|action| match action {
                Action::Send { hash, .. } => Some(*hash),
                _ => None,
            })
        };
        assert_eq!(sent(&actions), Some([8; 32]));
        let (mut now, mut seen) = (5, Vec::new());
        for _ in 0..4 {
            told(
                &mut machine,
                now,
                Input::Sent {
                    nonce: 0,
                    answer: SendAnswer::CannotPay,
                },
            );
            now += 60_000;
            seen.extend(sent(&told(&mut machine, now, Input::Tick)));
        }
        assert_eq!(seen, [[7; 32], [8; 32], [7; 32], [8; 32]]);
    }

    #[test]
    fn what_a_node_took_after_all_is_not_raised_at_once() {
        let mut machine = sent();
        for (now, answer) in [(3, SendAnswer::Underpriced), (150, SendAnswer::Taken)] {
            told(&mut machine, now, Input::Sent { nonce: 0, answer });
        }
        assert!(told(&mut machine, 200, Input::Fees(DEAR)).is_empty());
    }
}
