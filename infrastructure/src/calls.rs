//! Calls: transactions of the server's signing key to other contracts than for appending, as to a registry. What is handed to the appender,
//! and what becomes of it.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;

use application::ports::command::Unavailable;
use uuid::Uuid;

/// By what a call is told from every other. Whoever wants something called gives it an id that follows from what is wanted, so that
/// wanting it again does nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId(pub Uuid);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A call of a contract. It is alone in its transaction, and takes no ether with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// Its id. The same id is executed once.
    pub id: CallId,
    /// What it is for, in a short name for people who look at the table of calls.
    pub kind: Cow<'static, str>,
    /// The contract's address.
    pub target: [u8; 20],
    /// The calldata.
    pub data: Vec<u8>,
}

/// What became of a call. Final: it is never taken back, except where it says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallOutcome {
    /// It was executed, in a final block.
    Done {
        /// The block's number.
        block: u64,
        /// The transaction.
        transaction: [u8; 32],
    },
    /// The contract refused it, in a final block and with gas to spare; or it takes more gas than a transaction may ask for.
    Refused {
        /// The block's number.
        block: u64,
        /// The transaction.
        transaction: [u8; 32],
        /// What the contract gave back, as a node says that tries the call again; empty where it says nothing. Good to be shown.
        reason: Vec<u8>,
    },
    /// It was not accepted, for a node says that the contract would refuse it, and nothing is under way that could change that. It was not
    /// stored, costs nothing, and may be handed over again under the same id.
    WouldBeRefused {
        /// What the contract would give back; empty where the node does not say it.
        reason: Vec<u8>,
    },
    /// It was not accepted, for no transaction can hold it.
    TooLarge,
    /// It was not accepted, for another call has its id.
    AnotherHasItsId,
    /// It was not accepted, and is not executed unless somebody hands it over again, or has before.
    Failed(Unavailable),
    /// It may be durable, and if it is, it will be done or refused, but not under the eyes of this process: the server is stopping, or has
    /// lost its signing key's lease. Whoever hands the same call over again is told what becomes of it.
    HandedOver,
}

/// Where calls are handed over: the appender.
///
/// Once [`CallLog::call`] has returned, the call is seen through, whether or not somebody waits for the ticket. A future of it that is dropped before it
/// answers has handed over nothing. Calls are executed in the order in which they are handed over, as far as nobody else uses the signing
/// key; between calls and commits there is no order.
pub trait CallLog: Send + Sync + 'static {
    /// How a call is waited for.
    type Ticket: CallTicket;

    /// Hands a call over. One whose id is known is not handed over again: its ticket tells what becomes of the first. Waits a while for a
    /// node to say how much gas it takes, and while the queue is full.
    ///
    /// # Errors
    /// When no calls are taken now; nothing was handed over.
    fn call(&self, call: Call) -> impl Future<Output = Result<Self::Ticket, Unavailable>> + Send;
}

/// A call on its way. Dropping the ticket changes nothing for the call.
pub trait CallTicket: Send + 'static {
    /// Waits until the call is durable in the outbox (`true`), or it is clear that it never will be (`false`: [`Self::outcome`] says why).
    fn accepted(&mut self) -> impl Future<Output = bool> + Send;

    /// Waits until it is clear what became of the call.
    fn outcome(self) -> impl Future<Output = CallOutcome> + Send;
}
