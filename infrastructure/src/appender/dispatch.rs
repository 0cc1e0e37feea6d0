//! The runner's dispatcher: who waits for each commit, the bytes of each signature, and to whom an action goes.
//!
//! Outbox operations go to workers that do them in order; what is asked of the node runs beside. Every answer comes back as a
//! [`Message`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use application::trouble::TroubleKind;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::adoption::{Adoptions, Bequest};
use super::call_receipt;
use super::call_waiters::CallWaiters;
use super::door::Waiter;
use super::machine::{Action, CommitKey, Input, Machine, Millis, Nonce, Queued, QueuedCall, SendAnswer};
use super::message::Message;
use super::outbox::{Outbox, Signature, StoredBatch, StoredCall};
use super::receipts::{nonce_and_head, receipt};
use super::refusal::classify;
use super::status::Shared;
use super::worker::{End, Job, work};
use crate::chain::gas::Size;
use crate::chain::{Address, ChainError, EventLog, Hash, Node};
use crate::crash::{APPENDER_GATHERED, APPENDER_MINED_SEEN, APPENDER_RESOLVED, APPENDER_SENT, crash_point};
use crate::log::{CommitOutcome, NewKey};
use crate::notices::Notices;

/// What somebody who handed a commit over waits for, and the keys that the commit brings.
pub(super) struct Waiting {
    pub(super) keys: Vec<NewKey>,
    pub(super) waiter: Waiter<CommitOutcome>,
}

/// The dispatcher under one lease.
pub(super) struct Dispatcher {
    log: EventLog,
    address: Address,
    notices: Notices,
    shared: Arc<Shared>,
    messages: UnboundedSender<Message>,
    /// `None` when everything ends.
    jobs: Option<UnboundedSender<Job>>,
    cleaning: UnboundedSender<Job>,
    outbox: Outbox,
    ended: CancellationToken,
    pub(super) waiting: HashMap<CommitKey, Waiting>,
    pub(super) calls: CallWaiters,
    signatures: HashMap<Nonce, Vec<Signature>>,
    /// The signatures that a node was offered before.
    offered: HashSet<Hash>,
    adoptions: Adoptions,
}

impl Dispatcher {
    /// A dispatcher, and the task that writes the outbox.
    pub(super) fn new(
        log: EventLog,
        address: Address,
        notices: Notices,
        shared: Arc<Shared>,
        messages: UnboundedSender<Message>,
        outbox: Outbox,
        ended: CancellationToken,
    ) -> (Self, JoinHandle<End>) {
        let worker = |outbox: Outbox| {
            let (jobs, queue) = unbounded_channel();
            let task = work(outbox, queue, messages.clone(), Arc::clone(&shared), ended.clone());
            (jobs, tokio::spawn(task))
        };
        // Forgetting is not worth that a batch waits for it.
        let (cleaning, _) = worker(outbox.clone());
        let (jobs, storing) = worker(outbox.clone());
        let (waiting, signatures) = (HashMap::new(), HashMap::new());
        let jobs = Some(jobs);
        let dispatcher = Self {
            log,
            address,
            notices,
            shared,
            messages,
            jobs,
            cleaning,
            outbox,
            ended,
            waiting,
            calls: CallWaiters::default(),
            signatures,
            offered: HashSet::new(),
            adoptions: Adoptions::default(),
        };
        (dispatcher, storing)
    }

    /// Remembers the signatures of restored batches.
    pub(super) fn remember_all(&mut self, signatures: impl IntoIterator<Item = (Nonce, Signature)>) {
        for (nonce, (hash, raw)) in signatures {
            self.remember(nonce, hash, raw);
        }
    }

    pub(super) fn perform(&mut self, actions: &mut Vec<Action>) {
        for action in actions.drain(..) {
            self.act(action);
        }
    }

    /// No job comes any more.
    pub(super) fn close(&mut self) {
        self.jobs = None;
    }

    /// When everything ends only those who wait are told; nothing new is begun.
    pub(super) fn tell_only(&mut self, actions: &mut Vec<Action>) {
        actions.retain(|action| {
            matches!(
                action,
                Action::Resolve(..) | Action::Accepted(_) | Action::TurnAway(_) | Action::TellCall(..)
            )
        });
        self.perform(actions);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Store(batch) => {
                crash_point(APPENDER_GATHERED);
                self.shared.count(|done| done.reappended += batch.moved.len() as u64);
                // Kept here as well, until the commit is durable: another lease may have to store it.
                let keys = batch.fresh.iter().filter_map(|(key, _)| self.waiting.get(key));
                let keys = keys.flat_map(|waiting| waiting.keys.iter().cloned()).collect();
                let from = |(key, _): &(CommitKey, _)| Some((*key, self.adoptions.from(*key)?));
                let adopted = batch.moved.iter().filter_map(from).collect();
                self.give(Job::Store { batch, keys, adopted });
            }
            Action::Replace { nonce, fee, gas_limit } => {
                self.shared.count(|done| done.replaced += 1);
                let newest = self.signatures.get(&nonce).and_then(|signatures| signatures.last());
                if let Some((_, raw)) = newest {
                    self.give(Job::Replace {
                        nonce,
                        raw: Arc::clone(raw),
                        fee,
                        gas_limit,
                    });
                }
            }
            Action::Send { nonce, hash } => self.send(nonce, &hash),
            Action::AskFees => self.ask_fees(),
            Action::AskGasRules => self.shared.gas_is_dear.notify_one(),
            Action::AskNonce => self.ask_nonce(),
            Action::AskReceipt { nonce, final_block } => self.ask_receipt(nonce, final_block),
            Action::StoreCall(call) => {
                crash_point(APPENDER_GATHERED);
                let adopted = self.adoptions.call_from(call.call.id);
                self.give(Job::StoreCall { call, adopted });
            }
            Action::AskCall { nonce, final_block } => self.ask_call(nonce, final_block),
            Action::TellCall(id, news) => {
                self.adoptions.end_call(id);
                self.calls.tell(id, news, || self.shared.why_full());
            }
            Action::SettleCall { nonce, id, end } => self.give(Job::SettleCall { nonce, id, end }),
            Action::Accepted(key) => {
                self.adoptions.end(key);
                if let Some(waiting) = self.waiting.get_mut(&key) {
                    waiting.keys = Vec::new();
                    waiting.waiter.accept();
                }
            }
            Action::TurnAway(key) => {
                if let Some(waiting) = self.waiting.remove(&key) {
                    waiting.waiter.resolve(CommitOutcome::Failed(self.shared.why_full()));
                }
            }
            Action::Mined { .. } => {
                self.shared.count(|done| done.mined += 1);
                crash_point(APPENDER_MINED_SEEN);
            }
            Action::MarkRejected(commands) => self.give(Job::Discard(commands)),
            Action::Refuse { key, command, nonce } => {
                tracing::error!(%command, "a commit is given up: the contract refuses it even alone");
                self.shared.count(|done| done.refused += 1);
                self.unremember(nonce);
                self.give(Job::Refuse(key, command));
            }
            Action::Resolve(key, outcome) => self.resolve(key, outcome),
            Action::Forget(nonces) => {
                let signatures = nonces
                    .into_iter()
                    .filter_map(|nonce| Some((nonce, self.unremember(nonce)?)));
                let hashes = signatures.flat_map(|(nonce, all)| all.into_iter().map(move |(hash, _)| (nonce, hash)));
                let job = Job::Forget(hashes.collect());
                let _ = self.cleaning.send(job);
            }
        }
    }

    fn resolve(&mut self, key: CommitKey, outcome: CommitOutcome) {
        self.adoptions.end(key);
        if let Some(waiting) = self.waiting.remove(&key) {
            waiting.waiter.resolve(outcome);
            self.shared.count_outcome(outcome);
            crash_point(APPENDER_RESOLVED);
        }
    }

    /// Tells everybody who still waits that it cannot be told here what becomes of their commits.
    pub(super) fn hand_over(&mut self) {
        let keys: Vec<CommitKey> = self.waiting.keys().copied().collect();
        for key in keys {
            self.resolve(key, CommitOutcome::HandedOver);
        }
        self.calls.hand_over();
    }

    fn give(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }

    fn spawn(&self, task: impl Future<Output = Message> + Send + 'static) {
        let messages = self.messages.clone();
        tokio::spawn(self.ended.clone().run_until_cancelled_owned(async move {
            let _ = messages.send(task.await);
        }));
    }

    fn send(&mut self, nonce: Nonce, hash: &Hash) {
        let signatures = self.signatures.get(&nonce).map(Vec::as_slice).unwrap_or_default();
        let Some((_, raw)) = signatures.iter().find(|(signed, _)| signed == hash) else {
            let _ = self.messages.send(Message::Sent {
                nonce,
                answer: SendAnswer::Refused,
            });
            return;
        };
        let (node, address, raw) = (self.log.node().clone(), self.address, Arc::clone(raw));
        let again = !self.offered.insert(*hash);
        let (notices, shared) = (self.notices.clone(), Arc::clone(&self.shared));
        self.spawn(async move {
            let answer = match offer(&node, &raw, again).await {
                Ok(()) => SendAnswer::Taken,
                Err(error) => {
                    let answer = classify(&error);
                    if matches!(answer, SendAnswer::Refused | SendAnswer::CannotPay) {
                        shared.trouble(TroubleKind::TransactionRefused, &refusal(address, &error));
                    }
                    answer
                }
            };
            if answer == SendAnswer::Taken {
                shared.count(|done| done.sent += 1);
                shared.well(TroubleKind::TransactionRefused);
                crash_point(APPENDER_SENT);
                notices.expect_block();
            }
            Message::Sent { nonce, answer }
        });
    }

    fn ask_fees(&self) {
        let (node, messages) = (self.log.node().clone(), self.messages.clone());
        tokio::spawn(self.ended.clone().run_until_cancelled_owned(async move {
            // Without an answer the next regular one will do.
            if let Ok(fees) = node.fees().await {
                let _ = messages.send(Message::Fees(fees));
            }
        }));
    }

    fn ask_nonce(&self) {
        let (node, address) = (self.log.node().clone(), self.address);
        self.spawn(async move { Message::Nonce(nonce_and_head(&node, address).await.ok()) });
    }

    fn ask_receipt(&self, nonce: Nonce, final_block: u64) {
        let (log, address) = (self.log.clone(), self.address);
        let signatures = self.signatures.get(&nonce).cloned().unwrap_or_default();
        self.spawn(async move {
            let seen = receipt(&log, address, nonce, &signatures, final_block).await;
            Message::Receipt {
                nonce,
                seen: seen.unwrap_or_default(),
            }
        });
    }

    fn ask_call(&self, nonce: Nonce, final_block: u64) {
        let (log, address, outbox) = (self.log.clone(), self.address, self.outbox.clone());
        let signatures = self.signatures.get(&nonce).cloned().unwrap_or_default();
        self.spawn(async move {
            let seen = call_receipt::seen(&log, &outbox, address, nonce, &signatures, final_block).await;
            Message::Call { nonce, seen }
        });
    }

    pub(super) fn hear(&mut self, message: Message, now: Millis, machine: &mut Machine, actions: &mut Vec<Action>) {
        let input = match message {
            Message::Stored {
                nonce,
                batch: StoredBatch::Nothing,
            } => Input::NothingStored { nonce },
            Message::Stored {
                nonce,
                batch: StoredBatch::Stored { signed, duplicates },
            } => {
                self.remember(nonce, signed.hash, signed.raw.into());
                Input::Stored {
                    nonce,
                    hash: signed.hash,
                    duplicates,
                }
            }
            Message::Replaced { nonce, hash, raw, fee } => {
                self.remember(nonce, hash, raw);
                Input::Replaced { nonce, hash, fee }
            }
            Message::Sent { nonce, answer } => Input::Sent { nonce, answer },
            Message::Nonce(Some((head, count))) => Input::NonceSeen { head, count },
            Message::Nonce(None) => Input::NonceUnknown,
            Message::Receipt {
                nonce,
                seen: Some((used, receipt)),
            } => Input::ReceiptSeen { nonce, used, receipt },
            Message::Receipt { nonce, seen: None } => Input::ReceiptUnknown { nonce },
            Message::Call {
                nonce,
                seen: Some(seen),
            } => Input::CallSeen { nonce, seen },
            Message::Call { nonce, seen: None } => Input::ReceiptUnknown { nonce },
            Message::CallStored {
                nonce,
                call: StoredCall::Stored { signed, fee, gas_limit },
            } => {
                self.remember(nonce, signed.hash, signed.raw.into());
                Input::CallStored {
                    nonce,
                    hash: signed.hash,
                    fee,
                    gas_limit,
                }
            }
            Message::CallStored { nonce, call } => Input::CallStands {
                nonce,
                is_the_same: matches!(call, StoredCall::Standing),
            },
            Message::Settled { nonce, id, end } => {
                self.calls.settle(id, end);
                crash_point(APPENDER_RESOLVED);
                Input::Settled { nonce }
            }
            Message::Fees(fees) => Input::Fees(fees),
            Message::Funds(funds) => Input::Funds(funds),
            Message::BlockGas(gas) => Input::BlockGas(gas),
            Message::GasRules(rules) => Input::GasRules(rules),
            Message::Authorized(authorized) => Input::Authorized(authorized),
            Message::Refused(key) => return self.resolve(key, CommitOutcome::Refused),
            Message::LeaseLost => return,
        };
        machine.on(now, input, actions);
    }

    /// Takes over commits of a former key, as far as that has not begun already.
    pub(super) fn adopt(&mut self, bequest: Bequest, now: Millis, machine: &mut Machine, actions: &mut Vec<Action>) {
        let Bequest { from, commits, calls } = bequest;
        let mut adopted = Vec::with_capacity(commits.len());
        for commit in commits {
            let key = self.shared.next_key();
            let Ok(size) = Size::of(&commit) else { continue };
            if self.adoptions.begin(key, commit.command_id, from) {
                adopted.push(Queued {
                    key,
                    commit,
                    size,
                    since: now,
                });
            }
        }
        machine.on(now, Input::Adopt(adopted), actions);
        let calls = calls
            .into_iter()
            .filter(|(call, _)| self.adoptions.begin_call(call.id, from));
        let since = now;
        let calls = calls.map(|(call, gas)| QueuedCall { call, gas, since }).collect();
        machine.on(now, Input::AdoptCalls(calls), actions);
    }

    fn unremember(&mut self, nonce: Nonce) -> Option<Vec<Signature>> {
        let signatures = self.signatures.remove(&nonce)?;
        for (hash, _) in &signatures {
            self.offered.remove(hash);
        }
        Some(signatures)
    }

    fn remember(&mut self, nonce: Nonce, hash: Hash, raw: Arc<[u8]>) {
        let signatures = self.signatures.entry(nonce).or_default();
        signatures.retain(|(signed, _)| *signed != hash);
        signatures.push((hash, raw));
    }
}

/// How long a node is waited for that is offered what another has refused, or has lost.
const OTHERS_PATIENCE: Duration = Duration::from_secs(5);

/// Offers a transaction to the node that is asked first; and to the others, too, when that one refuses it for no good reason, or when it
/// was offered before and is in no block yet: a node may forget what it took. A node that refuses what another takes is left.
async fn offer(node: &Node, raw: &[u8], again: bool) -> Result<(), ChainError> {
    let first = insist(node, raw).await.map(drop);
    // Where it is not an answer, every node was asked already.
    let refused = first
        .as_ref()
        .err()
        .filter(|error| matches!(error, ChainError::Rpc { .. }) && classify(error) == SendAnswer::Refused);
    if refused.is_none() && !again {
        return first;
    }
    let others = node.others();
    let offers = others.iter().map(|other| timeout(OTHERS_PATIENCE, other.send_raw(raw)));
    let answers = futures::future::join_all(offers).await;
    let took = |answer: &Result<Result<Hash, ChainError>, _>| match answer {
        Ok(Err(error)) => classify(error) == SendAnswer::Taken,
        Ok(Ok(_)) => true,
        Err(_) => false,
    };
    match refused {
        Some(error) if answers.iter().any(took) => {
            node.distrust(&format!("it refuses a transaction that another node takes: {error}"));
            Ok(())
        }
        _ => first,
    }
}

/// After how long a node that has not answered is offered the same transaction once more: longer than most nodes take, and short enough
/// for somebody who waits. Each further time it is twice as long. To take it again costs a node next to nothing.
const REMINDER: Duration = Duration::from_millis(250);

/// Offers a transaction to a node, and again for as long as it does not answer; the first answer counts, but that a reminder fails says
/// nothing of the transaction. Ganache leaves a transaction lying when another one comes at nearly the same time, and answers nobody until
/// something comes again.
async fn insist(node: &Node, raw: &[u8]) -> Result<Hash, ChainError> {
    let mut first = std::pin::pin!(node.send_raw(raw));
    let mut reminders = FuturesUnordered::new();
    let mut pause = REMINDER;
    loop {
        tokio::select! {
            answer = &mut first => return answer,
            Some(answer) = reminders.next() => match answer {
                Err(error) if classify(&error) != SendAnswer::Taken => {}
                answer => return answer,
            },
            () = sleep(pause) => {
                reminders.push(node.send_raw(raw));
                pause = pause.saturating_mul(2);
            }
        }
    }
}

/// What to say of a node that does not take a transaction.
fn refusal(signer: Address, error: &ChainError) -> String {
    if error.is_lack_of_funds() {
        format!("the signing key {signer} cannot pay for its transactions: send it ether")
    } else {
        error.to_string()
    }
}
