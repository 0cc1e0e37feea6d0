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
//! - Commits of a key that nobody signs with any more are signed anew under this one ([`Input::Adopt`]) even if their old transactions may still
//!   be mined: see [`super::adoption`] for why that appends nothing twice.
//! - Running out of gas is no refusal: the commits are signed again with more, in smaller batches where a block has no more. Only a
//!   commit that the contract refuses alone and with gas to spare, or for which the most that a transaction may ask for is too
//!   little, is given up, and that is told.

mod flight;
mod gather;
mod restore;
mod settle;
#[cfg(test)]
mod simulation;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::fees::Fee;
use crate::chain::gas::{GasBounds, GasRules, Size, TRANSACTION_CAP};
use crate::chain::{Fees, Hash};
use crate::log::{Commit, CommitOutcome, RejectedCommit, StreamHead};
use crate::notices::AppliedEvent;
use application::log::{Position, StreamId};
use domain::kernel::CommandId;

pub use restore::{Need, RestoredBatch, RestoredCommit, Surroundings};

/// Milliseconds of a clock that never goes back.
pub type Millis = u64;

/// A transaction's place among those of its sender, from 0.
pub type Nonce = u64;

/// The machine's name for a commit. A command's second attempt has another one than its first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommitKey(pub u64);

/// What bounds the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many batches are made without much waiting while others are on their way into a block.
    pub window: usize,
    /// How long a commit may wait for company, for each batch that is already on its way. With none on its way it does not wait.
    pub linger: Millis,
    /// How long a commit waits for company once the window is full: what is stored now is not mined soon, and every transaction costs.
    pub company: Millis,
    /// How many batches may be on their way at all. Beyond that nothing is stored, and what waits is turned away in the end.
    pub depth: usize,
    /// How long a commit may wait for a batch before it is turned away.
    pub durable_within: Millis,
    /// How many bytes a batch may have.
    pub batch_bytes: usize,
    /// How much gas a transaction may ask for, without what is metered apart.
    pub batch_gas: u64,
    /// What gas costs at least.
    pub gas: GasRules,
    /// The most a transaction may pay for a unit of gas, in wei.
    pub fee_ceiling: u128,
    /// When a transaction that a node took is sent again, the first time; then half as often each time.
    pub resend_after: Millis,
    /// When a transaction is replaced by one with a higher fee, if nothing was mined for so long.
    pub reprice_after: Millis,
    /// The first pause after a node refused or did not answer; then twice as long each time.
    pub retry_after: Millis,
    /// The longest pause between two attempts.
    pub retry_at_most: Millis,
    /// How often the account's nonce is asked for while something is unclear.
    pub observe_every: Millis,
    /// How often the contract may refuse a commit that is alone in its transaction before the commit is given up.
    pub refusals: u32,
}

impl Limits {
    /// Whether one transaction can hold so much, under these rules, in blocks that have so much gas.
    pub fn hold(&self, size: Size, rules: &GasRules, block: u64) -> bool {
        size.bytes <= self.batch_bytes && rules.fit(size, self.gas_bounds(block))
    }

    const fn gas_bounds(&self, block: u64) -> GasBounds {
        GasBounds {
            cap: self.batch_gas,
            block,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: 8,
            linger: 3,
            company: 1_000,
            depth: 512,
            durable_within: 5_000,
            // Nodes take transactions of 128 KiB, all fields included.
            batch_bytes: (128 << 10) - 1024,
            batch_gas: TRANSACTION_CAP - 100_000,
            gas: GasRules::TODAY,
            fee_ceiling: 1_000_000_000_000,
            resend_after: 3_000,
            reprice_after: 30_000,
            retry_after: 100,
            retry_at_most: 10_000,
            observe_every: 1_000,
            refusals: 3,
        }
    }
}

/// At most so many transactions are in a node's pool at once, whatever was restored: some nodes stall over long pools.
const POOL: usize = 64;

/// What a batch may ask for while no node has said how much gas a block has: less than the blocks of any chain worth the name.
const BLIND_GAS: u64 = 5_000_000;

/// A commit that waits for a batch.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Its name here.
    pub key: CommitKey,
    /// The commit.
    pub commit: Arc<Commit>,
    /// What it takes of a transaction.
    pub size: Size,
    /// When it was handed over.
    pub since: Millis,
}

/// A batch to sign and to store.
#[derive(Clone, Debug)]
pub struct NewBatch {
    /// Its nonce.
    pub nonce: Nonce,
    /// The commits that the outbox does not have yet.
    pub fresh: Vec<(CommitKey, Arc<Commit>)>,
    /// Commits whose batch came to nothing, and those that were adopted: the outbox has them, under another nonce or key. They come first
    /// in the batch.
    pub moved: Vec<(CommitKey, Arc<Commit>)>,
    /// What it offers.
    pub fee: Fee,
    /// Its gas limit.
    pub gas_limit: u64,
}

/// What the runner does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Sign and store; answer with [`Input::Stored`] or [`Input::NothingStored`]. A batch without commits fills a gap in the nonces.
    Store(NewBatch),
    /// Sign the stored batch at another fee and store that beside it; answer with [`Input::Replaced`].
    Replace {
        /// Which.
        nonce: Nonce,
        /// What it offers now.
        fee: Fee,
    },
    /// Send the newest signature of the batch; answer with [`Input::Sent`].
    Send {
        /// Which.
        nonce: Nonce,
        /// Its hash.
        hash: Hash,
    },
    /// Ask what gas costs now; answer with [`Input::Fees`]. If nobody answers, the next regular question does.
    AskFees,
    /// Ask what things cost in gas, for one was dearer than is known; answer with [`Input::GasRules`].
    AskGasRules,
    /// Ask for the account's nonce, *then* for the newest block's number; answer with [`Input::NonceSeen`] or [`Input::NonceUnknown`].
    AskNonce,
    /// Ask for the account's nonce as of the final block, *then* for the receipts of all its signatures; answer with [`Input::ReceiptSeen`]
    /// or [`Input::ReceiptUnknown`].
    AskReceipt {
        /// Whose.
        nonce: Nonce,
        /// The final block.
        final_block: u64,
    },
    /// The commit and its keys are durable: tell whoever waits.
    Accepted(CommitKey),
    /// The commit was not stored in good time, and never will be: tell whoever waits.
    TurnAway(CommitKey),
    /// The batch is in a block: nothing to do but to count.
    Mined {
        /// Which.
        nonce: Nonce,
    },
    /// The contract's last word on these commits was no: their commands may come again. To be stored before anything after it is.
    MarkRejected(Vec<CommandId>),
    /// It is clear what became of the commit: tell whoever waits.
    Resolve(CommitKey, CommitOutcome),
    /// The outbox may forget these batches, with their commits.
    Forget(Vec<Nonce>),
    /// The outbox must note that this commit can never be appended, and forget it with its batch, in which it is alone. Whoever waits is
    /// told when that is durable: until then another server would append it.
    Refuse {
        /// Which.
        key: CommitKey,
        /// Its command.
        command: CommandId,
        /// Its batch.
        nonce: Nonce,
    },
}

/// What a node answered to a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendAnswer {
    /// It took it, or had it already.
    Taken,
    /// Its nonce is used.
    NonceTooLow,
    /// It offers too little.
    Underpriced,
    /// Its account cannot pay for it.
    CannotPay,
    /// It was refused for another reason, or nobody answered.
    Refused,
}

/// What a node said about a nonce's transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReceiptSeen {
    /// The block it is in.
    pub block: u64,
    /// What came of it.
    pub execution: Execution,
}

/// What came of a transaction that is in a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Execution {
    /// It did what it should.
    Succeeded,
    /// It ran out of gas. That says nothing about its commits.
    OutOfGas {
        /// What a node would give it now; `None` when that is not known.
        needed: Option<u64>,
    },
    /// Its account may not append.
    Unauthorized,
    /// The contract refused it, with gas to spare.
    Refused,
}

/// What the runner observed.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// Time has passed.
    Tick,
    /// A commit was handed over.
    Queue(Queued),
    /// Commits that another key's outbox has, and whose transactions do not go on: they are signed anew here.
    Adopt(Vec<Queued>),
    /// What gas costs.
    Fees(Fees),
    /// What the account has, in wei.
    Funds(u128),
    /// How much gas a block has.
    BlockGas(u64),
    /// What things cost in gas.
    GasRules(GasRules),
    /// A batch is in the outbox.
    Stored {
        /// Which.
        nonce: Nonce,
        /// Its transaction's hash.
        hash: Hash,
        /// The commits that were left out, because the outbox has another one of the same command.
        duplicates: Vec<CommitKey>,
    },
    /// All commits of a batch were duplicates: nothing was stored, and the nonce is free.
    NothingStored {
        /// Which.
        nonce: Nonce,
    },
    /// A replacement is in the outbox.
    Replaced {
        /// Of which.
        nonce: Nonce,
        /// Its hash.
        hash: Hash,
        /// What it offers.
        fee: Fee,
    },
    /// A node answered, or did not.
    Sent {
        /// Which.
        nonce: Nonce,
        /// What it said.
        answer: SendAnswer,
    },
    /// The account's nonce, and a block that is not older than that answer.
    NonceSeen {
        /// The block's number.
        head: u64,
        /// The nonce: how many transactions are in blocks.
        count: Nonce,
    },
    /// No node told the nonce.
    NonceUnknown,
    /// What a node says about a batch's transaction; `None` when no hash of it is in a block.
    ReceiptSeen {
        /// Which.
        nonce: Nonce,
        /// Whether the final block, or one before it, has used the nonce.
        used: bool,
        /// What it says.
        receipt: Option<ReceiptSeen>,
    },
    /// No node told.
    ReceiptUnknown {
        /// Which.
        nonce: Nonce,
    },
    /// Whether the account may append.
    Authorized(bool),
    /// The follower applied a block.
    Applied {
        /// Its number.
        block: u64,
        /// Its events.
        appended: &'a [AppliedEvent],
        /// Its rejections.
        rejected: &'a [RejectedCommit],
    },
    /// The follower undid every block above this one.
    Reverted {
        /// The last that stands.
        to: u64,
    },
    /// Every block up to this one is final.
    Finalized {
        /// The block.
        block: u64,
    },
}

/// A commit's place in a batch.
#[derive(Clone, Debug)]
struct Member {
    /// `None` when the outbox knows it under another nonce meanwhile.
    key: Option<CommitKey>,
    commit: Arc<Commit>,
    size: Size,
    since: Millis,
    /// How often it was refused, alone in its batch.
    refusals: u32,
}

/// What a block said about a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Appended { last: Position },
    Rejected { stream: StreamId, actual: StreamHead },
    Unclear,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Phase {
    /// Being signed and stored.
    Storing,
    /// In the outbox, and in no block that we know of.
    Waiting,
    /// The account's nonce says that its nonce was used by this block at the latest. By whom is unclear.
    Used { by: u64, contradictions: u32 },
    /// In a block.
    Included { block: u64, verdicts: Vec<Verdict> },
    /// In a final block, and everybody has been told.
    Final { block: u64 },
}

#[derive(Clone, Debug)]
struct Batch {
    members: Vec<Member>,
    fee: Fee,
    gas_limit: u64,
    hashes: Vec<Hash>,
    phase: Phase,
    /// A node took it, as far as we know.
    pooled: bool,
    /// Since when a node says that it offers too little.
    underpriced: Option<Millis>,
    /// A node says that the account cannot pay for it.
    unpaid: bool,
    /// How many signatures before the newest one is sent next: one that the account cannot pay for must not keep an older one, which it can,
    /// from being sent again.
    back: usize,
    /// How often it was sent since something last changed.
    attempts: u32,
    next_send: Millis,
    first_sent: Option<Millis>,
    priced_at: Millis,
    sending: bool,
    replacing: bool,
    asking: bool,
    /// Whoever waited for its commits has been told. What is told is never told again, whatever the chain does.
    told: bool,
}

impl Batch {
    fn new(members: Vec<Member>, fee: Fee, gas_limit: u64, phase: Phase, now: Millis) -> Self {
        Self {
            members,
            fee,
            gas_limit,
            hashes: Vec::new(),
            phase,
            pooled: false,
            underpriced: None,
            unpaid: false,
            back: 0,
            attempts: 0,
            next_send: now,
            first_sent: None,
            priced_at: now,
            sending: false,
            replacing: false,
            asking: false,
            told: false,
        }
    }

    /// What its commits take of a transaction.
    fn size(&self) -> Size {
        let sizes = self.members.iter().map(|member| member.size);
        sizes.fold(Size::default(), Size::plus)
    }

    /// The signature to send next.
    fn signature(&self) -> Option<Hash> {
        self.hashes.iter().rev().nth(self.back).or(self.hashes.last()).copied()
    }

    fn is_on_its_way(&self) -> bool {
        matches!(self.phase, Phase::Storing | Phase::Waiting)
    }

    /// Back to the pool, as if it had never been sent.
    fn wait_again(&mut self, now: Millis) {
        self.phase = Phase::Waiting;
        self.pooled = false;
        self.underpriced = None;
        self.unpaid = false;
        self.attempts = 0;
        self.next_send = now;
        self.priced_at = now;
        self.asking = false;
    }
}

/// A commit in the queue.
#[derive(Clone, Debug)]
struct Waiting {
    key: CommitKey,
    commit: Arc<Commit>,
    size: Size,
    since: Millis,
    refusals: u32,
    retry: Option<Retry>,
}

/// A commit that was in a batch before, of this key or of another: the outbox has it.
#[derive(Clone, Copy, Debug)]
struct Retry {
    /// How many commits its next batch may have.
    company: usize,
}

/// The machine. See the [module](self).
#[derive(Debug)]
pub struct Machine {
    limits: Limits,
    queue: VecDeque<Waiting>,
    queued: Size,
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
    authorized: bool,
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

/// Something that the chain does not have though it should. One answer may come from a node that lags behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Missing {
    /// Nobody has this nonce, and somebody has a higher one.
    Nonce(Nonce),
    /// The chain has forgotten what was in a block: everything from this nonce on.
    Blocks(Nonce),
    /// Nothing is under way, and the chain's next nonce is lower than ours.
    Idle(Nonce),
}

impl Machine {
    fn empty(limits: Limits, now: Millis) -> Self {
        Self {
            limits,
            told_gas: limits.gas,
            gas: limits.gas,
            ran_out: None,
            block_gas: None,
            queue: VecDeque::new(),
            queued: Size::default(),
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

    /// Takes an observation in and appends what is to be done to `actions`.
    pub fn on(&mut self, now: Millis, input: Input<'_>, actions: &mut Vec<Action>) {
        match input {
            Input::Tick => {}
            Input::Queue(commit) => self.queue(commit),
            Input::Adopt(commits) => self.adopt(commits),
            Input::Fees(fees) => {
                self.market = Some(fees);
                self.market_at = now;
                self.asking_fees = false;
            }
            Input::Funds(funds) => self.funds = Some(funds),
            Input::BlockGas(gas) => self.block_gas = Some(gas),
            Input::GasRules(rules) => self.learn(rules),
            Input::Stored {
                nonce,
                hash,
                duplicates,
            } => self.stored(now, nonce, hash, &duplicates, actions),
            Input::NothingStored { nonce } => self.nothing_stored(nonce, actions),
            Input::Replaced { nonce, hash, fee } => self.replaced(now, nonce, hash, fee),
            Input::Sent { nonce, answer } => self.sent(now, nonce, answer),
            Input::NonceSeen { head, count } => self.nonce_seen(now, head, count, actions),
            Input::NonceUnknown => self.observing = false,
            Input::ReceiptSeen { nonce, used, receipt } => self.receipt_seen(now, nonce, used, receipt, actions),
            Input::ReceiptUnknown { nonce } => self.receipt_unknown(nonce),
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
        self.fly(now, actions);
        self.clean(now, actions);
    }

    /// When to tick at the latest; `None` when only something new can change anything.
    pub fn wake_at(&self) -> Option<Millis> {
        [self.gather_at(), self.turn_away_at(), self.fly_at(), self.clean_at()]
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

    /// How many commits wait for a batch.
    pub fn queue_len(&self) -> usize {
        self.queue.len()
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

    /// Since when the oldest commit that is not settled has been waiting, as far as this process knows.
    pub fn oldest(&self) -> Option<Millis> {
        let batches = self.live().map(|(_, batch)| batch);
        let batches = batches.filter(|batch| !matches!(batch.phase, Phase::Final { .. }));
        let oldest = batches.map(|batch| batch.first_sent.unwrap_or(batch.next_send)).min();
        [oldest, self.queue.front().map(|commit| commit.since)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether the account may append, as far as is known.
    pub const fn is_authorized(&self) -> bool {
        self.authorized
    }

    /// The next nonce that has no batch, as far as is known.
    pub const fn next_nonce(&self) -> Option<Nonce> {
        self.next_nonce
    }

    /// What things cost in gas, as a node says.
    pub const fn told_gas(&self) -> &GasRules {
        &self.told_gas
    }

    /// Takes over what a node says that things cost: not less than is certain.
    fn learn(&mut self, rules: GasRules) {
        self.told_gas = rules.at_least(self.limits.gas);
        self.gas = match self.ran_out {
            Some((size, gas)) => self.told_gas.covering(size, gas),
            None => self.told_gas,
        };
    }

    /// A batch ran out that no gas would have been enough for: that says nothing about others.
    const fn forget_what_ran_out(&mut self) {
        self.ran_out = None;
        self.gas = self.told_gas;
    }

    /// Whether one transaction can hold so much, as far as is known.
    fn holds(&self, size: Size) -> bool {
        self.limits.hold(size, &self.gas, self.block_gas.unwrap_or(BLIND_GAS))
    }

    /// What a transaction with so much asks for: what it takes, as long as it may.
    fn gas_limit(&self, size: Size) -> u64 {
        self.gas.limit(size).min(self.most_gas(size))
    }

    /// The most that a transaction with so much may ask for, as far as is known.
    fn most_gas(&self, size: Size) -> u64 {
        let bounds = self.limits.gas_bounds(self.block_gas.unwrap_or(u64::MAX));
        self.gas.most(size, bounds)
    }

    /// What a batch with this gas limit offers that is made now: what the market asks, or what was offered last.
    fn fee(&self, gas_limit: u64) -> Option<Fee> {
        let market = self.market.map(|market| affordable(market, self.funds, gas_limit));
        market
            .map(|market| Fee::of(market, self.limits.fee_ceiling))
            .or(self.former_fee)
    }

    /// Whether it is known what to offer.
    const fn knows_a_fee(&self) -> bool {
        self.market.is_some() || self.former_fee.is_some()
    }

    /// Gives everything up: the lease is lost, or the server stops. Whoever waits for a commit that is durable is told that it is
    /// handed over; the others are answered, in order.
    pub fn surrender(self, actions: &mut Vec<Action>) -> Surrendered {
        let mut rest = Surrendered::default();
        for batch in self.batches.into_values() {
            let members = batch.members.into_iter().filter_map(|member| {
                Some(Queued {
                    key: member.key?,
                    commit: member.commit,
                    size: member.size,
                    since: member.since,
                })
            });
            match batch.phase {
                Phase::Final { .. } => {}
                Phase::Storing => rest.storing.extend(members),
                _ => actions.extend(members.map(|member| Action::Resolve(member.key, CommitOutcome::HandedOver))),
            }
        }
        for Waiting {
            key,
            commit,
            size,
            since,
            retry,
            ..
        } in self.queue
        {
            match retry {
                Some(_) => actions.push(Action::Resolve(key, CommitOutcome::HandedOver)),
                None => rest.queued.push(Queued {
                    key,
                    commit,
                    size,
                    since,
                }),
            }
        }
        rest
    }
}

/// The commits of a machine that was given up which are not known to be durable.
#[derive(Clone, Debug, Default)]
pub struct Surrendered {
    /// Their batch was being stored: they may be durable.
    pub storing: Vec<Queued>,
    /// They are not.
    pub queued: Vec<Queued>,
}

/// What the market asks of an account that has so much, as far as that is known.
fn affordable(market: Fees, funds: Option<u128>, gas_limit: u64) -> Fees {
    funds.map_or(market, |funds| market.affordable(funds, gas_limit))
}
