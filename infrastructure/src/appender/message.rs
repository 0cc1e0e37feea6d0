//! What comes back of what the dispatcher and its workers do.

use std::sync::Arc;

use super::fees::Fee;
use super::machine::{CallEnd, CallSeen, CommitKey, Nonce, ReceiptSeen, SendAnswer};
use super::outbox::{StoredBatch, StoredCall};
use crate::calls::CallId;
use crate::chain::gas::GasRules;
use crate::chain::{Fees, Hash};

/// What comes back.
pub(super) enum Message {
    Stored {
        nonce: Nonce,
        batch: StoredBatch,
    },
    CallStored {
        nonce: Nonce,
        call: StoredCall,
    },
    Replaced {
        nonce: Nonce,
        hash: Hash,
        raw: Arc<[u8]>,
        fee: Fee,
    },
    Sent {
        nonce: Nonce,
        answer: SendAnswer,
    },
    Nonce(Option<(u64, Nonce)>),
    Receipt {
        nonce: Nonce,
        seen: Option<(bool, Option<ReceiptSeen>)>,
    },
    Call {
        nonce: Nonce,
        seen: Option<CallSeen>,
    },
    Settled {
        nonce: Nonce,
        id: CallId,
        /// `None` when its row tells.
        end: Option<CallEnd>,
    },
    Fees(Fees),
    Funds(u128),
    BlockGas(u64),
    GasRules(GasRules),
    Authorized(bool),
    Refused(CommitKey),
    LeaseLost,
}
