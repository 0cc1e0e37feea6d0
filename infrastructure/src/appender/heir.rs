//! Sees to the transactions of signing keys that nobody signs with any more: a server that died and was not replaced, or a key that was
//! changed. Sending signed bytes on needs no key, and neither does following them until they are final and forgetting them.
//!
//! Any server that appends does it, one for each such key. An heir takes the key's lease with no time on it: whoever has the key takes it at
//! once, and the fence tells the heir. Where that key would have to sign something (a gap in the nonces, a fee that is too low, commits that
//! have to be signed again), or nothing goes on for long, the server's own key takes the commits over: see [`super::adoption`]. Calls it takes
//! over only when they can never be executed as they are signed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use application::trouble::TroubleKind;
use sqlx::PgPool;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::adoption::Bequest;
use super::checkpoint::{RESTORED_WITHIN, hear, surroundings};
use super::config::AppenderConfig;
use super::dispatch::Dispatcher;
use super::lease;
use super::machine::{Input, Machine, Millis, Need};
use super::message::Message;
use super::outbox::{Outbox, OutboxError};
use super::status::{Shared, UNDECIDED, UNDECIDED_FOR};
use crate::chain::{Address, EventLog, Node};
use crate::notices::{Notice, Notices};
use crate::postgres::{ANSWER, within};

/// How often to look for keys that nobody holds, and whether there is anything left to do.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long this server's key has to take commits over. It may wait for the database; then they are offered again.
const ADOPTED_WITHIN: Duration = Duration::from_secs(60);

/// How often it is looked whether it has.
const ADOPTED_EVERY: Duration = Duration::from_millis(100);

/// What an heir needs.
#[derive(Clone)]
pub(super) struct Heirs {
    pub(super) config: AppenderConfig,
    pub(super) node: Node,
    pub(super) pool: PgPool,
    pub(super) notices: Notices,
    /// Where troubles are told.
    pub(super) shared: Arc<Shared>,
    /// Where what this server's key takes over goes.
    pub(super) bequests: UnboundedSender<Bequest>,
    pub(super) started: Instant,
    /// What is said of each key without a holder.
    told: Arc<Mutex<BTreeMap<String, String>>>,
}

/// What a key has left that nobody signs with any more, and what it takes to see to it.
struct Estate {
    address: Address,
    heir: lease::Held,
    outbox: Outbox,
    theirs: Arc<Shared>,
    dispatcher: Dispatcher,
    machine: Machine,
    notices: UnboundedReceiver<Arc<Notice>>,
    inbox: UnboundedReceiver<Message>,
    _end_all: DropGuard,
}

impl Heirs {
    pub(super) fn new(
        config: AppenderConfig,
        node: Node,
        pool: PgPool,
        notices: Notices,
        shared: Arc<Shared>,
        bequests: UnboundedSender<Bequest>,
        started: Instant,
    ) -> Self {
        let told = Arc::default();
        Self {
            config,
            node,
            pool,
            notices,
            shared,
            bequests,
            started,
            told,
        }
    }

    /// Looks after such keys until it is cancelled.
    pub(super) async fn run(self, cancel: CancellationToken) {
        let holder = Uuid::new_v4();
        let mut heirs: HashMap<Address, JoinHandle<()>> = HashMap::new();
        while cancel.run_until_cancelled(sleep(LOOK_EVERY)).await.is_some() {
            // Without the database others say so.
            let Ok(orphans) = lease::without_holder(&self.pool).await else {
                continue;
            };
            self.tell(&orphans);
            heirs.retain(|_, heir| !heir.is_finished());
            for (address, _) in orphans {
                if !self.appends_beside(address) || heirs.contains_key(&address) {
                    continue;
                }
                let (heir, cancel) = (self.clone(), cancel.clone());
                heirs.insert(
                    address,
                    tokio::spawn(async move { heir.inherit(address, holder, cancel).await }),
                );
            }
        }
    }

    /// Tells which keys have transactions and no holder.
    fn tell(&self, orphans: &[(Address, u64)]) {
        let mut told = self.told();
        let names: Vec<String> = orphans.iter().map(|(address, _)| address.to_string()).collect();
        told.retain(|name, _| names.contains(name));
        let texts = orphans.iter().map(|(address, count)| {
            let (transactions, sent) = match count {
                1 => ("transaction", "is sent on as it is"),
                _ => ("transactions", "are sent on as they are"),
            };
            let what = format!("{count} {transactions} of the signing key {address}, which no server holds");
            match told.get(&address.to_string()) {
                Some(need) => format!("{what}: {need}"),
                None => format!("{what}, {sent}"),
            }
        });
        let text = texts.collect::<Vec<_>>().join("; ");
        drop(told);
        match text.as_str() {
            "" => self.shared.well(TroubleKind::OutboxWithoutHolder),
            text => self.shared.trouble(TroubleKind::OutboxWithoutHolder, text),
        }
    }

    /// Whether this server appends, with another key than this one.
    fn appends_beside(&self, address: Address) -> bool {
        let status = self.shared.status();
        status.holds_lease && status.signer != address
    }

    fn told(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, address: Address, need: Option<String>) {
        match need {
            Some(need) => self.told().insert(address.to_string(), need),
            None => self.told().remove(&address.to_string()),
        };
    }

    /// Sees to one key's transactions, until there are none, somebody with the key takes over, or the database does not answer: then
    /// it is begun again.
    async fn inherit(self, address: Address, holder: Uuid, cancel: CancellationToken) {
        let inherited = async {
            match lease::inherit(&self.pool, address, holder).await? {
                Some(heir) => self.settle(address, heir).await,
                None => Ok(()),
            }
        };
        if let Some(Err(error)) = cancel.run_until_cancelled(inherited).await {
            tracing::debug!(%error, %address, "the transactions of a former key wait");
        }
    }

    async fn settle(&self, address: Address, heir: lease::Held) -> Result<(), OutboxError> {
        let mut estate = self.take_up(address, heir).await?;
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut actions = Vec::new();
        loop {
            estate.dispatcher.perform(&mut actions);
            let wake = estate
                .machine
                .wake_at()
                .map(|at| self.started + Duration::from_millis(at));
            let timer = async {
                match wake {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(notice) = estate.notices.recv() => hear(&notice, self.now(), &mut estate.machine, &mut actions),
                Some(message) = estate.inbox.recv() => match message {
                    Message::LeaseLost => return Ok(()),
                    message => estate.dispatcher.hear(message, self.now(), &mut estate.machine, &mut actions),
                },
                () = timer => estate.machine.on(self.now(), Input::Tick, &mut actions),
                _ = look.tick() => if self.is_settled(&mut estate).await? {
                    return Ok(());
                },
            }
        }
    }

    /// Takes up what a key has left, as the outbox has it.
    async fn take_up(&self, address: Address, heir: lease::Held) -> Result<Estate, OutboxError> {
        let notices = self.notices.subscribe();
        let (messages, inbox) = unbounded_channel();
        let log = EventLog::new(self.node.clone(), self.config.contract);
        let (pool, chain_id) = (self.pool.clone(), self.node.chain_id());
        let outbox = Outbox::of_another(pool, heir.lease, chain_id, self.config.contract);
        // What goes wrong with these transactions is told as theirs.
        let theirs = Arc::new(Shared::new(address));
        let ended = CancellationToken::new();
        let end_all = ended.clone().drop_guard();
        let (mut dispatcher, _) = Dispatcher::new(
            log,
            address,
            self.notices.clone(),
            Arc::clone(&theirs),
            messages,
            outbox.clone(),
            ended,
        );
        let around = within(ANSWER, surroundings(&self.pool)).await?;
        let restoring = outbox.restore(|_| self.shared.next_key());
        let (batches, signatures) = within(RESTORED_WITHIN, restoring).await?;
        dispatcher.remember_all(signatures);
        let machine = Machine::restored(self.config.limits, around, batches, self.now()).without_key();
        tracing::info!(%address, transactions = machine.unsettled(), "the transactions of a key without a holder are sent on");
        Ok(Estate {
            address,
            heir,
            outbox,
            theirs,
            dispatcher,
            machine,
            notices,
            inbox,
            _end_all: end_all,
        })
    }

    /// Whether there is nothing more to do here. What needs a key is taken over by this server's own.
    async fn is_settled(&self, estate: &mut Estate) -> Result<bool, OutboxError> {
        let is_ours = self.appends_beside(estate.address) && estate.heir.is_held().await?;
        if !is_ours || within(ANSWER, estate.outbox.is_done()).await? {
            return Ok(true);
        }
        let base = self.node.fees().await.map(|fees| fees.base).unwrap_or_default();
        let need = estate.machine.needs_key(self.now(), base);
        let troubles = estate.theirs.status().troubles;
        let refused = troubles.cause(TroubleKind::TransactionRefused);
        // What is decided one upon the other goes together; calls are by themselves.
        let commits = need.map_or_else(Vec::new, |_| estate.machine.bequest());
        let calls = estate.machine.calls_to_sign();
        let told = match (need, calls.len()) {
            (Some(need), _) => Some(words(need, refused, commits.is_empty())),
            (None, 0) => self.words_of_what_waits(estate, refused),
            (None, count) => Some(format!(
                "{count} of their calls of other contracts can only be executed under another nonce; the key of this server takes them over"
            )),
        };
        self.note(estate.address, told);
        if commits.is_empty() && calls.is_empty() {
            return Ok(false);
        }
        // A server whose own key may not append leaves commits to another.
        let may_append = !self.shared.status().troubles.has(TroubleKind::SigningKeyNotAdmitted);
        let bequest = Bequest {
            from: estate.heir.lease,
            commits: if may_append { commits } else { Vec::new() },
            calls,
        };
        if !bequest.commits.is_empty() || !bequest.calls.is_empty() {
            self.bequeath(&mut estate.heir, &estate.outbox, bequest).await?;
        }
        Ok(true)
    }

    /// What to say of transactions that need no key, if anything is wrong with them. `refused` is what a node says of them.
    fn words_of_what_waits(&self, estate: &Estate, refused: Option<&str>) -> Option<String> {
        let undecided = estate.machine.undecided_for(self.now());
        let undecided = undecided.filter(|long| *long >= UNDECIDED_FOR).map(|_| UNDECIDED);
        undecided.or(refused).map(str::to_owned)
    }

    /// Has this server's key take commits and calls over, and waits until it has. What is left then is looked at anew.
    async fn bequeath(&self, heir: &mut lease::Held, outbox: &Outbox, bequest: Bequest) -> Result<(), OutboxError> {
        let commits = bequest.commits.iter().map(|commit| commit.command_id.uuid());
        let calls = bequest.calls.iter().map(|(call, _)| call.id.0);
        let (commits, calls): (Vec<Uuid>, Vec<Uuid>) = (commits.collect(), calls.collect());
        let _ = self.bequests.send(bequest);
        let adopted = async {
            while heir.is_held().await? && outbox.holds_any(&commits, &calls).await? {
                sleep(ADOPTED_EVERY).await;
            }
            Ok(())
        };
        within(ADOPTED_WITHIN, adopted).await
    }

    fn now(&self) -> Millis {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }
}

/// What to say of transactions that do not go on as they are. `refused` is what a node says of them. `are_calls`: there are no commits to take over, only
/// calls that may still be executed and are left as they are signed.
fn words(need: Need, refused: Option<&str>, are_calls: bool) -> String {
    let what = match (need, refused) {
        (Need::Signatures(count), _) => format!("{count} of their commits have to be signed again"),
        (Need::Nonce(nonce), _) => {
            format!("the transaction with nonce {nonce} is missing, and none after it can be mined")
        }
        (Need::Fee, _) => "they offer less for their gas than the chain asks now".to_owned(),
        (Need::Stuck, Some(refused)) => format!("they are not mined ({refused})"),
        (Need::Stuck, None) => "they are not mined".to_owned(),
    };
    match are_calls {
        true => format!(
            "{what}; they call other contracts, and no other key may sign that anew while they can be executed: they are sent on, or \
             give that key back to a server"
        ),
        false => format!("{what}; the key of this server takes them over"),
    }
}
