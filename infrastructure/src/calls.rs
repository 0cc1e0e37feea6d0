//! Calls: transactions of the server's signing key to other contracts than for appending, as to a registry. What is handed to the appender,
//! and what becomes of it.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;

use application::ports::command::Unavailable;
use uuid::Uuid;

use crate::chain::Address;

/// By what a call is told from every other. Whoever wants something called gives it an id that follows from what is wanted, so that
/// wanting it again does nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId(pub Uuid);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a call is for, in a short name for people who look at the table of calls: 1 to 64 small letters of ASCII, digits, dots, hyphens and
/// underscores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallKind(Cow<'static, str>);

/// This is not the name of a kind of calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a kind of calls has 1 to 64 small letters, digits, dots, hyphens and underscores")]
pub struct NoCallKind;

impl CallKind {
    /// Of a call that was stored under a name that is none now. The name in its row stays.
    pub(crate) const UNNAMED: Self = Self(Cow::Borrowed("unnamed"));

    /// The most bytes that a name has.
    const LONGEST: usize = 64;

    /// A kind of this name.
    ///
    /// # Errors
    /// [`NoCallKind`], when it is empty or too long, or has other characters.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Result<Self, NoCallKind> {
        let name = name.into();
        let may_stand = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        let is_one = (1..=Self::LONGEST).contains(&name.len()) && name.bytes().all(may_stand);
        is_one.then_some(Self(name)).ok_or(NoCallKind)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// A call of a contract. It is alone in its transaction, and takes no ether with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id. The same id is executed once.
    pub id: CallId,
    /// What it is for.
    pub kind: CallKind,
    /// The contract's address.
    pub target: [u8; 20],
    /// The calldata. It may say what is nobody's business, so it is in no log.
    pub data: Vec<u8>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("target", &Address(self.target))
            .field("data", &format_args!("{} bytes", self.data.len()))
            .finish()
    }
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
        /// What the contract gave back, as a node says that tries the call again; empty where it says nothing, or more than 1024
        /// bytes. Good to be shown.
        reason: Vec<u8>,
    },
    /// It was not accepted, for a node says that the contract would refuse it, and nothing is under way that could change that. It was not
    /// stored, costs nothing, and may be handed over again under the same id.
    WouldBeRefused {
        /// What the contract would give back; empty where the node does not say it, or says more than 1024 bytes.
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

    /// As [`Self::call`], though a node says that the contract would refuse it, or that it takes more gas than there is: the contract itself says so then, in a final block.
    ///
    /// # Errors
    /// As [`Self::call`].
    fn insist(&self, call: Call) -> impl Future<Output = Result<Self::Ticket, Unavailable>> + Send;
}

/// A call on its way. Dropping the ticket changes nothing for the call.
pub trait CallTicket: Send + 'static {
    /// Waits until the call is known to be durable (`true`), or it is clear that this process will not learn it (`false`): [`Self::outcome`] says
    /// why, and whether it may be durable all the same ([`CallOutcome::HandedOver`]).
    fn accepted(&mut self) -> impl Future<Output = bool> + Send;

    /// Waits until it is clear what became of the call.
    fn outcome(self) -> impl Future<Output = CallOutcome> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_a_short_name_that_the_database_takes() {
        for name in ["grant", "consent.revoke-2_b", &"k".repeat(64)] {
            assert_eq!(CallKind::new(name.to_owned()).unwrap().name(), name);
        }
        for name in ["", "a\0b", "\0", "Grant", "a b", "gr\u{e4}nt", &"k".repeat(65)] {
            assert_eq!(CallKind::new(name.to_owned()), Err(NoCallKind), "{name:?}");
        }
        assert_eq!(CallKind::new(CallKind::UNNAMED.0), Ok(CallKind::UNNAMED));
    }

    #[test]
    fn what_a_call_says_is_in_no_log() {
        let call = Call {
            id: CallId(Uuid::from_u128(1)),
            kind: CallKind::UNNAMED,
            target: [7; 20],
            data: b"secret".to_vec(),
        };
        let shown = format!("{call:?}");
        assert!(shown.contains("6 bytes") && !shown.contains("115"), "{shown}");
    }
}
