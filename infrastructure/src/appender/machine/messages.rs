//! What the machine is told, and what it wants done.

use std::sync::Arc;

use domain::kernel::CommandId;

use super::{CommitKey, Millis, Nonce};
use crate::appender::fees::Fee;
use crate::calls::{Call, CallId, CallOutcome};
use crate::chain::gas::{GasRules, Size};
use crate::chain::{Fees, Hash};
use crate::log::{Commit, CommitOutcome, RejectedCommit};
use crate::notices::AppliedEvent;

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

/// A call that waits for a transaction.
#[derive(Clone, Debug)]
pub struct QueuedCall {
    /// The call.
    pub call: Arc<Call>,
    /// How much gas it is given.
    pub gas: u64,
    /// When it was handed over.
    pub since: Millis,
}

/// A call to sign and to store.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// Its nonce.
    pub nonce: Nonce,
    /// The call.
    pub call: Arc<Call>,
    /// The outbox has it, under another nonce or key, as which it can never be executed any more.
    pub again: bool,
    /// What it offers.
    pub fee: Fee,
    /// Its gas limit.
    pub gas_limit: u64,
}

/// What is told of a call before its outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallNews {
    /// It is durable.
    Accepted,
    /// It was not stored in good time, and never will be.
    TurnedAway,
    /// The table of calls has it already, and who it is there under sees it through.
    Standing,
    /// The table of calls has another one of its id. This one never will be there.
    AnotherHasItsId,
}

/// What came of a call that was stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallEnd {
    /// The block, which is final.
    pub block: u64,
    /// Which of its signatures it was.
    pub transaction: Hash,
    /// If the contract refused it, what that gave back, as far as is known.
    pub refusal: Option<Vec<u8>>,
}

impl From<CallEnd> for CallOutcome {
    fn from(
        CallEnd {
            block,
            transaction,
            refusal,
        }: CallEnd,
    ) -> Self {
        match refusal {
            None => Self::Done { block, transaction },
            Some(reason) => Self::Refused {
                block,
                transaction,
                reason,
            },
        }
    }
}

/// For what a call's nonce was used, as of a final block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallSeen {
    /// It was not.
    Unused,
    /// For the call, which was executed.
    Done {
        /// The block.
        block: u64,
        /// Which of its signatures it was.
        transaction: Hash,
    },
    /// For the call, and the contract refused it with gas to spare.
    Refused {
        /// The block.
        block: u64,
        /// Which of its signatures it was.
        transaction: Hash,
        /// What the contract gave back, as far as is known.
        reason: Vec<u8>,
    },
    /// For the call, which ran out of gas. It did nothing.
    OutOfGas {
        /// The block.
        block: u64,
        /// Which of its signatures it was.
        transaction: Hash,
        /// What a node would give it now; `None` when that is not known.
        needed: Option<u64>,
    },
    /// For another transaction, which was seen in the block: that none of ours was found is not enough.
    Another {
        /// The block.
        block: u64,
    },
}

/// What the runner does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Sign and store; answer with [`Input::Stored`] or [`Input::NothingStored`]. A batch without commits fills a gap in the nonces.
    Store(NewBatch),
    /// Sign and store a call; answer with [`Input::CallStored`], or with [`Input::CallStands`] where the table of calls has its id already.
    StoreCall(NewCall),
    /// Sign the stored transaction at another fee, or with more gas, and store that beside it; answer with [`Input::Replaced`].
    Replace {
        /// Which.
        nonce: Nonce,
        /// What it then offers.
        fee: Fee,
        /// How much gas it then asks for.
        gas_limit: u64,
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
    /// Ask for what the nonce of a call was used as of the final block; answer with [`Input::CallSeen`] or [`Input::ReceiptUnknown`].
    AskCall {
        /// Whose.
        nonce: Nonce,
        /// The final block.
        final_block: u64,
    },
    /// Tell whoever waits for a call.
    TellCall(CallId, CallNews),
    /// The outbox must note what came of a call; answer with [`Input::Settled`]. Whoever waits is told when that is durable.
    SettleCall {
        /// Its nonce.
        nonce: Nonce,
        /// Which.
        id: CallId,
        /// What came of it.
        end: CallEnd,
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
    /// A call was handed over.
    QueueCall(QueuedCall),
    /// Calls of another key that can never be executed as they are signed: they are signed anew here.
    AdoptCalls(Vec<QueuedCall>),
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
    /// A call is in the outbox, perhaps from an attempt that offered something else.
    CallStored {
        /// Which.
        nonce: Nonce,
        /// Its transaction's hash.
        hash: Hash,
        /// What that offers.
        fee: Fee,
        /// Its gas limit.
        gas_limit: u64,
    },
    /// The table of calls has the call's id already: nothing was stored, and the nonce is free.
    CallStands {
        /// Which.
        nonce: Nonce,
        /// Whether it is the same call.
        is_the_same: bool,
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
    /// For what a call's nonce was used.
    CallSeen {
        /// Which.
        nonce: Nonce,
        /// For what.
        seen: CallSeen,
    },
    /// The outbox has noted what came of a call.
    Settled {
        /// Which.
        nonce: Nonce,
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
