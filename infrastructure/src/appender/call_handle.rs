//! What the rest of the process holds of the appender for calls.
//!
//! **How much gas a call takes** a node is asked before it is handed over: what it takes is known to its contract alone.
//! - A node that does not answer in time keeps no call from being stored: it is given [`UNESTIMATED`]. That is no promise and no risk:
//!   what is not used is not paid for, and what runs out of gas is signed again with more.
//! - If the node says that the contract would refuse the call, it is not stored, and whoever hands it over is told: nothing is paid for what is wrong, and no queue of it can
//!   be piled up. But the node speaks of the newest block, and not of what is on its way; so if another call to the same contract was under way *before
//!   the node was asked*, durable on any server or only handed over to this one, the call is stored all the same, and its transaction decides. A
//!   revocation must not be turned away for its grant is not mined yet.

use std::sync::Arc;
use std::time::Duration;

use application::ports::command::Unavailable;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::call_waiters::{CallWaiter, CallWord, unless_perhaps};
use super::door::{Door, NotDurable};
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

/// When a call's row is looked at again by whoever waits for what another has handed over, the first time; then twice as late each time.
const LOOK_AFTER: Duration = Duration::from_millis(250);

/// The longest pause between two looks.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(8);

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
    door: Door,
    shared: Arc<Shared>,
    limits: Limits,
    node: Node,
    account: Address,
    standings: Standings,
    not_durable: NotDurable,
    stopping: CancellationToken,
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
    stopping: CancellationToken,
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
            Ok(CallWord::Standing) => told_by_its_row(&self.standings, &self.call, &self.stopping).await,
            // Nobody drops the other end without an answer, but when the whole process ends.
            Err(_) => CallOutcome::HandedOver,
        }
    }
}

/// Waits until a call's row says what came of it, or the server stops.
async fn told_by_its_row(standings: &Standings, call: &Call, stopping: &CancellationToken) -> CallOutcome {
    let mut pause = LOOK_AFTER;
    loop {
        match standings.of(call).await {
            Ok(Some(Standing { is_the_same: false, .. })) => return CallOutcome::AnotherHasItsId,
            Ok(Some(Standing {
                outcome: Some(outcome), ..
            })) => return outcome,
            // It is nowhere any more: the database is not the one that it was.
            Ok(None) => return CallOutcome::HandedOver,
            Ok(Some(_)) | Err(_) => {}
        }
        if stopping.run_until_cancelled(sleep(pause)).await.is_none() {
            return CallOutcome::HandedOver;
        }
        pause = pause.saturating_mul(2).min(LOOK_AT_LEAST_EVERY);
    }
}

impl CallHandle {
    pub(super) fn new(
        door: Door,
        limits: Limits,
        shared: Arc<Shared>,
        node: Node,
        account: Address,
        standings: Standings,
        stopping: CancellationToken,
    ) -> (Self, UnboundedReceiver<HandedCall>) {
        let (handed, queue_end) = unbounded_channel();
        let handle = Self {
            handed,
            door,
            shared,
            limits,
            node,
            account,
            standings,
            not_durable: NotDurable::default(),
            stopping,
        };
        (handle, queue_end)
    }

    /// How much gas a call is to be given, or why it is not taken; whoever insists is not told what a node thinks of it.
    async fn gas(&self, call: &Call, insists: bool) -> Result<u64, CallOutcome> {
        if call.data.len() > self.limits.batch_bytes {
            return Err(CallOutcome::TooLarge);
        }
        // Asked before the node is: what is under way now is either still so when the node answers, or in the block that it speaks of.
        let stands_alone = self.stands_alone(call).await;
        let target = Some(Address(call.target));
        let asked = self.node.estimate_gas(self.account, target, &call.data);
        let most = self.limits.call_gas(&self.shared.gas(), u64::MAX);
        match timeout(ESTIMATED_WITHIN, asked).await {
            Ok(Ok(gas)) if gas > most && !insists => Err(CallOutcome::TooLarge),
            Ok(Ok(gas)) if gas > most => Ok(most),
            Ok(Ok(gas)) => Ok(gas.saturating_add(gas / 4)),
            Ok(Err(error)) if refuses(&error) && stands_alone && !insists => {
                let reason = match error {
                    ChainError::Rpc { data, .. } => data.into(),
                    _ => Vec::new(),
                };
                Err(CallOutcome::WouldBeRefused { reason })
            }
            Ok(Err(_)) | Err(_) => Ok(BYTE.saturating_mul(call.data.len() as u64).saturating_add(UNESTIMATED)),
        }
    }

    /// Whether nothing is under way that could change what its contract says. Without an answer that is not known. What was only handed over is looked
    /// at first: when it is durable its row is there before it counts no more.
    async fn stands_alone(&self, call: &Call) -> bool {
        if self.not_durable.any_to(&call.target) {
            return false;
        }
        let under_way = self.standings.any_under_way_to(&call.target).await;
        under_way.is_ok_and(|under_way| !under_way)
    }
}

impl CallLog for CallHandle {
    type Ticket = CallTicket;

    async fn call(&self, call: Call) -> Result<CallTicket, Unavailable> {
        self.take(call, false).await
    }

    async fn insist(&self, call: Call) -> Result<CallTicket, Unavailable> {
        self.take(call, true).await
    }
}

impl CallHandle {
    async fn take(&self, call: Call, insists: bool) -> Result<CallTicket, Unavailable> {
        let call = Arc::new(call);
        let (mut waiter, accepted, word) = CallWaiter::new();
        let ticket = CallTicket {
            call: Arc::clone(&call),
            standings: self.standings.clone(),
            stopping: self.stopping.clone(),
            accepted,
            word,
        };
        let standing = self.standings.of(&call).await.map_err(|_| Unavailable::Database)?;
        let gas = match standing {
            Some(Standing { is_the_same: true, .. }) => {
                waiter.accept();
                waiter.resolve(CallWord::Standing);
                return Ok(ticket);
            }
            Some(Standing { is_the_same: false, .. }) => Err(CallOutcome::AnotherHasItsId),
            None => self.gas(&call, insists).await,
        };
        let gas = match gas {
            Ok(gas) => gas,
            Err(outcome) => {
                waiter.resolve(CallWord::Outcome(outcome));
                return Ok(ticket);
            }
        };
        let mut place = self.door.enter().await?;
        place.among = Some(self.not_durable.count(call.target));
        waiter.place = Some(place);
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
