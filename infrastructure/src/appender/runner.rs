//! Does what the [machine](super::machine) decides, and tells it what came of it. One task owns the machine.
//!
//! While it holds the lease on a signing key it appends; without one, commits wait. A new lease begins with what the outbox holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use application::command::Unavailable;
use sqlx::PgPool;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::desk::{Desk, Message, Waiting};
use super::handle::{AppenderHandle, Handed};
use super::lease::{self, Held};
use super::machine::{Action, CommitKey, Input, Limits, Machine, Millis, Queued, Surroundings};
use super::outbox::{Outbox, OutboxError};
use super::status::{Place, Shared};
use super::worker::{End, RETRY};
use crate::chain::{Address, BlockId, ChainError, EventLog, Node, Signer};
use crate::log::{Commit, CommitOutcome};
use crate::notices::{Notice, Notices};

/// How an appender works.
#[derive(Clone, Copy, Debug)]
pub struct AppenderConfig {
    /// The contract.
    pub contract: Address,
    /// What bounds it.
    pub limits: Limits,
    /// How many commits may wait to become durable; more have to wait at the door.
    pub queue: usize,
    /// How long a commit waits at the door before it is turned away.
    pub patience: Duration,
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
            patience: Duration::from_secs(2),
            fees_every: Duration::from_secs(5),
        }
    }
}

/// How long the end of a lease waits for the database to say what became of the last batch.
const LAST_WORD: Duration = Duration::from_secs(5);

/// The appender.
pub struct Appender {
    config: AppenderConfig,
    node: Node,
    pool: PgPool,
    signers: Vec<Arc<Signer>>,
    notices: Notices,
    shared: Arc<Shared>,
    started: Instant,
}

/// Commits that are not known to be durable, for the next lease.
type LeftOver = Vec<(Queued, Waiting)>;

impl Appender {
    /// Starts an appender in the background. It signs with the first of its keys whose lease is free, and runs until it is
    /// cancelled.
    pub fn start(
        config: AppenderConfig,
        node: Node,
        pool: PgPool,
        signers: Vec<Signer>,
        notices: Notices,
        cancel: CancellationToken,
    ) -> AppenderHandle {
        let first = signers.first().map(Signer::address).unwrap_or_default();
        let shared = Arc::new(Shared::new(first));
        let (handle, handed) = AppenderHandle::new(config.queue, config.patience, config.limits, Arc::clone(&shared));
        let signers = signers.into_iter().map(Arc::new).collect();
        let appender = Self {
            config,
            node,
            pool,
            signers,
            notices,
            shared,
            started: Instant::now(),
        };
        tokio::spawn(async move { appender.run(handed, cancel).await });
        handle
    }

    fn now(&self) -> Millis {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    async fn run(self, mut handed: UnboundedReceiver<Handed>, cancel: CancellationToken) {
        let holder = Uuid::new_v4();
        let mut left_over = LeftOver::new();
        while let Some((held, signer)) = cancel.run_until_cancelled(self.acquire(holder)).await {
            let address = signer.address();
            self.shared.lease(address, true);
            if let Err(error) = self
                .under_lease(held, signer, &mut handed, &cancel, &mut left_over)
                .await
            {
                self.shared
                    .trouble(Place::Database, &format!("the outbox cannot be read: {error}"));
                sleep(RETRY).await;
            }
            self.shared.lease(address, false);
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

    /// Waits for a lease on one of the keys.
    async fn acquire(&self, holder: Uuid) -> (Held, Arc<Signer>) {
        loop {
            for signer in &self.signers {
                match lease::acquire(&self.pool, signer.address(), holder).await {
                    Ok(Some(held)) => {
                        self.shared.well(Place::Lease);
                        self.shared.well(Place::Database);
                        return (held, Arc::clone(signer));
                    }
                    Ok(None) => self
                        .shared
                        .trouble(Place::Lease, "other servers hold the leases on all signing keys"),
                    Err(error) => {
                        self.shared
                            .trouble(Place::Database, &format!("the lease cannot be asked for: {error}"));
                    }
                }
            }
            sleep(RETRY).await;
        }
    }

    /// Appends until the lease is lost or the server stops. What is not known to be durable then is left over.
    async fn under_lease(
        &self,
        held: Held,
        signer: Arc<Signer>,
        handed: &mut UnboundedReceiver<Handed>,
        cancel: &CancellationToken,
        left_over: &mut LeftOver,
    ) -> Result<(), OutboxError> {
        let mut notices = self.notices.subscribe();
        let log = EventLog::new(self.node.clone(), self.config.contract);
        let address = signer.address();
        let outbox = Outbox::new(
            self.pool.clone(),
            held.lease,
            signer,
            self.node.chain_id(),
            self.config.contract,
        );
        let (messages, mut inbox) = unbounded_channel();
        let ended = CancellationToken::new();
        let end_all = ended.clone().drop_guard();
        let lost = CancellationToken::new();
        let keeper = tokio::spawn(keep_lease(
            held,
            self.pool.clone(),
            Arc::clone(&self.shared),
            lost.clone(),
            ended.clone(),
        ));
        let (mut desk, worker) = Desk::new(
            log.clone(),
            address,
            self.notices.clone(),
            Arc::clone(&self.shared),
            messages.clone(),
            outbox.clone(),
            ended.clone(),
        );

        let over = async {
            tokio::select! { () = cancel.cancelled() => {}, () = lost.cancelled() => {} }
        };
        tokio::pin!(over);
        let restored = tokio::select! {
            () = &mut over => None,
            restored = self.restore(&outbox, &log, address, &mut desk, left_over) => Some(restored?),
        };
        if let Some(mut machine) = restored {
            tokio::spawn(ended.clone().run_until_cancelled_owned(keep_market(
                log,
                address,
                self.config.fees_every,
                Arc::clone(&self.shared),
                messages,
            )));
            let mut actions = Vec::new();
            for (queued, waiting) in left_over.drain(..) {
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
                    () = &mut over => break,
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
            drop(end_all);
            let rest = self.wind_up(machine, desk, worker, &mut inbox).await;
            let stopping = cancel.is_cancelled();
            for (queued, waiting, certain) in rest {
                if stopping && !certain {
                    waiting.waiter.resolve(CommitOutcome::HandedOver);
                } else {
                    left_over.push((queued, waiting));
                }
            }
        }
        ended.cancel();
        // The keeper gives the lease back, if it is still there to give.
        let _ = keeper.await;
        Ok(())
    }

    /// Hears the last word on the batch that was being stored, and tells everybody whose commit is durable. Answers with the other
    /// commits, and with whether each is certainly not.
    async fn wind_up(
        &self,
        mut machine: Machine,
        mut desk: Desk,
        worker: tokio::task::JoinHandle<End>,
        inbox: &mut UnboundedReceiver<Message>,
    ) -> Vec<(Queued, Waiting, bool)> {
        desk.close();
        let end = timeout(LAST_WORD, worker).await;
        let certain = matches!(end, Ok(Ok(End::Certain)));
        let mut actions = Vec::new();
        while let Ok(message) = inbox.try_recv() {
            if let message @ Message::Stored { .. } = message {
                desk.hear(message, self.now(), &mut machine, &mut actions);
            }
        }
        // The machine may have gathered the next batch meanwhile; nobody was given it.
        let rest = machine.surrender(&mut actions);
        let gathered = actions.iter().filter_map(|action| match action {
            Action::Store(batch) => Some(batch.fresh.iter().map(|(key, _)| *key)),
            _ => None,
        });
        let gathered: Vec<CommitKey> = gathered.flatten().collect();
        desk.tell_only(&mut actions);
        let storing = rest
            .storing
            .into_iter()
            .map(|queued| (certain || gathered.contains(&queued.key), queued));
        let queued = rest.queued.into_iter().map(|queued| (true, queued));
        storing
            .chain(queued)
            .filter_map(|(certain, queued)| {
                let waiting = desk.waiting.remove(&queued.key)?;
                Some((queued, waiting, certain))
            })
            .collect()
    }

    /// A machine over what the outbox holds. It asks until everybody has answered. A commit that was left over and is found in the
    /// outbox was stored after all: whoever waits for it goes on waiting for that one.
    async fn restore(
        &self,
        outbox: &Outbox,
        log: &EventLog,
        address: Address,
        desk: &mut Desk,
        left_over: &mut LeftOver,
    ) -> Result<Machine, OutboxError> {
        let (around, limits) = loop {
            match self.surroundings(log.node(), address).await {
                Ok(around) => break around,
                Err((place, cause)) => self.shared.trouble(place, &cause),
            }
            sleep(RETRY).await;
        };
        let mut found: HashMap<CommitKey, ()> = HashMap::new();
        let (batches, signatures) = outbox
            .restore(|commit: &Commit| {
                let same = left_over.iter().find(|(queued, _)| *queued.commit == *commit);
                match same {
                    Some((queued, _)) => {
                        found.insert(queued.key, ());
                        queued.key
                    }
                    None => self.shared.next_key(),
                }
            })
            .await?;
        desk.remember_all(signatures);
        let (stored, rest): (LeftOver, LeftOver) = std::mem::take(left_over)
            .into_iter()
            .partition(|(queued, _)| found.contains_key(&queued.key));
        *left_over = rest;
        for (queued, mut waiting) in stored {
            waiting.waiter.accept();
            desk.waiting.insert(queued.key, waiting);
        }
        Ok(Machine::restored(limits, around, batches, self.now()))
    }

    /// The follower's checkpoint is read after the subscription to its notices began, so nothing falls between the two.
    async fn surroundings(&self, node: &Node, address: Address) -> Result<(Surroundings, Limits), (Place, String)> {
        let chain = |error: ChainError| (Place::Chain, error.to_string());
        let nonce = node.nonce(address).await.map_err(chain)?;
        let newest = node.header(BlockId::Latest).await.map_err(chain)?;
        let newest = newest.ok_or_else(|| (Place::Chain, "the chain has no block".to_owned()))?;
        self.shared.well(Place::Chain);
        let checkpoint = sqlx::query_as("SELECT block_number, final_block FROM checkpoint").fetch_one(&self.pool);
        let (applied, final_block): (i64, i64) = checkpoint
            .await
            .map_err(|_| (Place::Database, "the follower has not begun yet".to_owned()))?;
        self.shared.well(Place::Database);
        let around = Surroundings {
            nonce,
            head: newest.block.number,
            applied: applied.cast_unsigned(),
            final_block: final_block.cast_unsigned(),
        };
        // No transaction may ask for more than a block has.
        let limits = Limits {
            batch_gas: self.config.limits.batch_gas.min(newest.gas_limit),
            ..self.config.limits
        };
        Ok((around, limits))
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
}

/// Renews the lease until it is `lost` or everything has `ended`, and gives it back then.
async fn keep_lease(
    mut held: Held,
    pool: PgPool,
    shared: Arc<Shared>,
    lost: CancellationToken,
    ended: CancellationToken,
) {
    while ended.run_until_cancelled(sleep(lease::RENEW_EVERY)).await.is_some() {
        match held.renew(&pool).await {
            Ok(true) => shared.well(Place::Database),
            Ok(false) => {
                shared.trouble(Place::Lease, "another server has taken the lease on the signing key");
                lost.cancel();
                return;
            }
            // While nobody can reach the database nobody can take the lease; and the fence tells when somebody did.
            Err(error) => shared.trouble(Place::Database, &format!("the lease cannot be renewed: {error}")),
        }
    }
    if let Err(error) = held.release().await {
        tracing::debug!(%error, "the lease could not be given back; it ends by itself");
    }
}

/// Asks what gas costs, and whether the account may append.
async fn keep_market(
    log: EventLog,
    address: Address,
    every: Duration,
    shared: Arc<Shared>,
    messages: UnboundedSender<Message>,
) {
    loop {
        let pause = match log.node().fees().await {
            Ok(fees) => {
                shared.well(Place::Chain);
                let _ = messages.send(Message::Fees(fees));
                every
            }
            Err(error) => {
                shared.trouble(Place::Chain, &error.to_string());
                RETRY
            }
        };
        if let Ok(authorized) = log.is_writer(address).await {
            if authorized {
                shared.well(Place::Role);
            } else {
                let contract = log.address();
                let advice = format!("medconnect deploy --contract {contract} --writer {address}");
                let cause =
                    format!("the signing key {address} may not append; the contract's administrator lets it: {advice}");
                shared.trouble(Place::Role, &cause);
            }
            let _ = messages.send(Message::Authorized(authorized));
        }
        sleep(pause).await;
    }
}

/// Tells the machine what the follower told.
fn hear(notice: &Notice, now: Millis, machine: &mut Machine, actions: &mut Vec<Action>) {
    let input = match notice {
        Notice::Applied {
            block,
            appended,
            rejected,
            ..
        } => Input::Applied {
            block: block.number,
            appended,
            rejected,
        },
        Notice::Reverted { to, .. } => Input::Reverted { to: *to },
        Notice::Finalized { block, .. } => Input::Finalized { block: *block },
    };
    machine.on(now, input, actions);
}
