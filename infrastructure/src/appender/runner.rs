//! Does what the [machine](super::machine) decides, and tells it what came of it. One task owns the machine.
//!
//! While it holds the lease on a signing key it appends; without one, commits wait, as long as the machine would let them. A new
//! lease begins with what the outbox holds, whether or not a node answers.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use application::command::Unavailable;
use application::trouble::TroubleKind;
use sqlx::PgPool;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::adoption::Bequest;
use super::desk::{Desk, Message, Waiting};
use super::gas_probes::GasProbes;
use super::handle::{AppenderHandle, Handed};
use super::heir::Heirs;
use super::lease::{self, Held};
use super::machine::{Action, CommitKey, Input, Limits, Machine, Millis, Queued, Surroundings};
use super::outbox::{Outbox, OutboxError};
use super::status::Shared;
use super::worker::{End, RETRY};
use crate::chain::{Address, BlockId, EventLog, Fees, Node, Signer};
use crate::log::{Commit, CommitOutcome};
use crate::notices::{Notice, Notices};
use crate::postgres::{ANSWER, within};

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

/// How long it may take to read the outbox.
pub(super) const RESTORED_WITHIN: Duration = Duration::from_secs(60);

/// How long the end of a lease waits for the database to say what became of the last batch.
const LAST_WORD: Duration = Duration::from_secs(5);

/// How long the follower may take to begin before anybody is told: at every start it is a moment later.
const FOLLOWER_BEGINS: Duration = Duration::from_secs(10);

/// No transaction that appends something uses less gas.
const LEAST_GAS: u64 = 50_000;

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

/// What comes to an appender.
struct Inbox {
    /// From whoever executes commands.
    handed: UnboundedReceiver<Handed>,
    /// From the heirs of other keys.
    left: UnboundedReceiver<Bequest>,
}

/// A commit that is not known to be durable, for the next lease.
struct LeftOver {
    queued: Queued,
    waiting: Waiting,
    /// Whether it may have been stored nevertheless.
    perhaps: bool,
}

/// What to tell of a commit that is left over: of one that may have been stored it cannot be told here.
const fn unless_perhaps(perhaps: bool, outcome: CommitOutcome) -> CommitOutcome {
    if perhaps { CommitOutcome::HandedOver } else { outcome }
}

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
        let (bequests, left) = unbounded_channel();
        let signers = signers.into_iter().map(Arc::new).collect();
        let started = Instant::now();
        let heirs = Heirs::new(
            config,
            node.clone(),
            pool.clone(),
            notices.clone(),
            Arc::clone(&shared),
            bequests,
            started,
        );
        tokio::spawn(heirs.run(cancel.clone()));
        let appender = Self {
            config,
            node,
            pool,
            signers,
            notices,
            shared,
            started,
        };
        tokio::spawn(async move { appender.run(Inbox { handed, left }, cancel).await });
        handle
    }

    fn now(&self) -> Millis {
        self.millis(Instant::now())
    }

    fn millis(&self, at: Instant) -> Millis {
        u64::try_from(at.saturating_duration_since(self.started).as_millis()).unwrap_or(Millis::MAX)
    }

    async fn run(self, mut inbox: Inbox, cancel: CancellationToken) {
        let holder = Uuid::new_v4();
        let mut left_over = Vec::new();
        loop {
            let (held, signer) = tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                acquired = self.acquire(holder) => acquired,
                never = self.turn_away(&mut inbox.handed, &mut left_over) => match never {},
            };
            let address = signer.address();
            self.shared.lease(address, true);
            if let Err(error) = self
                .under_lease(held, signer, &mut inbox, &cancel, &mut left_over)
                .await
            {
                self.shared.trouble(
                    TroubleKind::AppenderWithoutDatabase,
                    &format!("the outbox cannot be read: {error}"),
                );
                sleep(RETRY).await;
            }
            self.shared.lease(address, false);
        }
        inbox.handed.close();
        let stopping = CommitOutcome::Failed(Unavailable::Stopping);
        for LeftOver { waiting, perhaps, .. } in left_over {
            waiting.waiter.resolve(unless_perhaps(perhaps, stopping));
        }
        while let Some(rest) = inbox.handed.recv().await {
            rest.waiter.resolve(stopping);
        }
    }

    /// Takes commits in while nothing can be stored, and turns away those that have waited too long. Never ends, and may be dropped at
    /// any time.
    async fn turn_away(&self, handed: &mut UnboundedReceiver<Handed>, left_over: &mut Vec<LeftOver>) -> Infallible {
        loop {
            tokio::select! {
                Some(commit) = handed.recv() => {
                    let (queued, waiting) = self.unpack(commit);
                    left_over.push(LeftOver { queued, waiting, perhaps: false });
                }
                () = sleep(RETRY) => {
                    let oldest = self.now().saturating_sub(self.config.limits.durable_within);
                    for LeftOver { waiting, perhaps, .. } in left_over.extract_if(.., |commit| commit.queued.since < oldest) {
                        let failed = CommitOutcome::Failed(self.shared.why_full());
                        waiting.waiter.resolve(unless_perhaps(perhaps, failed));
                    }
                }
            }
        }
    }

    /// Waits for a lease on one of the keys.
    async fn acquire(&self, holder: Uuid) -> (Held, Arc<Signer>) {
        loop {
            for signer in &self.signers {
                match lease::acquire(&self.pool, signer.address(), holder).await {
                    Ok(Some(held)) => {
                        self.shared.well(TroubleKind::SigningKeyTaken);
                        self.shared.well(TroubleKind::AppenderWithoutDatabase);
                        return (held, Arc::clone(signer));
                    }
                    Ok(None) => self.shared.trouble(
                        TroubleKind::SigningKeyTaken,
                        "other servers hold the leases on all signing keys",
                    ),
                    Err(error) => {
                        self.shared.trouble(
                            TroubleKind::AppenderWithoutDatabase,
                            &format!("the lease cannot be asked for: {error}"),
                        );
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
        Inbox { handed, left }: &mut Inbox,
        cancel: &CancellationToken,
        left_over: &mut Vec<LeftOver>,
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
        let began = Instant::now();
        let restored = loop {
            let around = tokio::select! {
                () = &mut over => break None,
                around = self.surroundings() => around,
            };
            match around {
                Ok(around) => break Some(self.restore(&outbox, around, &mut desk, left_over).await?),
                Err(_) if began.elapsed() < FOLLOWER_BEGINS => {}
                Err(cause) => self.shared.trouble(TroubleKind::AppenderWithoutDatabase, &cause),
            }
            tokio::select! {
                () = &mut over => break None,
                () = sleep(RETRY) => {}
                never = self.turn_away(handed, left_over) => match never {},
            }
        };
        if let Some(mut machine) = restored {
            let probes = GasProbes::new(log.clone(), address, self.pool.clone());
            tokio::spawn(ended.clone().run_until_cancelled_owned(keep_market(
                log,
                address,
                probes,
                self.config.fees_every,
                Arc::clone(&self.shared),
                messages,
            )));
            let mut actions = Vec::new();
            for LeftOver {
                queued,
                waiting,
                perhaps,
            } in left_over.drain(..)
            {
                // Whoever had the lease meanwhile may have carried it through and forgotten it: the log tells.
                if perhaps {
                    waiting.waiter.resolve(CommitOutcome::HandedOver);
                } else {
                    desk.waiting.insert(queued.key, waiting);
                    machine.on(self.now(), Input::Queue(queued), &mut actions);
                }
            }
            loop {
                desk.perform(&mut actions);
                self.shared.show(&machine, self.now());
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
                    Some(bequest) = left.recv() => desk.adopt(bequest, self.now(), &mut machine, &mut actions),
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
            left_over.extend(rest.into_iter().map(|(queued, waiting, certain)| LeftOver {
                queued,
                waiting,
                perhaps: !certain,
            }));
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
            if let message @ (Message::Stored { .. } | Message::Refused(_)) = message {
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
        let left_over = storing.chain(queued).filter_map(|(certain, queued)| {
            let waiting = desk.waiting.remove(&queued.key)?;
            Some((queued, waiting, certain))
        });
        let left_over = left_over.collect();
        desk.hand_over();
        left_over
    }

    /// A machine over what the outbox holds. A commit that was left over and is found there was stored after all: whoever waits for
    /// it goes on waiting for that one.
    async fn restore(
        &self,
        outbox: &Outbox,
        around: Surroundings,
        desk: &mut Desk,
        left_over: &mut Vec<LeftOver>,
    ) -> Result<Machine, OutboxError> {
        let mut found: HashSet<CommitKey> = HashSet::new();
        let restoring = outbox.restore(|commit: &Commit| {
            let same = left_over.iter().find(|known| *known.queued.commit == *commit);
            match same {
                Some(known) => {
                    found.insert(known.queued.key);
                    known.queued.key
                }
                None => self.shared.next_key(),
            }
        });
        let (batches, signatures) = within(RESTORED_WITHIN, restoring).await?;
        desk.remember_all(signatures);
        for LeftOver {
            queued, mut waiting, ..
        } in left_over.extract_if(.., |commit| found.contains(&commit.queued.key))
        {
            waiting.waiter.accept();
            desk.waiting.insert(queued.key, waiting);
        }
        Ok(Machine::restored(self.config.limits, around, batches, self.now()))
    }

    async fn surroundings(&self) -> Result<Surroundings, String> {
        let around = within(ANSWER, surroundings(&self.pool)).await;
        let around = around.map_err(|error| match error {
            sqlx::Error::RowNotFound => "the follower has not begun yet".to_owned(),
            error => format!("the checkpoint cannot be read: {error}"),
        })?;
        self.shared.well(TroubleKind::AppenderWithoutDatabase);
        Ok(around)
    }

    fn take_in(&self, commit: Handed, machine: &mut Machine, desk: &mut Desk, actions: &mut Vec<Action>) {
        let (queued, waiting) = self.unpack(commit);
        desk.waiting.insert(queued.key, waiting);
        machine.on(self.now(), Input::Queue(queued), actions);
    }

    fn unpack(&self, commit: Handed) -> (Queued, Waiting) {
        let Handed {
            key,
            commit,
            size,
            at,
            keys,
            waiter,
        } = commit;
        let since = self.millis(at);
        let queued = Queued {
            key,
            commit,
            size,
            since,
        };
        (queued, Waiting { keys, waiter })
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
            Ok(true) => shared.well(TroubleKind::AppenderWithoutDatabase),
            Ok(false) => {
                shared.trouble(
                    TroubleKind::SigningKeyTaken,
                    "another server has taken the lease on the signing key",
                );
                lost.cancel();
                return;
            }
            // While nobody can reach the database nobody can take the lease; and the fence tells when somebody did.
            Err(error) => shared.trouble(
                TroubleKind::AppenderWithoutDatabase,
                &format!("the lease cannot be renewed: {error}"),
            ),
        }
    }
    if let Err(error) = held.release().await {
        tracing::debug!(%error, "the lease could not be given back; it ends by itself");
    }
}

/// Asks what gas costs, how much of it a block has and what things cost in it, and whether the account may append.
///
/// How much gas things cost is asked before what gas costs, for without that no first batch is made.
async fn keep_market(
    log: EventLog,
    address: Address,
    mut probes: GasProbes,
    every: Duration,
    shared: Arc<Shared>,
    messages: UnboundedSender<Message>,
) {
    loop {
        if let Some(rules) = probes.due().await {
            let _ = messages.send(Message::GasRules(rules));
        }
        // Before the fees, for where gas is free they depend on it.
        let funds = log.node().balance(address).await.ok();
        if let Some(funds) = funds {
            let _ = messages.send(Message::Funds(funds));
        }
        let pause = match log.node().fees().await {
            Ok(fees) => {
                shared.well(TroubleKind::AppenderWithoutNode);
                if let Some(funds) = funds {
                    tell_of_funds(funds, fees, address, &shared);
                }
                let _ = messages.send(Message::Fees(fees));
                every
            }
            Err(error) => {
                shared.trouble(TroubleKind::AppenderWithoutNode, &error.to_string());
                RETRY
            }
        };
        if let Ok(Some(newest)) = log.node().header(BlockId::Latest).await {
            let _ = messages.send(Message::BlockGas(newest.gas_limit));
        }
        if let Ok(authorized) = log.is_writer(address).await {
            if authorized {
                shared.well(TroubleKind::SigningKeyNotAppointed);
            } else {
                let contract = log.address();
                let advice = format!("medconnect deploy --contract {contract} --writer {address}");
                let cause =
                    format!("the signing key {address} may not append; the contract's administrator lets it: {advice}");
                shared.trouble(TroubleKind::SigningKeyNotAppointed, &cause);
            }
            let _ = messages.send(Message::Authorized(authorized));
        }
        tokio::select! {
            () = shared.gas_is_dear.notified() => probes.again(),
            () = sleep(pause) => {}
        }
    }
}

/// Says whether the account can pay for a transaction, before the first one is refused: that is when a server is set up.
fn tell_of_funds(funds: u128, fees: Fees, address: Address, shared: &Shared) {
    let Fees { base, priority } = fees.affordable(funds, LEAST_GAS);
    let least = base.saturating_add(priority).saturating_mul(u128::from(LEAST_GAS));
    if funds < least {
        let cause = format!("the signing key {address} cannot pay for its transactions: send it ether");
        shared.trouble(TroubleKind::SigningKeyWithoutEther, &cause);
    } else {
        shared.well(TroubleKind::SigningKeyWithoutEther);
    }
}

/// The follower's checkpoint. Read it after the subscription to its notices began: then nothing falls between the two.
pub(super) async fn surroundings(pool: &PgPool) -> Result<Surroundings, sqlx::Error> {
    let checkpoint = sqlx::query_as("SELECT block_number, final_block FROM checkpoint").fetch_one(pool);
    let (applied, final_block): (i64, i64) = checkpoint.await?;
    Ok(Surroundings {
        applied: applied.cast_unsigned(),
        final_block: final_block.cast_unsigned(),
    })
}

/// Tells the machine what the follower told.
pub(super) fn hear(notice: &Notice, now: Millis, machine: &mut Machine, actions: &mut Vec<Action>) {
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
