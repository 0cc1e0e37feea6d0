//! What the appender decides: a state machine without I/O. It is told what was observed ([`Input`]) and answers with what to
//! do ([`Action`]); the runner does it and reports back. So it can be tested against a simulated chain, clock and crashes.
//!
//! A **commit** waits in the queue until it is gathered into a **batch**; a batch has a nonce, and is stored before it is sent. One
//! nonce may be signed several times at rising fees, always with the same calldata; whichever of these is mined counts.
//!
//! ```text
//!  queue -> Storing -> Waiting -----------> Included -> Final -> forgotten
//!    ^                  |  ^ \-> Used --------^ |
//!    |                  |  '--------------------'  a reorganisation
//!    '-- reclaimed -----+-- the nonce went, for good, to a transaction that appended nothing
//! ```
//!
//! What holds for a batch here holds for a **call**, which is alone in its transaction, too; what does not stands in `calls`, and so does what of it
//! is trusted.
//!
//! What it promises:
//! - Nothing is sent that is not stored, and a stored batch is sent again and again until it is final.
//! - Storing needs no node: only the account's next nonce, which the outbox tells as long as it holds a batch, and a fee, which can be
//!   raised later. How many batches a node is given at once bounds the sending, not the storing.
//! - A commit is stored soon, or turned away for good. What is turned away was never stored and never will be.
//! - A batch is `Included` when the follower has applied a block with one of its hashes; never because a node said so alone.
//! - An outcome is told only when it can no longer change: when the block is final. That holds for rejections too. A rejection in
//!   a block that a reorganisation may still drop is no answer: the transaction would be executed again, on another history, and
//!   the commit might be appended behind the back of somebody who has decided anew. With instant finality it costs nothing.
//! - The commits of a batch are signed again under another nonce only when a *final* block has used the batch's nonce and the follower,
//!   which has seen that block, found none of its hashes. Were that ever wrong, the contract would refuse the second copy, for
//!   the first has moved the head that both of them name.
//! - A nonce that no batch has, below one that has, is filled with an empty transaction.
//! - What nobody can tell the end of keeps nothing else from being settled and forgotten. While the outbox holds anything else,
//!   what has its highest nonce is not forgotten, for being final: from that a machine that reaches no node learns which is next.
//! - Commits of a key that nobody signs with any more are signed anew under this one ([`Input::Adopt`]) even if their old transactions may still
//!   be mined: see [`super::adoption`] for why that appends nothing twice.
//! - Running out of gas is no refusal: the commits are signed again with more, in smaller batches where a block has no more. Only a
//!   commit that the contract refuses alone and with gas to spare, or for which the most that a transaction may ask for is too
//!   little, is given up, and that is told.

mod batch;
mod batching;
mod calls;
mod flight;
mod limits;
mod messages;
mod observe;
mod price;
mod receipts;
mod restore;
mod settle;
#[cfg(test)]
mod simulation;
mod surrender;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::fees::Fee;
use crate::chain::gas::{GasRules, Size};
use crate::chain::{Fees, Hash};
use crate::log::Namespace;

use batch::{Batch, Phase, Waiting};
use calls::WaitingCall;
use observe::Missing;

pub use limits::Limits;
pub use messages::{
    Action, CallEnd, CallNews, CallSeen, Execution, Input, NewBatch, NewCall, Queued, QueuedCall, ReceiptSeen,
    SendAnswer,
};
pub use restore::{Need, RestoredBatch, RestoredCommit, Surroundings};
pub use surrender::Surrendered;

/// Milliseconds of a clock that never goes back.
pub type Millis = u64;

/// A transaction's place among those of its sender, from 0.
pub type Nonce = u64;

/// The machine's name for a commit. A command's second attempt has another one than its first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommitKey(pub u64);

/// The machine. See the [module](self).
#[derive(Debug)]
pub struct Machine {
    limits: Limits,
    queue: VecDeque<Waiting>,
    queued: Size,
    calls: VecDeque<WaitingCall>,
    batches: BTreeMap<Nonce, Batch>,
    /// Every batch below this nonce is final. Those that are not forgotten yet must not be walked over for every commit.
    settled_below: Nonce,
    by_hash: HashMap<Hash, Nonce>,
    /// The next nonce without a batch; `None` while neither the outbox nor a node has told it.
    next_nonce: Option<Nonce>,
    /// Whether a node has told the account's nonce. Before that nothing is sent: it may be in a block already.
    heard: bool,
    market: Option<Fees>,
    /// When that was told.
    market_at: Millis,
    asking_fees: bool,
    /// What the account has; `None` until a node has told it.
    funds: Option<u128>,
    /// What the newest batch that was restored offers.
    former_fee: Option<Fee>,
    /// What things cost in gas, as a node says.
    told_gas: GasRules,
    /// What things cost in gas, as far as is known.
    gas: GasRules,
    /// A batch that ran out of gas, and what it is to be given. Whatever a node says, prices that ask less for it are too low.
    ran_out: Option<(Size, u64)>,
    /// How much gas a block has; `None` until a node has said it.
    block_gas: Option<u64>,
    /// The most that a block has had since this process began.
    largest_block: Option<u64>,
    authorized: bool,
    /// The organisation's own namespace, if it appends in others, too.
    own: Option<Namespace>,
    storing: bool,
    /// The newest block that was applied before notices came.
    noticed_after: u64,
    final_block: u64,
    /// When a batch of ours was last seen in a block.
    progress_at: Millis,
    observe_now: bool,
    observing: bool,
    /// When the account's nonce may be asked for next.
    observe_from: Millis,
    /// What the last observation found missing: acted upon if the next finds it again.
    missing: Option<Missing>,
    /// What the last two observations found missing, both.
    agreed: Option<Missing>,
    cleaned_at: Millis,
}

impl Machine {
    fn empty(limits: Limits, now: Millis) -> Self {
        Self {
            limits,
            told_gas: limits.gas,
            gas: limits.gas,
            ran_out: None,
            block_gas: None,
            largest_block: None,
            queue: VecDeque::new(),
            queued: Size::default(),
            calls: VecDeque::new(),
            batches: BTreeMap::new(),
            settled_below: 0,
            by_hash: HashMap::new(),
            next_nonce: None,
            heard: false,
            market: None,
            market_at: now,
            asking_fees: false,
            funds: None,
            former_fee: None,
            authorized: true,
            own: None,
            storing: false,
            noticed_after: 0,
            final_block: 0,
            progress_at: now,
            observe_now: false,
            observing: false,
            observe_from: now,
            missing: None,
            agreed: None,
            cleaned_at: now,
        }
    }

    /// The same, where this is the organisation's own namespace, and it appends in others, too.
    #[must_use]
    pub const fn of(mut self, own: Namespace) -> Self {
        self.own = Some(own);
        self
    }

    /// Takes an observation in and appends what is to be done to `actions`.
    pub fn on(&mut self, now: Millis, input: Input<'_>, actions: &mut Vec<Action>) {
        match input {
            Input::Tick => {}
            Input::Queue(commit) => self.queue(commit),
            Input::Adopt(commits) => self.adopt(commits),
            Input::QueueCall(call) => self.queue_call(call),
            Input::AdoptCalls(calls) => self.adopt_calls(calls),
            Input::Fees(fees) => {
                self.market = Some(fees);
                self.market_at = now;
                self.asking_fees = false;
            }
            Input::Funds(funds) => self.funds = Some(funds),
            Input::BlockGas(gas) => {
                self.block_gas = Some(gas);
                self.largest_block = self.largest_block.max(Some(gas));
            }
            Input::GasRules(rules) => self.learn(rules),
            Input::Stored {
                nonce,
                hash,
                duplicates,
            } => self.stored(now, nonce, hash, &duplicates, actions),
            Input::NothingStored { nonce } => self.nothing_stored(nonce, actions),
            Input::CallStored {
                nonce,
                hash,
                fee,
                gas_limit,
            } => self.call_stored(now, nonce, hash, fee, gas_limit, actions),
            Input::CallStands { nonce, is_the_same } => self.call_stands(nonce, is_the_same, actions),
            Input::Replaced { nonce, hash, fee } => self.replaced(now, nonce, hash, fee),
            Input::Sent { nonce, answer } => self.sent(now, nonce, answer, actions),
            Input::NonceSeen { head, count } => self.nonce_seen(now, head, count, actions),
            Input::NonceUnknown => self.observing = false,
            Input::ReceiptSeen { nonce, used, receipt } => self.receipt_seen(now, nonce, used, receipt, actions),
            Input::CallSeen { nonce, seen } => self.call_seen(now, nonce, seen, actions),
            Input::Settled { nonce } => self.settled(nonce),
            Input::ReceiptUnknown { nonce } => self.receipt_unknown(now, nonce),
            Input::Authorized(authorized) => self.authorized = authorized,
            Input::Applied {
                block,
                appended,
                rejected,
            } => self.applied(now, block, appended, rejected, actions),
            Input::Reverted { to } => self.reverted(now, to),
            Input::Finalized { block } => self.finalized(block, actions),
        }
        self.settled_below = self.lowest_unsettled();
        self.gather(now, actions);
        self.turn_away(now, actions);
        self.turn_calls_away(now, actions);
        self.fly(now, actions);
        self.clean(now, actions);
    }

    /// When to tick at the latest; `None` when only something new can change anything.
    pub fn wake_at(&self) -> Option<Millis> {
        let [calls, turned_away] = [self.gather_call_at(), self.turn_call_away_at()];
        let [commits, others] = [self.gather_commits_at(), self.turn_away_at()];
        [calls, turned_away, commits, others, self.fly_at(), self.clean_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The batches that are not final, and a few that are.
    fn live(&self) -> impl Iterator<Item = (&Nonce, &Batch)> {
        self.batches.range(self.settled_below..)
    }

    fn lowest_unsettled(&self) -> Nonce {
        let unsettled = self
            .live()
            .find(|(_, batch)| !matches!(batch.phase, Phase::Final { .. }));
        unsettled.map_or(self.next_nonce.unwrap_or_default(), |(nonce, _)| *nonce)
    }

    /// How many commits wait for a batch, and calls for a transaction.
    pub fn queue_len(&self) -> usize {
        self.queue.len() + self.calls.len()
    }

    /// How many batches are on their way into a block.
    pub fn in_flight(&self) -> usize {
        self.live().filter(|(_, batch)| batch.is_on_its_way()).count()
    }

    /// How many batches the outbox has that are not final.
    pub fn unsettled(&self) -> usize {
        self.live()
            .filter(|(_, batch)| !matches!(batch.phase, Phase::Final { .. }))
            .count()
    }

    /// For how long nothing was mined although a transaction was sent; `None` when none waits.
    pub fn unmined_for(&self, now: Millis) -> Option<Millis> {
        let waiting = self.live().filter(|(_, batch)| batch.phase == Phase::Waiting);
        let sent = waiting.filter_map(|(_, batch)| batch.first_sent).min()?;
        Some(now.saturating_sub(sent.max(self.progress_at)))
    }

    /// For how long nobody has been able to tell for what the nonce of a transaction was used that a final block has used; `None` when nothing is so.
    pub fn undecided_for(&self, now: Millis) -> Option<Millis> {
        let since = self.live().filter_map(|(_, batch)| batch.undecided);
        since.map(|(since, _)| now.saturating_sub(since)).max()
    }

    /// Since when the oldest commit or call that is not settled has been waiting, as far as this process knows.
    pub fn oldest(&self) -> Option<Millis> {
        let batches = self.live().map(|(_, batch)| batch);
        let batches = batches.filter(|batch| !matches!(batch.phase, Phase::Final { .. }));
        let oldest = batches.map(|batch| batch.first_sent.unwrap_or(batch.next_send)).min();
        let commit = self.queue.front().map(|commit| commit.since);
        let call = self.calls.front().map(|call| call.since);
        [oldest, commit, call].into_iter().flatten().min()
    }

    /// The next nonce that has no batch, as far as is known.
    pub const fn next_nonce(&self) -> Option<Nonce> {
        self.next_nonce
    }

    /// What things cost in gas, as a node says.
    pub const fn told_gas(&self) -> &GasRules {
        &self.told_gas
    }
}
