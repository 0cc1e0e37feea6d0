//! What the rest of the process holds of the appender for calls.
//!
//! **How much gas a call takes** a node is asked before it is handed over: what it takes is known to its contract alone.
//! - A node that does not answer in time keeps no call from being stored: it is given [`UNESTIMATED`]. That is no promise and no risk:
//!   what is not used is not paid for, and what runs out of gas is signed again with more.
//! - If the node says that the contract would refuse the call, it is not stored, and whoever hands it over is told: nothing is paid for what is wrong, and no queue of it can
//!   be piled up. But the node speaks of the newest block, and not of what is on its way; so if another call to the same contract is under way, on
//!   any server, the call is stored all the same, and its transaction decides. A revocation must not be turned away for its grant is not mined yet.

use std::sync::Arc;
use std::time::Duration;

use application::ports::command::Unavailable;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::call_waiters::{CallWaiter, CallWord, unless_perhaps};
use super::machine::Limits;
use super::outbox::{Standing, Standings};
use super::status::Shared;
use crate::calls::{Call, CallLog, CallOutcome};
use crate::chain::gas::refuses;
use crate::chain::{Address, ChainError, Node};

/// How long a node may take to estimate.
const ESTIMATED_WITHIN: Duration = Duration::from_secs(2);

/// What a call is given that no node has estimated, without its bytes.
const UNESTIMATED: u64 = 500_000;

/// What a byte of calldata costs at least (EIP-7623).
const BYTE: u64 = 40;

/// How often a call's row is looked at by whoever waits for what another has handed over.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A call that was handed over.
#[derive(Debug)]
pub(super) struct HandedCall {
    pub(super) call: Arc<Call>,
    pub(super) gas: u64,
    pub(super) at: Instant,
    pub(super) waiters: Vec<CallWaiter>,
    /// A lease ended while it was being stored: it may be.
    pub(super) perhaps: bool,
}

impl HandedCall {
    /// It will not be stored.
    pub(super) fn turn_away(self, why: Unavailable) {
        for waiter in self.waiters {
            waiter.resolve(CallWord::Outcome(unless_perhaps(self.perhaps, why)));
        }
    }
}

/// Hands calls to the appender. Cheap to clone.
#[derive(Clone)]
pub struct CallHandle {
    handed: UnboundedSender<HandedCall>,
    places: Arc<Semaphore>,
    shared: Arc<Shared>,
    limits: Limits,
    patience: Duration,
    node: Node,
    account: Address,
    standings: Standings,
}

impl std::fmt::Debug for CallHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallHandle")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// A call on its way.
#[derive(Debug)]
pub struct CallTicket {
    call: Arc<Call>,
    standings: Standings,
    accepted: oneshot::Receiver<()>,
    word: oneshot::Receiver<CallWord>,
}

impl crate::calls::CallTicket for CallTicket {
    async fn accepted(&mut self) -> bool {
        (&mut self.accepted).await.is_ok()
    }

    async fn outcome(self) -> CallOutcome {
        match self.word.await {
            Ok(CallWord::Outcome(outcome)) => outcome,
            Ok(CallWord::Standing) => told_by_its_row(&self.standings, &self.call).await,
            // Nobody drops the other end without an answer, but when the whole process ends.
            Err(_) => CallOutcome::HandedOver,
        }
    }
}

/// Waits until a call's row says what came of it.
async fn told_by_its_row(standings: &Standings, call: &Call) -> CallOutcome {
    loop {
        match standings.of(call).await {
            Ok(Some(Standing { is_the_same: false, .. })) => return CallOutcome::AnotherHasItsId,
            Ok(Some(Standing {
                outcome: Some(outcome), ..
            })) => return outcome,
            // It is nowhere any more: the database is not the one that it was.
            Ok(None) => return CallOutcome::HandedOver,
            Ok(Some(_)) | Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}

impl CallHandle {
    pub(super) fn new(
        queue: usize,
        patience: Duration,
        limits: Limits,
        shared: Arc<Shared>,
        node: Node,
        account: Address,
        standings: Standings,
    ) -> (Self, UnboundedReceiver<HandedCall>) {
        let (handed, queue_end) = unbounded_channel();
        let handle = Self {
            handed,
            places: Arc::new(Semaphore::new(queue)),
            shared,
            limits,
            patience,
            node,
            account,
            standings,
        };
        (handle, queue_end)
    }

    /// How much gas a call is to be given, or why it is not taken.
    async fn gas(&self, call: &Call) -> Result<u64, CallOutcome> {
        if call.data.len() > self.limits.batch_bytes {
            return Err(CallOutcome::TooLarge);
        }
        let target = Some(Address(call.target));
        let asked = self.node.estimate_gas(self.account, target, &call.data);
        match timeout(ESTIMATED_WITHIN, asked).await {
            Ok(Ok(gas)) if gas > self.limits.call_gas(&self.shared.gas(), u64::MAX) => Err(CallOutcome::TooLarge),
            Ok(Ok(gas)) => Ok(gas.saturating_add(gas / 4)),
            Ok(Err(error)) if refuses(&error) && self.stands_alone(call).await => {
                let reason = match error {
                    ChainError::Rpc { data, .. } => data.into(),
                    _ => Vec::new(),
                };
                Err(CallOutcome::WouldBeRefused { reason })
            }
            Ok(Err(_)) | Err(_) => Ok(BYTE.saturating_mul(call.data.len() as u64).saturating_add(UNESTIMATED)),
        }
    }

    /// Whether nothing is under way that could change what its contract says. Without an answer that is not known.
    async fn stands_alone(&self, call: &Call) -> bool {
        let under_way = self.standings.any_under_way_to(&call.target).await;
        under_way.is_ok_and(|under_way| !under_way)
    }
}

impl CallLog for CallHandle {
    type Ticket = CallTicket;

    async fn call(&self, call: Call) -> Result<CallTicket, Unavailable> {
        let call = Arc::new(call);
        let (accepted_by, accepted) = oneshot::channel();
        let (word_by, word) = oneshot::channel();
        let ticket = CallTicket {
            call: Arc::clone(&call),
            standings: self.standings.clone(),
            accepted,
            word,
        };
        let standing = self.standings.of(&call).await.map_err(|_| Unavailable::Database)?;
        let gas = match standing {
            Some(Standing { is_the_same: true, .. }) => {
                let _ = accepted_by.send(());
                let _ = word_by.send(CallWord::Standing);
                return Ok(ticket);
            }
            Some(Standing { is_the_same: false, .. }) => Err(CallOutcome::AnotherHasItsId),
            None => self.gas(&call).await,
        };
        let gas = match gas {
            Ok(gas) => gas,
            Err(outcome) => {
                let _ = word_by.send(CallWord::Outcome(outcome));
                return Ok(ticket);
            }
        };
        let place = timeout(self.patience, Arc::clone(&self.places).acquire_owned())
            .await
            .map_err(|_| self.shared.why_full())?
            .map_err(|_| Unavailable::Stopping)?;
        let waiter = CallWaiter {
            accepted: Some(accepted_by),
            word: word_by,
            place: Some(place),
        };
        let handed = HandedCall {
            call,
            gas,
            at: Instant::now(),
            waiters: vec![waiter],
            perhaps: false,
        };
        self.handed.send(handed).map_err(|_| Unavailable::Stopping)?;
        Ok(ticket)
    }
}
