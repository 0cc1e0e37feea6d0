//! Calls: from the queue into a transaction of their own, and from a receipt to an outcome.
//!
//! **At most once.** A commit names heads, so that a second copy of it does nothing. A call names nothing: what a second copy of it does
//! is up to the contract. So there must never be two transactions with one call that can both be executed. A nonce is used once on every
//! branch of the chain; as long as all signatures of a call have one nonce of one key, one of them at most is executed. Therefore a call is signed under
//! another nonce, or another key, only when that can never lead to its execution any more:
//!
//! 1. a *final* block has used its nonce, and the transaction that used it was seen there and is none of ours ([`CallSeen::Another`]); that a node
//!    knows no receipt of ours is not enough, for a node may have lost it or lag behind;
//! 2. or a *final* block has executed it and it ran out of gas: then it did nothing, and its nonce is used.
//!
//! Until then it is sent again and signed again at other fees, all under the same nonce, by whoever has the key; who does not have the key sends on
//! what is signed. It follows that a call waits as long as its key's nonces before it do: only that key can fill them. No final block is
//! undone; with the finality `instant` that is the operator's promise, and where a network breaks it a call may be executed twice.
//!
//! **What is trusted.** A call may leave no trace in the log; and of what it leaves, nothing but the node says of which transaction that is: the running hash
//! covers entries, not transactions. So receipts are asked for.
//! - A receipt of the first node is believed, in a block that the follower has applied and that is final by the same rule as
//!   everything else, if its hash is the one that the follower has for that block (as long as it keeps it), if the node also says that the account's nonce was
//!   used by then, and if no node that is configured has another receipt. A node that is silent counts as agreeing. A single node that makes up receipts
//!   for blocks that are there is not caught: it can tell that a call was done, or refused, which was not.
//! - It is signed again only when *every* node that is configured answers and says the same of the nonce: the same receipt, or the same transaction of
//!   somebody else and no receipt of ours. Otherwise nothing is known, and it is asked again. So only all nodes together, or the only one, can have a
//!   call executed twice.
//!
//! What follows from a call for others must follow from the log.

use std::sync::Arc;

use super::batch::{Batch, Content, Phase};
use super::price::BLIND_GAS;
use super::{Action, CallEnd, CallNews, CallSeen, Machine, Millis, NewCall, Nonce, QueuedCall};
use crate::appender::fees::Fee;
use crate::calls::Call;
use crate::chain::Hash;

/// A call in the queue.
#[derive(Clone, Debug)]
pub(super) struct WaitingCall {
    pub(super) call: Arc<Call>,
    pub(super) gas: u64,
    pub(super) since: Millis,
    /// The outbox has it, under a nonce that can never execute it any more.
    pub(super) again: bool,
}

impl Machine {
    pub(super) fn queue_call(&mut self, QueuedCall { call, gas, since }: QueuedCall) {
        let again = false;
        self.calls.push_back(WaitingCall {
            call,
            gas,
            since,
            again,
        });
    }

    /// Takes calls of another key over.
    pub(super) fn adopt_calls(&mut self, calls: Vec<QueuedCall>) {
        calls.into_iter().for_each(|call| self.queue_again(call));
    }

    /// Puts a call that the outbox has behind those that have to be signed again, and before all that are new.
    fn queue_again(&mut self, QueuedCall { call, gas, since }: QueuedCall) {
        let (place, again) = (self.calls_again(), true);
        let waiting = WaitingCall {
            call,
            gas,
            since,
            again,
        };
        self.calls.insert(place, waiting);
    }

    /// How many calls of the queue the outbox has. They come first.
    fn calls_again(&self) -> usize {
        self.calls.iter().take_while(|waiting| waiting.again).count()
    }

    /// The most gas that a call may ask for, in the largest blocks that were seen: what a block has may be less for a while.
    pub(super) fn most_call_gas(&self) -> u64 {
        self.limits
            .call_gas(&self.told_gas, self.largest_block.unwrap_or(u64::MAX))
    }

    /// How much gas a call asks for.
    pub(super) fn asked_for(&self, waiting: &WaitingCall) -> u64 {
        waiting.gas.min(self.most_call_gas())
    }

    /// Makes a transaction of the first call if it is time. Commits that have waited longer come before it: `false`.
    pub(super) fn gather_call(&mut self, now: Millis, actions: &mut Vec<Action>) -> bool {
        let Some(since) = self.gather_call_at().filter(|at| *at <= now) else {
            return false;
        };
        let commits = self.queue.front().map(|first| first.since);
        if commits.is_some_and(|first| first < since) && self.gather_commits_at().is_some_and(|at| at <= now) {
            return false;
        }
        let Some((nonce, waiting)) = self.next_nonce.zip(self.calls.pop_front()) else {
            return false;
        };
        let gas_limit = self.asked_for(&waiting);
        let fee = self.fee(gas_limit).unwrap_or_default();
        self.next_nonce = Some(nonce + 1);
        self.storing = true;
        let content = Content::Call(Arc::clone(&waiting.call));
        self.batches
            .insert(nonce, Batch::new(content, fee, gas_limit, Phase::Storing, now));
        actions.push(Action::StoreCall(NewCall {
            nonce,
            call: waiting.call,
            again: waiting.again,
            fee,
            gas_limit,
        }));
        true
    }

    pub(super) fn call_stored(
        &mut self,
        now: Millis,
        nonce: Nonce,
        hash: Hash,
        fee: Fee,
        gas_limit: u64,
        actions: &mut Vec<Action>,
    ) {
        self.stored(now, nonce, hash, &[], actions);
        if let Some(batch) = self.batches.get_mut(&nonce)
            && let Content::Call(call) = &batch.content
        {
            actions.push(Action::TellCall(call.id, CallNews::Accepted));
            (batch.fee, batch.gas_limit) = (fee, gas_limit);
        }
    }

    pub(super) fn call_stands(&mut self, nonce: Nonce, is_the_same: bool, actions: &mut Vec<Action>) {
        if let Some(Content::Call(call)) = self.withdraw(nonce) {
            let news = match is_the_same {
                true => CallNews::Standing,
                false => CallNews::AnotherHasItsId,
            };
            actions.push(Action::TellCall(call.id, news));
        }
    }

    /// When the next call is to be made a transaction; `None` when something else has to happen first. It waits for no company. One that asks for
    /// more than a block has now, or for much while that is not known, waits: it would not be mined, and neither would anything after it.
    pub(super) fn gather_call_at(&self) -> Option<Millis> {
        let may_ask = |waiting: &&WaitingCall| self.asked_for(waiting) <= self.block_gas.unwrap_or(BLIND_GAS);
        let first = self.calls.front().filter(may_ask)?;
        self.room().map(|_| first.since)
    }

    /// Gives up the calls that have waited too long. What the outbox has stays.
    pub(super) fn turn_calls_away(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let (stored, limit) = (self.calls_again(), self.limits.durable_within);
        while let Some(oldest) = self.calls.get(stored)
            && oldest.since + limit <= now
            && let Some(gone) = self.calls.remove(stored)
        {
            actions.push(Action::TellCall(gone.call.id, CallNews::TurnedAway));
        }
    }

    /// When the next call is to be given up.
    pub(super) fn turn_call_away_at(&self) -> Option<Millis> {
        let oldest = self.calls.get(self.calls_again())?;
        Some(oldest.since + self.limits.durable_within)
    }

    /// Whether a call was sent and is in no block that we know of. The log may say nothing of it, so every block is a reason to ask.
    pub(super) fn awaits_a_call(&self) -> bool {
        self.live()
            .any(|(_, batch)| batch.phase == Phase::Waiting && batch.first_sent.is_some() && batch.is_call())
    }

    /// The calls that can never be executed as they are signed, in their order, with the gas that they are to be given: what somebody with
    /// another key signs anew.
    pub fn calls_to_sign(&self) -> Vec<(Arc<Call>, u64)> {
        let calls = self.calls.iter();
        calls.map(|waiting| (Arc::clone(&waiting.call), waiting.gas)).collect()
    }

    /// A final block has used a call's nonce: for what.
    pub(super) fn call_seen(&mut self, now: Millis, nonce: Nonce, seen: CallSeen, actions: &mut Vec<Action>) {
        let (final_block, most) = (self.final_block, self.most_call_gas());
        let Some(batch) = self.batches.get_mut(&nonce) else {
            return;
        };
        batch.answered();
        let gas_limit = batch.gas_limit;
        let Phase::Used { by, .. } = &mut batch.phase else {
            return;
        };
        match seen {
            // The block that had used it is on no branch any more.
            CallSeen::Unused => batch.wait_again(now),
            // A reorganisation between the question and the answer: wait for that block to be final.
            CallSeen::Done { block, .. }
            | CallSeen::Refused { block, .. }
            | CallSeen::OutOfGas { block, .. }
            | CallSeen::Another { block }
                if block > final_block =>
            {
                *by = block;
            }
            CallSeen::Done { block, transaction } => batch.settle_call(nonce, block, transaction, None, actions),
            CallSeen::Refused {
                block,
                transaction,
                reason,
            } => batch.settle_call(nonce, block, transaction, Some(reason), actions),
            CallSeen::OutOfGas { block, transaction, .. } if gas_limit >= most => {
                batch.settle_call(nonce, block, transaction, Some(Vec::new()), actions);
            }
            CallSeen::OutOfGas { needed, .. } => {
                let wanted = match needed {
                    Some(needed) if needed > gas_limit => needed.saturating_add(needed / 4),
                    _ => gas_limit.saturating_mul(2),
                };
                self.call_again(now, nonce, wanted);
            }
            CallSeen::Another { .. } => self.call_again(now, nonce, gas_limit),
        }
    }

    /// Its nonce is used for good, and the call was not executed: it is signed under another one.
    fn call_again(&mut self, now: Millis, nonce: Nonce, gas: u64) {
        if let Some(Content::Call(call)) = self.remove(nonce) {
            let since = now;
            self.queue_again(QueuedCall { call, gas, since });
        }
    }

    /// The outbox has noted what came of a call. What is left is a transaction that only has used its nonce, and is forgotten as others are.
    pub(super) fn settled(&mut self, nonce: Nonce) {
        if let Some(batch) = self.batches.get_mut(&nonce) {
            batch.content = Content::Commits(Vec::new());
        }
    }

    /// Forgets what a nonce was used for.
    pub(super) fn remove(&mut self, nonce: Nonce) -> Option<Content> {
        let batch = self.batches.remove(&nonce)?;
        for hash in &batch.hashes {
            self.by_hash.remove(hash);
        }
        Some(batch.content)
    }
}

impl Batch {
    /// It is clear what came of a call, and is noted before anybody is told.
    pub(super) fn settle_call(
        &mut self,
        nonce: Nonce,
        block: u64,
        transaction: Hash,
        refusal: Option<Vec<u8>>,
        actions: &mut Vec<Action>,
    ) {
        self.phase = Phase::Final { block };
        let Content::Call(call) = &self.content else {
            return;
        };
        if !std::mem::replace(&mut self.told, true) {
            let id = call.id;
            let end = CallEnd {
                block,
                transaction,
                refusal,
            };
            actions.push(Action::SettleCall { nonce, id, end });
        }
    }
}
