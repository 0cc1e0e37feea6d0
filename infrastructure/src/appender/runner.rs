//! Does what the [machine](super::machine) decides, and tells it what came of it. One task owns the machine.
//!
//! While it holds the lease on a signing key it appends; without one, commits wait, as long as the machine would let them. A new
//! lease begins with what the outbox holds, whether or not a node answers.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use application::ports::command::Unavailable;
use application::trouble::TroubleKind;
use sqlx::PgPool;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::adoption::Bequest;
use super::call_handle::{CallHandle, HandedCall};
use super::checkpoint::{RESTORED_WITHIN, hear, surroundings};
use super::config::AppenderConfig;
use super::dispatch::{Dispatcher, Waiting};
use super::door::Door;
use super::gas_probes::GasProbes;
use super::handle::{AppenderHandle, Handed};
use super::heir::Heirs;
use super::lease::{self, Held};
use super::machine::{Action, CommitKey, Input, Machine, Millis, Queued, QueuedCall, Surroundings};
use super::market::{self, Account};
use super::message::Message;
use super::outbox::{Outbox, OutboxError, Standings};
use super::status::Shared;
use super::worker::{End, RETRY};
use crate::calls::CallId;
use crate::chain::{EventLog, Node, Signer};
use crate::log::{Commit, CommitOutcome};
use crate::notices::Notices;
use crate::postgres::{ANSWER, within};

/// How long the end of a lease waits for the database to say what became of the last batch.
const LAST_WORD: Duration = Duration::from_secs(5);

/// How long the follower may take to begin before anybody is told: at every start it is a moment later.
const FOLLOWER_BEGINS: Duration = Duration::from_secs(10);

/// The appender.
pub struct Appender {
    config: AppenderConfig,
    node: Node,
    pool: PgPool,
    signer: Arc<Signer>,
    notices: Notices,
    shared: Arc<Shared>,
    started: Instant,
}

/// What comes to an appender.
struct Inbox {
    /// From whoever executes commands.
    handed: UnboundedReceiver<Handed>,
    /// From whoever wants a contract called.
    calls: Calls,
    /// From the heirs of other keys.
    left: UnboundedReceiver<Bequest>,
}

/// The calls that come, and those that have come and are not durable.
struct Calls {
    handed: UnboundedReceiver<HandedCall>,
    /// For the next lease.
    left_over: Vec<HandedCall>,
}

impl Calls {
    /// Turns away those that were handed over before then.
    fn turn_away(&mut self, before: Instant, why: Unavailable) {
        let old = self.left_over.extract_if(.., |call| call.at < before);
        old.for_each(|call| call.turn_away(why));
    }
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
    /// Starts an appender in the background. It signs while it holds the lease on its key, and runs until it is cancelled. Commits are
    /// handed to the first, calls to the second.
    pub fn start(
        config: AppenderConfig,
        node: Node,
        pool: PgPool,
        signer: Signer,
        notices: Notices,
        cancel: CancellationToken,
    ) -> (AppenderHandle, CallHandle) {
        let shared = Arc::new(Shared::new(signer.address()));
        let (handle, handed) = AppenderHandle::new(config.queue, config.patience, config.limits, Arc::clone(&shared));
        let (call_handle, calls) = CallHandle::new(
            Door::new(config.queue, config.patience, Arc::clone(&shared)),
            config.limits,
            Arc::clone(&shared),
            node.clone(),
            signer.address(),
            Standings::new(pool.clone()),
            cancel.clone(),
        );
        let calls = Calls {
            handed: calls,
            left_over: Vec::new(),
        };
        let (bequests, left) = unbounded_channel();
        let started = Instant::now();
        let heirs = Heirs::new(
            config.clone(),
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
            signer: Arc::new(signer),
            notices,
            shared,
            started,
        };
        tokio::spawn(async move { appender.run(Inbox { handed, calls, left }, cancel).await });
        (handle, call_handle)
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
            let held = tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                acquired = self.acquire(holder) => acquired,
                never = self.turn_away(&mut inbox.handed, &mut inbox.calls, &mut left_over) => match never {},
            };
            let address = self.signer.address();
            self.shared.lease(address, true);
            if let Err(error) = self.under_lease(held, &mut inbox, &cancel, &mut left_over).await {
                self.shared.trouble(
                    TroubleKind::AppenderWithoutDatabase,
                    &format!("the outbox cannot be read: {error}"),
                );
                sleep(RETRY).await;
            }
            self.shared.lease(address, false);
        }
        inbox.handed.close();
        inbox.calls.handed.close();
        let stopping = CommitOutcome::Failed(Unavailable::Stopping);
        for LeftOver { waiting, perhaps, .. } in left_over {
            waiting.waiter.resolve(unless_perhaps(perhaps, stopping));
        }
        while let Some(rest) = inbox.handed.recv().await {
            rest.waiter.resolve(stopping);
        }
        while let Some(rest) = inbox.calls.handed.recv().await {
            inbox.calls.left_over.push(rest);
        }
        for rest in inbox.calls.left_over {
            rest.turn_away(Unavailable::Stopping);
        }
    }

    /// Takes commits and calls in while nothing can be stored, and turns away those that have waited too long. Never ends, and may be dropped at
    /// any time.
    async fn turn_away(
        &self,
        handed: &mut UnboundedReceiver<Handed>,
        calls: &mut Calls,
        left_over: &mut Vec<LeftOver>,
    ) -> Infallible {
        loop {
            tokio::select! {
                Some(commit) = handed.recv() => {
                    let (queued, waiting) = self.unpack(commit);
                    left_over.push(LeftOver { queued, waiting, perhaps: false });
                }
                Some(call) = calls.handed.recv() => calls.left_over.push(call),
                () = sleep(RETRY) => {
                    let patience = Duration::from_millis(self.config.limits.durable_within);
                    if let Some(before) = Instant::now().checked_sub(patience) {
                        calls.turn_away(before, self.shared.why_full());
                    }
                    let oldest = self.now().saturating_sub(self.config.limits.durable_within);
                    for LeftOver { waiting, perhaps, .. } in left_over.extract_if(.., |commit| commit.queued.since < oldest) {
                        let failed = CommitOutcome::Failed(self.shared.why_full());
                        waiting.waiter.resolve(unless_perhaps(perhaps, failed));
                    }
                }
            }
        }
    }

    /// Waits for the lease on the key.
    async fn acquire(&self, holder: Uuid) -> Held {
        loop {
            match lease::acquire(&self.pool, self.signer.address(), holder).await {
                Ok(Some(held)) => {
                    self.shared.well(TroubleKind::SigningKeyTaken);
                    self.shared.well(TroubleKind::AppenderWithoutDatabase);
                    return held;
                }
                Ok(None) => self.shared.trouble(
                    TroubleKind::SigningKeyTaken,
                    "another server holds the lease on the signing key",
                ),
                Err(error) => self.shared.trouble(
                    TroubleKind::AppenderWithoutDatabase,
                    &format!("the lease cannot be asked for: {error}"),
                ),
            }
            sleep(RETRY).await;
        }
    }

    /// Appends until the lease is lost or the server stops. What is not known to be durable then is left over.
    async fn under_lease(
        &self,
        held: Held,
        Inbox { handed, calls, left }: &mut Inbox,
        cancel: &CancellationToken,
        left_over: &mut Vec<LeftOver>,
    ) -> Result<(), OutboxError> {
        let mut notices = self.notices.subscribe();
        let log = EventLog::new(self.node.clone(), self.config.contract);
        let address = self.signer.address();
        let outbox = Outbox::new(
            self.pool.clone(),
            held.lease,
            Arc::clone(&self.signer),
            self.node.chain_id(),
            self.config.contract,
        );
        let (messages, mut inbox) = unbounded_channel();
        let ended = CancellationToken::new();
        let end_all = ended.clone().drop_guard();
        let lost = CancellationToken::new();
        let keeper = tokio::spawn(lease::keep(
            held,
            self.pool.clone(),
            Arc::clone(&self.shared),
            lost.clone(),
            ended.clone(),
        ));
        let (mut dispatcher, worker) = Dispatcher::new(
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
                Ok(around) => break Some(self.restore(&outbox, around, &mut dispatcher, left_over).await?),
                Err(_) if began.elapsed() < FOLLOWER_BEGINS => {}
                Err(cause) => self.shared.trouble(TroubleKind::AppenderWithoutDatabase, &cause),
            }
            tokio::select! {
                () = &mut over => break None,
                () = sleep(RETRY) => {}
                never = self.turn_away(handed, calls, left_over) => match never {},
            }
        };
        if let Some(mut machine) = restored {
            let probes = GasProbes::new(log.clone(), self.config.namespace, address, self.pool.clone());
            tokio::spawn(ended.clone().run_until_cancelled_owned(market::watch(
                log,
                Account {
                    address,
                    own: self.config.namespace,
                    shared: Arc::clone(&self.config.shared),
                },
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
                    dispatcher.waiting.insert(queued.key, waiting);
                    machine.on(self.now(), Input::Queue(queued), &mut actions);
                }
            }
            for call in calls.left_over.drain(..) {
                self.take_in_call(call, &mut machine, &mut dispatcher, &mut actions);
            }
            loop {
                dispatcher.perform(&mut actions);
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
                        self.take_in(commit, &mut machine, &mut dispatcher, &mut actions);
                        // Whatever else was handed over meanwhile comes along: it costs one look, not one round each.
                        while let Ok(commit) = handed.try_recv() {
                            self.take_in(commit, &mut machine, &mut dispatcher, &mut actions);
                        }
                    }
                    Some(call) = calls.handed.recv() => {
                        self.take_in_call(call, &mut machine, &mut dispatcher, &mut actions);
                    }
                    Some(bequest) = left.recv() => dispatcher.adopt(bequest, self.now(), &mut machine, &mut actions),
                    Some(notice) = notices.recv() => hear(&notice, self.now(), &mut machine, &mut actions),
                    Some(message) = inbox.recv() => match message {
                        Message::LeaseLost => break,
                        message => dispatcher.hear(message, self.now(), &mut machine, &mut actions),
                    },
                    () = timer => machine.on(self.now(), Input::Tick, &mut actions),
                }
            }
            drop(end_all);
            let rest = self.wind_up(machine, dispatcher, worker, &mut inbox, calls).await;
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
        mut dispatcher: Dispatcher,
        worker: tokio::task::JoinHandle<End>,
        inbox: &mut UnboundedReceiver<Message>,
        calls: &mut Calls,
    ) -> Vec<(Queued, Waiting, bool)> {
        dispatcher.close();
        let end = timeout(LAST_WORD, worker).await;
        let certain = matches!(end, Ok(Ok(End::Certain)));
        let mut actions = Vec::new();
        while let Ok(message) = inbox.try_recv() {
            if let message @ (Message::Stored { .. }
            | Message::CallStored { .. }
            | Message::Settled { .. }
            | Message::Refused(_)) = message
            {
                dispatcher.hear(message, self.now(), &mut machine, &mut actions);
            }
        }
        // The machine may have gathered the next batch meanwhile; nobody was given it.
        let rest = machine.surrender(&mut actions);
        let gathered = actions.iter().filter_map(|action| match action {
            Action::Store(batch) => Some(batch.fresh.iter().map(|(key, _)| *key)),
            _ => None,
        });
        let gathered: Vec<CommitKey> = gathered.flatten().collect();
        let gathered_calls = actions.iter().filter_map(|action| match action {
            Action::StoreCall(new) => Some(new.call.id),
            _ => None,
        });
        let gathered_calls: Vec<CallId> = gathered_calls.collect();
        dispatcher.tell_only(&mut actions);
        let storing = rest
            .storing
            .into_iter()
            .map(|queued| (certain || gathered.contains(&queued.key), queued));
        let queued = rest.queued.into_iter().map(|queued| (true, queued));
        let left_over = storing.chain(queued).filter_map(|(certain, queued)| {
            let waiting = dispatcher.waiting.remove(&queued.key)?;
            Some((queued, waiting, certain))
        });
        let left_over = left_over.collect();
        // Handed over again, a call that was stored after all is found to be there.
        let storing = rest.storing_calls.into_iter();
        let storing = storing.map(|queued| (!certain && !gathered_calls.contains(&queued.call.id), queued));
        let queued = rest.calls.into_iter().map(|queued| (false, queued));
        for (perhaps, QueuedCall { call, gas, since }) in storing.chain(queued) {
            let Some((waiters, before)) = dispatcher.calls.take_back(call.id) else {
                continue;
            };
            calls.left_over.push(HandedCall {
                call,
                gas,
                at: self.started + Duration::from_millis(since),
                waiters,
                perhaps: perhaps || before,
            });
        }
        dispatcher.hand_over();
        left_over
    }

    /// A machine over what the outbox holds. A commit that was left over and is found there was stored after all: whoever waits for
    /// it goes on waiting for that one.
    async fn restore(
        &self,
        outbox: &Outbox,
        around: Surroundings,
        dispatcher: &mut Dispatcher,
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
        dispatcher.remember_all(signatures);
        for LeftOver {
            queued, mut waiting, ..
        } in left_over.extract_if(.., |commit| found.contains(&commit.queued.key))
        {
            waiting.waiter.accept();
            dispatcher.waiting.insert(queued.key, waiting);
        }
        let machine = Machine::restored(self.config.limits, around, batches, self.now());
        Ok(machine.of(self.config.namespace))
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

    fn take_in(&self, commit: Handed, machine: &mut Machine, dispatcher: &mut Dispatcher, actions: &mut Vec<Action>) {
        let (queued, waiting) = self.unpack(commit);
        dispatcher.waiting.insert(queued.key, waiting);
        machine.on(self.now(), Input::Queue(queued), actions);
    }

    fn take_in_call(
        &self,
        handed: HandedCall,
        machine: &mut Machine,
        dispatcher: &mut Dispatcher,
        actions: &mut Vec<Action>,
    ) {
        let HandedCall {
            call,
            gas,
            at,
            waiters,
            perhaps,
        } = handed;
        let mut is_new = false;
        for waiter in waiters {
            is_new |= dispatcher.calls.take_in(&call, waiter, perhaps);
        }
        if is_new {
            let since = self.millis(at);
            machine.on(self.now(), Input::QueueCall(QueuedCall { call, gas, since }), actions);
        }
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
