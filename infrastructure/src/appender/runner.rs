//! Does what the [machine](super::machine) decides: signs, stores, sends, asks, and tells it what came of it.
//!
//! One task owns the machine. Outbox operations run one after another in a task of their own, in the order in which the machine asked for
//! them; what is asked of the node runs beside it. Everything comes back as a message.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use application::command::Unavailable;
use sqlx::{PgPool, Row};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::handle::{AppenderHandle, Handed, Shared, Waiter};
use super::lease::{self, Lease};
use super::machine::{
    Action, CommitKey, Input, Limits, Machine, Millis, NewBatch, Nonce, Queued, ReceiptSeen, SendAnswer, Surroundings,
};
use super::outbox::{Outbox, OutboxError, StoredBatch};
use crate::chain::{Address, BlockId, ChainError, EventLog, Fees, Hash, Node, Signer};
use crate::crash::{
    APPENDER_GATHERED, APPENDER_MINED_SEEN, APPENDER_OUTBOX_CLEANED, APPENDER_RESOLVED, APPENDER_SENT, APPENDER_STORED,
    crash_point,
};
use crate::log::{CommitOutcome, NewKey};
use crate::notices::{Notice, Notices};

/// How an appender works.
#[derive(Clone, Copy, Debug)]
pub struct AppenderConfig {
    /// The contract.
    pub contract: Address,
    /// What bounds it.
    pub limits: Limits,
    /// How many commits may wait for a batch; more have to wait at the door.
    pub queue: usize,
    /// How often the price of gas is asked for.
    pub fees_every: Duration,
}

impl AppenderConfig {
    /// The usual bounds.
    pub fn new(contract: Address) -> Self {
        Self {
            contract,
            limits: Limits::default(),
            queue: 10_000,
            fees_every: Duration::from_secs(5),
        }
    }
}

/// How long to wait before something that failed is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// What comes back from the tasks.
enum Message {
    Stored {
        nonce: Nonce,
        batch: StoredBatch,
    },
    Replaced {
        nonce: Nonce,
        signed: (Hash, Arc<[u8]>),
        fee: super::fees::Fee,
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
    Fees(Fees),
    Authorized(bool),
    LeaseLost,
}

/// What the outbox task does, in order.
enum Job {
    Store(NewBatch, Vec<NewKey>),
    Replace {
        nonce: Nonce,
        raw: Arc<[u8]>,
        fee: super::fees::Fee,
    },
    Discard(Vec<domain::kernel::CommandId>),
    Forget(Vec<Nonce>),
}

/// The appender of one signing key.
pub struct Appender {
    config: AppenderConfig,
    node: Node,
    pool: PgPool,
    signer: Arc<Signer>,
    notices: Notices,
    shared: Arc<Shared>,
    started: Instant,
}

impl Appender {
    /// Starts an appender in the background. It runs until it is cancelled; while it does not hold its key's lease, commits wait.
    pub fn start(
        config: AppenderConfig,
        node: Node,
        pool: PgPool,
        signer: Signer,
        notices: Notices,
        cancel: CancellationToken,
    ) -> AppenderHandle {
        let (handle, shared, handed) = AppenderHandle::new(config.queue, signer.address());
        let started = Instant::now();
        let appender = Self {
            config,
            node,
            pool,
            signer: Arc::new(signer),
            notices,
            shared,
            started,
        };
        tokio::spawn(async move { appender.run(handed, cancel).await });
        handle
    }

    fn now(&self) -> Millis {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    async fn run(self, mut handed: UnboundedReceiver<Handed>, cancel: CancellationToken) {
        let holder = Uuid::new_v4();
        let mut left_over: Vec<(Queued, Waiting)> = Vec::new();
        loop {
            let lease = tokio::select! {
                () = cancel.cancelled() => break,
                lease = self.acquire(holder) => lease,
            };
            self.shared.update(|status| status.holds_lease = true);
            match self.under_lease(lease, &mut handed, &cancel, left_over).await {
                Ok(rest) => left_over = rest,
                Err(error) => {
                    tracing::warn!(%error, "the appender starts again");
                    left_over = Vec::new();
                    sleep(RETRY).await;
                }
            }
            self.shared.update(|status| status.holds_lease = false);
            if cancel.is_cancelled() {
                if let Err(error) = lease::release(&self.pool, lease).await {
                    tracing::debug!(%error, "the lease could not be given back; it will end by itself");
                }
                break;
            }
        }
        handed.close();
        let stopping = CommitOutcome::Failed(Unavailable::Stopping);
        left_over
            .into_iter()
            .for_each(|(_, waiting)| waiting.waiter.resolve(stopping));
        while let Some(rest) = handed.recv().await {
            rest.waiter.resolve(stopping);
        }
    }

    async fn acquire(&self, holder: Uuid) -> Lease {
        loop {
            match lease::acquire(&self.pool, self.signer.address(), holder).await {
                Ok(Some(lease)) => return lease,
                Ok(None) => self.shared.trouble("another server holds the lease on the signing key"),
                Err(error) => self.shared.trouble(&format!("the lease cannot be asked for: {error}")),
            }
            sleep(lease::RENEW_EVERY / 4).await;
        }
    }

    /// Appends until the lease is lost or the server stops. Answers with what is not durable.
    async fn under_lease(
        &self,
        lease: Lease,
        handed: &mut UnboundedReceiver<Handed>,
        cancel: &CancellationToken,
        left_over: Vec<(Queued, Waiting)>,
    ) -> Result<Vec<(Queued, Waiting)>, OutboxError> {
        let mut notices = self.notices.subscribe();
        let chain_id = self.node.chain_id();
        let outbox = Outbox::new(
            self.pool.clone(),
            lease,
            Arc::clone(&self.signer),
            chain_id,
            self.config.contract,
        );
        let (messages, mut inbox) = unbounded_channel();
        let ended = CancellationToken::new();
        let _end_tasks = ended.clone().drop_guard();
        let mut desk = Desk::new(self, messages.clone(), ended.clone(), outbox.clone());

        let restored = tokio::select! {
            () = cancel.cancelled() => return Ok(left_over),
            restored = self.restore(&outbox, &mut desk) => restored?,
        };
        let mut machine = restored;
        self.keep_lease(lease, &messages, &ended);
        self.keep_market(&messages, &ended);

        let mut actions = Vec::new();
        for (queued, waiting) in left_over {
            desk.waiting.insert(queued.key, waiting);
            machine.on(self.now(), Input::Queue(queued), &mut actions);
        }
        loop {
            desk.perform(&mut actions);
            self.shared.show(&machine, desk.waiting.len(), self.now());
            let wake = machine.wake_at().map(|at| self.started + Duration::from_millis(at));
            let timer = async {
                match wake {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = cancel.cancelled() => break,
                Some(commit) = handed.recv() => {
                    self.take_in(commit, &mut machine, &mut desk, &mut actions);
                    // Whatever else was handed over meanwhile comes along: it costs one look, not one round each.
                    while let Ok(commit) = handed.try_recv() {
                        self.take_in(commit, &mut machine, &mut desk, &mut actions);
                    }
                }
                Some(notice) = notices.recv() => hear(&notice, self.now(), &mut machine, &mut actions),
                Some(message) = inbox.recv() => match message {
                    Message::LeaseLost => break,
                    message => desk.hear(message, self.now(), &mut machine, &mut actions),
                },
                () = timer => machine.on(self.now(), Input::Tick, &mut actions),
            }
        }
        let rest = machine.surrender(&mut actions);
        desk.resolve_all(&mut actions);
        Ok(rest
            .into_iter()
            .filter_map(|queued| Some((queued.clone(), desk.waiting.remove(&queued.key)?)))
            .collect())
    }

    /// A machine over what the outbox holds. It asks until everybody has answered.
    async fn restore(&self, outbox: &Outbox, desk: &mut Desk) -> Result<Machine, OutboxError> {
        let around = loop {
            match self.surroundings().await {
                Ok(around) => break around,
                Err(cause) => self.shared.trouble(&cause),
            }
            sleep(RETRY).await;
        };
        let (batches, raws) = outbox.restore(|| self.shared.next_key()).await?;
        desk.raws = raws;
        desk.hashes = batches
            .iter()
            .map(|batch| (batch.nonce, batch.hashes.clone()))
            .collect();
        Ok(Machine::restored(self.config.limits, around, batches, self.now()))
    }

    /// The follower's checkpoint is read after the subscription to its notices began, so nothing falls between the two.
    async fn surroundings(&self) -> Result<Surroundings, String> {
        let chain = |error: ChainError| error.to_string();
        let nonce = self.node.nonce(self.signer.address()).await.map_err(chain)?;
        let head = self.node.block_number().await.map_err(chain)?;
        let row = sqlx::query("SELECT block_number, final_block FROM checkpoint")
            .fetch_one(&self.pool)
            .await;
        let row = row.map_err(|_| "the follower has not begun yet".to_owned())?;
        let number = |index: usize| {
            row.try_get::<i64, _>(index)
                .map(i64::cast_unsigned)
                .map_err(|error| error.to_string())
        };
        Ok(Surroundings {
            nonce,
            head,
            applied: number(0)?,
            final_block: number(1)?,
        })
    }

    fn take_in(&self, commit: Handed, machine: &mut Machine, desk: &mut Desk, actions: &mut Vec<Action>) {
        let Handed {
            key,
            commit,
            size,
            keys,
            waiter,
        } = commit;
        desk.waiting.insert(key, Waiting { keys, waiter });
        machine.on(self.now(), Input::Queue(Queued { key, commit, size }), actions);
    }

    fn keep_lease(&self, lease: Lease, messages: &UnboundedSender<Message>, ended: &CancellationToken) {
        let (pool, messages, ended) = (self.pool.clone(), messages.clone(), ended.clone());
        tokio::spawn(ended.run_until_cancelled_owned(async move {
            let mut renewed = Instant::now();
            loop {
                sleep(lease::RENEW_EVERY).await;
                match lease::renew(&pool, lease).await {
                    Ok(true) => renewed = Instant::now(),
                    Ok(false) => break,
                    // Nobody can take it from us while nobody can write; but nobody knows who can.
                    Err(_) if renewed.elapsed() < lease::LASTS => {}
                    Err(_) => break,
                }
            }
            let _ = messages.send(Message::LeaseLost);
        }));
    }

    fn keep_market(&self, messages: &UnboundedSender<Message>, ended: &CancellationToken) {
        let log = EventLog::new(self.node.clone(), self.config.contract);
        let (address, every) = (self.signer.address(), self.config.fees_every);
        let (shared, messages, ended) = (Arc::clone(&self.shared), messages.clone(), ended.clone());
        tokio::spawn(ended.run_until_cancelled_owned(async move {
            loop {
                let pause = match log.node().fees().await {
                    Ok(fees) => {
                        let _ = messages.send(Message::Fees(fees));
                        every
                    }
                    Err(error) => {
                        shared.trouble(&error.to_string());
                        RETRY
                    }
                };
                if let Ok(authorized) = log.is_writer(address).await {
                    if !authorized {
                        shared.trouble("the signing key may not append: it lacks the writer role");
                    }
                    let _ = messages.send(Message::Authorized(authorized));
                }
                sleep(pause).await;
            }
        }));
    }
}

/// What somebody who handed a commit over waits for, and the keys that the commit brings.
pub(super) struct Waiting {
    keys: Vec<NewKey>,
    waiter: Waiter,
}

/// The runner's desk: what is known of each commit and each signature, and whom to give work.
struct Desk {
    node: Node,
    address: Address,
    contract: Address,
    notices: Notices,
    shared: Arc<Shared>,
    messages: UnboundedSender<Message>,
    jobs: UnboundedSender<Job>,
    ended: CancellationToken,
    waiting: HashMap<CommitKey, Waiting>,
    raws: HashMap<Hash, Arc<[u8]>>,
    hashes: HashMap<Nonce, Vec<Hash>>,
}

impl Desk {
    fn new(appender: &Appender, messages: UnboundedSender<Message>, ended: CancellationToken, outbox: Outbox) -> Self {
        let (jobs, queue) = unbounded_channel();
        let worker = work(outbox, queue, messages.clone(), Arc::clone(&appender.shared));
        tokio::spawn(ended.clone().run_until_cancelled_owned(worker));
        Self {
            node: appender.node.clone(),
            address: appender.signer.address(),
            contract: appender.config.contract,
            notices: appender.notices.clone(),
            shared: Arc::clone(&appender.shared),
            messages,
            jobs,
            ended,
            waiting: HashMap::new(),
            raws: HashMap::new(),
            hashes: HashMap::new(),
        }
    }

    fn perform(&mut self, actions: &mut Vec<Action>) {
        for action in actions.drain(..) {
            self.act(action);
        }
    }

    /// When the appender stops only those who wait are told; nothing new is begun.
    fn resolve_all(&mut self, actions: &mut Vec<Action>) {
        actions.retain(|action| matches!(action, Action::Resolve(..) | Action::Accepted(_)));
        self.perform(actions);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Store(batch) => {
                crash_point(APPENDER_GATHERED);
                // Kept here as well, until the commit is durable: another lease may have to store it.
                let keys = batch.fresh.iter().filter_map(|(key, _)| self.waiting.get(key));
                let keys = keys.flat_map(|waiting| waiting.keys.iter().cloned()).collect();
                self.give(Job::Store(batch, keys));
            }
            Action::Replace { nonce, fee } => {
                let newest = self.hashes.get(&nonce).and_then(|hashes| hashes.last());
                if let Some(raw) = newest.and_then(|hash| self.raws.get(hash)) {
                    self.give(Job::Replace {
                        nonce,
                        raw: Arc::clone(raw),
                        fee,
                    });
                }
            }
            Action::Send { nonce, hash } => self.send(nonce, &hash),
            Action::AskNonce => self.ask_nonce(),
            Action::AskReceipt {
                nonce,
                hashes,
                final_block,
            } => self.ask_receipt(nonce, hashes, final_block),
            Action::Accepted(key) => {
                if let Some(waiting) = self.waiting.get_mut(&key) {
                    waiting.waiter.accept();
                }
            }
            Action::Mined { .. } => crash_point(APPENDER_MINED_SEEN),
            Action::MarkRejected(commands) => self.give(Job::Discard(commands)),
            Action::Discard(command) => self.give(Job::Discard(vec![command])),
            Action::Resolve(key, outcome) => {
                if let Some(waiting) = self.waiting.remove(&key) {
                    waiting.waiter.resolve(outcome);
                    crash_point(APPENDER_RESOLVED);
                }
            }
            Action::Forget(nonces) => {
                for hash in nonces.iter().filter_map(|nonce| self.hashes.remove(nonce)).flatten() {
                    self.raws.remove(&hash);
                }
                self.give(Job::Forget(nonces));
            }
        }
    }

    fn give(&self, job: Job) {
        // The worker lives as long as the desk, or everything is being given up.
        let _ = self.jobs.send(job);
    }

    fn spawn(&self, task: impl Future<Output = Message> + Send + 'static) {
        let messages = self.messages.clone();
        tokio::spawn(self.ended.clone().run_until_cancelled_owned(async move {
            let _ = messages.send(task.await);
        }));
    }

    fn send(&self, nonce: Nonce, hash: &Hash) {
        let Some(raw) = self.raws.get(hash).map(Arc::clone) else {
            return;
        };
        let (node, notices, shared) = (self.node.clone(), self.notices.clone(), Arc::clone(&self.shared));
        self.spawn(async move {
            let answer = match node.send_raw(&raw).await {
                Ok(_) => SendAnswer::Taken,
                Err(error) => {
                    let answer = classify(&error);
                    if answer == SendAnswer::Refused {
                        shared.trouble(&error.to_string());
                    }
                    answer
                }
            };
            if answer == SendAnswer::Taken {
                crash_point(APPENDER_SENT);
                notices.expect_block();
            }
            Message::Sent { nonce, answer }
        });
    }

    fn ask_nonce(&self) {
        let (node, address) = (self.node.clone(), self.address);
        self.spawn(async move {
            let seen = async {
                let count = node.nonce(address).await?;
                let head = node.block_number().await?;
                Ok::<_, ChainError>((head, count))
            };
            Message::Nonce(seen.await.ok())
        });
    }

    fn ask_receipt(&self, nonce: Nonce, hashes: Vec<Hash>, final_block: u64) {
        let (node, address, contract) = (self.node.clone(), self.address, self.contract);
        self.spawn(async move {
            let seen = async {
                let used = node.nonce_at(address, BlockId::Number(final_block)).await? > nonce;
                let receipt = node.receipts(&hashes).await?.into_iter().flatten().next();
                let Some(receipt) = receipt else {
                    return Ok((used, None));
                };
                let authorized = receipt.succeeded || EventLog::new(node, contract).is_writer(address).await?;
                let seen = ReceiptSeen {
                    block: receipt.block_number,
                    succeeded: receipt.succeeded,
                    authorized,
                };
                Ok::<_, ChainError>((used, Some(seen)))
            };
            Message::Receipt {
                nonce,
                seen: seen.await.ok(),
            }
        });
    }

    fn hear(&mut self, message: Message, now: Millis, machine: &mut Machine, actions: &mut Vec<Action>) {
        match message {
            Message::Stored {
                nonce,
                batch: StoredBatch::Nothing,
            } => {
                machine.on(now, Input::NothingStored { nonce }, actions);
            }
            Message::Stored {
                nonce,
                batch: StoredBatch::Stored { signed, duplicates },
            } => {
                self.remember(nonce, signed.hash, signed.raw.into());
                let hash = signed.hash;
                machine.on(
                    now,
                    Input::Stored {
                        nonce,
                        hash,
                        duplicates,
                    },
                    actions,
                );
            }
            Message::Replaced {
                nonce,
                signed: (hash, raw),
                fee,
            } => {
                self.remember(nonce, hash, raw);
                machine.on(now, Input::Replaced { nonce, hash, fee }, actions);
            }
            Message::Sent { nonce, answer } => machine.on(now, Input::Sent { nonce, answer }, actions),
            Message::Nonce(Some((head, count))) => machine.on(now, Input::NonceSeen { head, count }, actions),
            Message::Nonce(None) => machine.on(now, Input::NonceUnknown, actions),
            Message::Receipt {
                nonce,
                seen: Some((used, receipt)),
            } => {
                machine.on(now, Input::ReceiptSeen { nonce, used, receipt }, actions);
            }
            Message::Receipt { nonce, seen: None } => machine.on(now, Input::ReceiptUnknown { nonce }, actions),
            Message::Fees(fees) => {
                self.shared.clear_trouble();
                machine.on(now, Input::Fees(fees), actions);
            }
            Message::Authorized(authorized) => machine.on(now, Input::Authorized(authorized), actions),
            Message::LeaseLost => {}
        }
    }

    fn remember(&mut self, nonce: Nonce, hash: Hash, raw: Arc<[u8]>) {
        self.raws.insert(hash, raw);
        self.hashes.entry(nonce).or_default().push(hash);
    }
}

/// Tells the machine what the follower told.
fn hear(notice: &Notice, now: Millis, machine: &mut Machine, actions: &mut Vec<Action>) {
    match notice {
        Notice::Applied {
            block,
            appended,
            rejected,
            ..
        } => {
            let input = Input::Applied {
                block: block.number,
                appended,
                rejected,
            };
            machine.on(now, input, actions);
        }
        Notice::Reverted { to, .. } => machine.on(now, Input::Reverted { to: *to }, actions),
        Notice::Finalized { block, .. } => machine.on(now, Input::Finalized { block: *block }, actions),
    }
}

/// The outbox's worker: one job after another, each until it is done.
async fn work(
    outbox: Outbox,
    mut jobs: UnboundedReceiver<Job>,
    messages: UnboundedSender<Message>,
    shared: Arc<Shared>,
) {
    while let Some(job) = jobs.recv().await {
        loop {
            match perform(&outbox, &job).await {
                Ok(Some(message)) => {
                    let _ = messages.send(message);
                    break;
                }
                Ok(None) => break,
                Err(OutboxError::Database(error)) => shared.trouble(&format!("the outbox cannot be written: {error}")),
                Err(error) => {
                    shared.trouble(&error.to_string());
                    let _ = messages.send(Message::LeaseLost);
                    return;
                }
            }
            sleep(RETRY).await;
        }
    }
}

async fn perform(outbox: &Outbox, job: &Job) -> Result<Option<Message>, OutboxError> {
    Ok(match job {
        Job::Store(batch, keys) => {
            let stored = outbox.store(batch, keys).await?;
            crash_point(APPENDER_STORED);
            Some(Message::Stored {
                nonce: batch.nonce,
                batch: stored,
            })
        }
        Job::Replace { nonce, raw, fee } => {
            let signed = outbox.replace(*nonce, raw, *fee).await?;
            Some(Message::Replaced {
                nonce: *nonce,
                signed: (signed.hash, signed.raw.into()),
                fee: *fee,
            })
        }
        Job::Discard(commands) => {
            outbox.discard(commands).await?;
            None
        }
        Job::Forget(nonces) => {
            outbox.forget(nonces).await?;
            crash_point(APPENDER_OUTBOX_CLEANED);
            None
        }
    })
}

/// What a node's refusal means. Nodes agree on no code, so the words decide; a refusal that is not understood is tried again.
fn classify(error: &ChainError) -> SendAnswer {
    let ChainError::Rpc { message, .. } = error else {
        return SendAnswer::Refused;
    };
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["already known", "already imported", "known transaction", "alreadyknown"]) {
        SendAnswer::Taken
    } else if says(&[
        "nonce too low",
        "nonce is too low",
        "oldnonce",
        "nonce has already been used",
    ]) {
        SendAnswer::NonceTooLow
    } else if says(&[
        "underpriced",
        "fee too low",
        "max fee per gas less than block base fee",
        "feetoolow",
    ]) {
        SendAnswer::Underpriced
    } else {
        SendAnswer::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodes_say_is_understood_whatever_their_words() {
        let answer = |message: &str| {
            classify(&ChainError::Rpc {
                code: -32000,
                message: message.to_owned(),
            })
        };
        assert_eq!(answer("already known"), SendAnswer::Taken);
        assert_eq!(answer("transaction already imported"), SendAnswer::Taken);
        assert_eq!(
            answer("nonce too low: next nonce 5, tx nonce 4"),
            SendAnswer::NonceTooLow
        );
        assert_eq!(answer("replacement transaction underpriced"), SendAnswer::Underpriced);
        assert_eq!(
            answer("max fee per gas less than block base fee"),
            SendAnswer::Underpriced
        );
        assert_eq!(answer("something new"), SendAnswer::Refused);
        assert_eq!(classify(&ChainError::Timeout), SendAnswer::Refused);
    }
}
