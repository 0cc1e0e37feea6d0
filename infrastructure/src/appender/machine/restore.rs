//! A machine over what an outbox holds, after a restart or a takeover.

use std::sync::Arc;

use super::batch::{Batch, Content, Member, Phase};
use super::observe::Missing;
use super::{CommitKey, Limits, Machine, Millis, Nonce};
use crate::appender::fees::Fee;
use crate::calls::Call;
use crate::chain::Hash;
use crate::chain::gas::Size;
use crate::log::Commit;

/// A batch as the outbox holds it.
#[derive(Clone, Debug)]
pub struct RestoredBatch {
    /// Its nonce.
    pub nonce: Nonce,
    /// What its commits are, all of them, in the order of the batch.
    pub commits: Vec<RestoredCommit>,
    /// The call, if it is one and nothing is known to have come of it.
    pub call: Option<Arc<Call>>,
    /// The hashes of all its signatures, the newest last.
    pub hashes: Vec<Hash>,
    /// What the newest offers.
    pub fee: Fee,
    /// How much gas it asks for.
    pub gas_limit: u64,
}

/// A commit of such a batch.
#[derive(Clone, Debug)]
pub struct RestoredCommit {
    /// `None` when the outbox does not hold it in this batch any more: it was moved to another, or given up.
    pub key: Option<CommitKey>,
    /// The commit.
    pub commit: Arc<Commit>,
}

/// How far the follower was when the outbox was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Surroundings {
    /// The follower's last block, at a moment after which all its notices are heard.
    pub applied: u64,
    /// The last block that is final.
    pub final_block: u64,
}

/// Why transactions do not go on as they are signed, so that their commits have to be signed anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// The transactions of so many commits came to nothing.
    Signatures(usize),
    /// This nonce has no transaction, and a higher one has.
    Nonce(Nonce),
    /// A transaction offers less than the chain asks.
    Fee,
    /// Nothing was mined for long, whatever the reason: the account may lack funds, or a node refuses what it is sent.
    Stuck,
}

impl Machine {
    /// The same machine where the signing key is not there: nothing new is signed, whatever happens. It must not be told any fees.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        // Who does not know what to offer signs nothing.
        (self.market, self.former_fee) = (None, None);
        self
    }

    /// Why a machine without the key cannot see its transactions through, where one with the key would sign something. `base` is what the
    /// newest block asks for gas. Calls that have to be signed again are no reason: they are taken over by themselves ([`Self::calls_to_sign`]).
    pub fn needs_key(&self, now: Millis, base: u128) -> Option<Need> {
        if !self.queue.is_empty() {
            return Some(Need::Signatures(self.queue.len()));
        }
        if let Some(Missing::Nonce(nonce)) = self.agreed {
            return Some(Need::Nonce(nonce));
        }
        // Before a node has told the account's nonce, what seems to wait may be in a block already.
        let first = self.waiting().next().filter(|_| self.heard)?;
        if self
            .waiting()
            .any(|batch| batch.underpriced.is_some() || batch.fee.max < base)
        {
            return Some(Need::Fee);
        }
        let since = first.first_sent?.max(self.progress_at);
        (now >= since.saturating_add(self.limits.reprice_after)).then_some(Need::Stuck)
    }

    /// The commits that nothing is known to have become of, in their order: what somebody with another key takes over who signs them
    /// anew. All of them, for one may have been decided on top of another. No calls, see [`Self::calls_to_sign`].
    pub fn bequest(&self) -> Vec<Arc<Commit>> {
        let queued = self.queue.iter().map(|waiting| &waiting.commit);
        let members = self.waiting().flat_map(Batch::members);
        let members = members
            .filter(|member| member.key.is_some())
            .map(|member| &member.commit);
        queued.chain(members).cloned().collect()
    }

    /// The batches that are in no block that we know of.
    fn waiting(&self) -> impl Iterator<Item = &Batch> {
        self.live()
            .map(|(_, batch)| batch)
            .filter(|batch| batch.phase == Phase::Waiting)
    }

    /// A machine that sees these batches through. It asks for the account's nonce first; which of the batches are in a block shows
    /// then. Until a node has answered nothing is sent; but new batches are stored, if the outbox tells which nonce is next.
    pub fn restored(limits: Limits, around: Surroundings, batches: Vec<RestoredBatch>, now: Millis) -> Self {
        let mut machine = Self::empty(limits, now);
        machine.noticed_after = around.applied;
        machine.final_block = around.final_block;
        for RestoredBatch {
            nonce,
            commits,
            call,
            hashes,
            fee,
            gas_limit,
        } in batches
        {
            let members: Vec<_> = commits
                .into_iter()
                .map(|RestoredCommit { key, commit }| {
                    let size = Size::of(&commit).unwrap_or_default();
                    Member {
                        key,
                        commit,
                        size,
                        since: now,
                        refusals: 0,
                    }
                })
                .collect();
            machine.by_hash.extend(hashes.iter().map(|hash| (*hash, nonce)));
            if machine.next_nonce <= Some(nonce) {
                machine.next_nonce = Some(nonce + 1);
                machine.former_fee = Some(fee);
            }
            let content = call.map_or(Content::Commits(members), Content::Call);
            let batch = Batch {
                hashes,
                ..Batch::new(content, fee, gas_limit, Phase::Waiting, now)
            };
            // The former process may have learned that the chain is dear; this one need not run out of gas again to see it.
            if !batch.members().is_empty() {
                machine.gas = machine.gas.covering(batch.size(), gas_limit);
            }
            machine.batches.insert(nonce, batch);
        }
        machine
    }
}

#[cfg(test)]
mod tests {
    use application::log::StreamId;
    use domain::kernel::CommandId;
    use uuid::Uuid;

    use super::super::{Action, Input, SendAnswer};
    use super::*;
    use crate::log::{Payload, StreamHead, StreamPart};

    const BASE: u128 = 100;

    /// What a former key has left: a transaction with one commit for each of these nonces.
    fn left(nonces: &[Nonce]) -> Machine {
        let around = Surroundings {
            applied: 9,
            final_block: 9,
        };
        let batch = |nonce: &Nonce| RestoredBatch {
            nonce: *nonce,
            commits: vec![commit(*nonce)],
            call: None,
            hashes: vec![[u8::try_from(*nonce).unwrap(); 32]],
            fee: Fee {
                max: 2 * BASE,
                priority: 1,
            },
            gas_limit: 100_000,
        };
        let batches = nonces.iter().map(batch).collect();
        Machine::restored(Limits::default(), around, batches, 0).without_key()
    }

    fn commit(number: u64) -> RestoredCommit {
        let part = StreamPart {
            stream: StreamId([1; 32]),
            expected: StreamHead::default(),
            payloads: vec![Payload::from(&number.to_be_bytes()[..])],
        };
        RestoredCommit {
            key: Some(CommitKey(number)),
            commit: Arc::new(Commit {
                command_id: CommandId::new(Uuid::from_u128(number.into())),
                parts: vec![part],
            }),
        }
    }

    /// Tells it, and makes sure that it signs nothing.
    fn told(machine: &mut Machine, now: Millis, input: Input<'_>) {
        let mut actions = Vec::new();
        machine.on(now, input, &mut actions);
        let signs = |action: &Action| matches!(action, Action::Store(_) | Action::Replace { .. });
        assert!(!actions.iter().any(signs), "{actions:?}");
    }

    const fn seen(count: Nonce) -> Input<'static> {
        Input::NonceSeen { head: 9, count }
    }

    fn commands(machine: &Machine) -> Vec<u128> {
        let commits = machine.bequest().into_iter();
        commits.map(|commit| commit.command_id.uuid().as_u128()).collect()
    }

    #[test]
    fn what_goes_on_as_it_is_signed_needs_no_key() {
        let mut machine = left(&[0, 1]);
        assert_eq!(
            machine.needs_key(0, 1_000 * BASE),
            None,
            "nobody knows yet whether they are mined"
        );
        told(&mut machine, 1, seen(0));
        assert_eq!(machine.needs_key(1, 2 * BASE), None);
    }

    #[test]
    fn a_gap_that_was_seen_twice_takes_everything_behind_it_in_order() {
        let mut machine = left(&[1, 2]);
        told(&mut machine, 1, seen(0));
        assert_eq!(machine.needs_key(1, BASE), None, "a node may lag behind");
        told(&mut machine, 2_000, seen(0));
        assert_eq!(machine.needs_key(2_000, BASE), Some(Need::Nonce(0)));
        assert_eq!(commands(&machine), [1, 2]);
    }

    #[test]
    fn a_fee_that_is_too_low_now_takes_a_new_signature() {
        let mut machine = left(&[0, 1]);
        told(&mut machine, 1, seen(0));
        assert_eq!(machine.needs_key(1, 2 * BASE + 1), Some(Need::Fee));
        assert_eq!(machine.needs_key(2, 2 * BASE), None);
        let (nonce, answer) = (0, SendAnswer::Underpriced);
        told(&mut machine, 3, Input::Sent { nonce, answer });
        assert_eq!(machine.needs_key(3, BASE), Some(Need::Fee));
        assert_eq!(commands(&machine), [0, 1]);
    }

    #[test]
    fn what_is_sent_and_not_mined_for_long_takes_a_new_signature_whatever_the_reason() {
        for answer in [SendAnswer::Taken, SendAnswer::CannotPay, SendAnswer::Refused] {
            let mut machine = left(&[0, 1]);
            told(&mut machine, 1, seen(0));
            for nonce in [0, 1] {
                told(&mut machine, 2, Input::Sent { nonce, answer });
            }
            let patience = Limits::default().reprice_after;
            assert_eq!(machine.needs_key(patience, BASE), None);
            assert_eq!(machine.needs_key(patience + 1, BASE), Some(Need::Stuck));
            assert_eq!(commands(&machine), [0, 1]);
        }
    }

    #[test]
    fn what_came_to_nothing_is_taken_over_with_what_waits_behind_it() {
        let mut machine = left(&[0, 1, 2]);
        told(&mut machine, 1, seen(2));
        // The first was somebody else's; what the second came to nobody knows yet.
        let (nonce, used, receipt) = (0, true, None);
        told(&mut machine, 2, Input::ReceiptSeen { nonce, used, receipt });
        assert_eq!(machine.needs_key(2, BASE), Some(Need::Signatures(1)));
        assert_eq!(commands(&machine), [0, 2]);
    }
}
