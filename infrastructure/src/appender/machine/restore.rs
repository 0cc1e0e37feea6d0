//! A machine over what an outbox holds, after a restart or a takeover.

use std::sync::Arc;

use super::super::fees::Fee;
use super::{Batch, CommitKey, Limits, Machine, Member, Millis, Missing, Nonce, Phase};
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
    /// The transaction of so many commits came to nothing.
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

    /// Why a machine without the key cannot see its commits through, where one with the key would sign something. `base` is what the
    /// newest block asks for gas.
    pub fn needs_key(&self, now: Millis, base: u128) -> Option<Need> {
        if !self.queue.is_empty() {
            return Some(Need::Signatures(self.queue.len()));
        }
        if let Some(Missing::Nonce(nonce)) = self.agreed {
            return Some(Need::Nonce(nonce));
        }
        let first = self.waiting().next()?;
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
    /// anew. All of them, for one may have been decided on top of another.
    pub fn bequest(&self) -> Vec<Arc<Commit>> {
        let queued = self.queue.iter().map(|waiting| &waiting.commit);
        let members = self.waiting().flat_map(|batch| &batch.members);
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
            let batch = Batch {
                hashes,
                ..Batch::new(members, fee, gas_limit, Phase::Waiting, now)
            };
            // The former process may have learned that the chain is dear; this one need not run out of gas again to see it.
            if !batch.members.is_empty() {
                machine.gas = machine.gas.covering(batch.size(), gas_limit);
            }
            machine.batches.insert(nonce, batch);
        }
        machine
    }
}
