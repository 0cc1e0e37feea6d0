//! Everything around the machines: clients, outboxes, node, follower, time and bad luck.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use application::log::StreamId;
use domain::kernel::CommandId;
use uuid::Uuid;

use super::super::super::*;
use super::super::luck::Luck;
use super::chain::{Account, Chain, End, Transaction, What};
use crate::calls::{Call, CallId, CallKind, CallOutcome};
use crate::log::{Commit, Payload, StreamHead, StreamPart};

/// How often in a hundred each goes wrong.
#[derive(Clone, Copy)]
pub(super) struct Faults {
    pub(super) answers: u64,
    pub(super) pool: u64,
    pub(super) fees: u64,
    /// How often a call is given too little gas.
    pub(super) gas: u64,
    pub(super) thieves: u64,
    pub(super) reorganisations: u64,
    pub(super) crashes: u64,
    /// How often the process dies and another comes with another key, perhaps a former one.
    pub(super) keys: u64,
    pub(super) outages: u64,
    /// How many blocks make a block final.
    pub(super) finality: u64,
}

impl Faults {
    pub(super) const NONE: Self = Self {
        answers: 0,
        pool: 0,
        fees: 0,
        gas: 0,
        thieves: 0,
        reorganisations: 0,
        crashes: 0,
        keys: 0,
        outages: 0,
        finality: 0,
    };
}

/// How many keys there are.
const KEYS: u64 = 4;

/// How long an heir has itself taken over before it looks again at what is left.
const ADOPTING: Millis = 300;

/// How often it is looked what a key without a holder needs.
const LOOK_EVERY: Millis = 50;

/// A transaction of an outbox.
struct Row {
    what: What,
    signatures: Vec<(Hash, Fee)>,
    gas_limit: u64,
}

/// A key's outbox, and the machine that sees to it.
struct Estate {
    machine: Machine,
    outbox: BTreeMap<Nonce, Row>,
    /// Until when it is left alone, for this server's key takes over what it has.
    rests_until: Option<Millis>,
}

/// What a runner would hear later.
enum Later {
    Store(NewBatch, HashMap<CommitKey, Account>),
    StoreCall(NewCall, Option<Account>),
    Settle(Nonce, CallId, CallEnd),
    Replace(Nonce, Fee),
    Hear(Box<dyn FnOnce() -> Input<'static>>),
}

/// The row of a call.
#[derive(Default)]
struct Standing {
    under: Option<(Account, Nonce)>,
    outcome: Option<CallOutcome>,
}

pub(super) struct World {
    seed: u64,
    faults: Faults,
    luck: Luck,
    now: Millis,
    looked_at: Millis,
    chain: Chain,
    estates: BTreeMap<Account, Estate>,
    /// Whose key the server has.
    own: Account,
    later: Vec<(Millis, Account, Later)>,
    applied: Vec<u64>,
    final_block: u64,
    next_number: u128,
    next_hash: u64,
    commits: HashMap<CommitKey, Arc<Commit>>,
    /// Where each commit is.
    rows: HashMap<CommandId, (Account, Nonce)>,
    calls: HashMap<CallId, Standing>,
    handed: HashMap<CallId, Arc<Call>>,
    /// Those that this process was handed and has told nothing final of.
    waited: HashSet<CallId>,
    turned_away: HashSet<CallId>,
    adopted: HashMap<CommitKey, Account>,
    adopted_calls: HashMap<CallId, Account>,
    /// All that was ever signed.
    signed: Vec<Transaction>,
    away: bool,
    /// Nobody else ever uses a key of ours, and no other server comes.
    alone: bool,
}

fn limits() -> Limits {
    Limits {
        window: 4,
        company: 30,
        depth: 8,
        durable_within: 120,
        batch_bytes: 600,
        resend_after: 40,
        reprice_after: 150,
        retry_after: 5,
        retry_at_most: 50,
        observe_every: 20,
        observe_calls_every: 2,
        refusals: 1_000,
        ..Limits::default()
    }
}

impl World {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let mut world = Self {
            seed,
            faults,
            luck: Luck::of(seed),
            now: 0,
            looked_at: 0,
            chain: Chain::new(),
            estates: BTreeMap::new(),
            own: 0,
            later: Vec::new(),
            applied: vec![0],
            final_block: 0,
            next_number: 1,
            next_hash: 0,
            commits: HashMap::new(),
            rows: HashMap::new(),
            calls: HashMap::new(),
            handed: HashMap::new(),
            waited: HashSet::new(),
            turned_away: HashSet::new(),
            adopted: HashMap::new(),
            adopted_calls: HashMap::new(),
            signed: Vec::new(),
            away: false,
            alone: faults.thieves == 0 && faults.keys == 0,
        };
        world.revive();
        world
    }

    /// A moment, with clients and bad luck.
    pub(super) fn step(&mut self) {
        if self.luck.happens(40) {
            self.call();
        }
        if self.luck.happens(30) {
            self.append();
        }
        if self.luck.happens(self.faults.fees) {
            self.chain.base_fee = 50 + u128::from(self.luck.below(2_000));
        }
        if self.luck.happens(self.faults.pool) {
            let places: Vec<_> = self.chain.pool.keys().copied().collect();
            if !places.is_empty() {
                let victim = self.luck.below(places.len() as u64) as usize;
                self.chain.pool.remove(&places[victim]);
            }
        }
        if self.luck.happens(self.faults.thieves) {
            self.steal();
        }
        if self.luck.happens(20) {
            self.leak();
        }
        if self.luck.happens(self.faults.reorganisations) && self.faults.finality > 0 {
            let deepest = self.chain.height().saturating_sub(self.final_block);
            let deepest = deepest.min(self.faults.finality);
            if deepest > 0 {
                let depth = 1 + self.luck.below(deepest);
                self.reorganise(depth);
            }
        }
        if self.luck.happens(self.faults.outages) {
            self.away = !self.away;
        }
        if self.luck.happens(self.faults.crashes) {
            self.die();
            self.revive();
        }
        if self.luck.happens(self.faults.keys) {
            let own = self.luck.below(KEYS) as usize;
            self.change_key(own);
        }
        self.pass(60);
    }

    /// Another server starts, with this key.
    fn change_key(&mut self, own: Account) {
        self.die();
        self.own = own;
        self.revive();
    }

    /// No more faults, until nothing moves. In the end every key comes back once, for some nonces nobody else can fill.
    pub(super) fn calm(&mut self) {
        self.end_faults();
        for own in [self.own, 0, 1, 2, 3] {
            if own != self.own {
                self.change_key(own);
            }
            if self.settles() {
                return;
            }
        }
        self.fail();
    }

    /// The same, and no key comes back.
    pub(super) fn calm_without_former_keys(&mut self) {
        self.end_faults();
        if !self.settles() {
            self.fail();
        }
    }

    fn fail(&self) -> ! {
        let left: Vec<_> = self
            .estates
            .iter()
            .map(|(account, estate)| (account, &estate.machine))
            .collect();
        panic!("seed {}: not settled with key {}: {left:#?}", self.seed, self.own);
    }

    fn end_faults(&mut self) {
        self.faults = Faults {
            finality: self.faults.finality,
            ..Faults::NONE
        };
        self.away = false;
        self.chain.base_fee = 100;
    }

    fn settles(&mut self) -> bool {
        let mut quiet = 0;
        for _ in 0..400 {
            self.pass(100);
            let outboxes = self.estates.values().all(|estate| estate.outbox.is_empty());
            let settled = outboxes && self.later.is_empty() && self.estates[&self.own].machine.queue_len() == 0;
            quiet = if settled { quiet + 1 } else { 0 };
            if quiet > 10 {
                return true;
            }
        }
        false
    }

    pub(super) fn check(&self) {
        let seed = self.seed;
        let mut executed: HashMap<CallId, Vec<(u64, Hash)>> = HashMap::new();
        for (number, block) in (0..).zip(&self.chain.blocks) {
            for (transaction, end) in &block.transactions {
                if let (What::Call(call), End::Done) = (&transaction.what, end) {
                    executed.entry(call.id).or_default().push((number, transaction.hash));
                }
            }
        }
        for id in self.handed.keys() {
            let times = executed.get(id).map(Vec::as_slice).unwrap_or_default();
            assert!(times.len() <= 1, "seed {seed}: {id} was executed {times:?}");
            match self.calls.get(id).map(|standing| &standing.outcome) {
                Some(Some(CallOutcome::Done { block, transaction })) => {
                    assert_eq!(
                        times,
                        [(*block, *transaction)],
                        "seed {seed}: {id} is not as it was told"
                    );
                }
                Some(Some(CallOutcome::Refused { .. })) => {
                    assert!(times.is_empty(), "seed {seed}: {id} was executed nevertheless");
                    assert!(
                        self.chain.refused.contains(id),
                        "seed {seed}: {id} was refused by nobody"
                    );
                }
                Some(other) => panic!("seed {seed}: {id} is stored, and came to {other:?}"),
                None => assert!(times.is_empty(), "seed {seed}: {id} was never stored, and was executed"),
            }
        }
        for id in &self.turned_away {
            assert!(
                !self.calls.contains_key(id),
                "seed {seed}: {id} was turned away and stored"
            );
        }
        assert!(
            self.waited.is_empty(),
            "seed {seed}: nobody was told of {:?}",
            self.waited
        );
        assert!(!self.handed.is_empty());
    }

    /// A client wants something called, or again what somebody has wanted before.
    fn call(&mut self) {
        let known: Vec<_> = self.handed.values().cloned().collect();
        let call = match self.luck.below(5) {
            0 if !known.is_empty() => Arc::clone(&known[self.luck.below(known.len() as u64) as usize]),
            _ => {
                let id = CallId(Uuid::from_u128(self.next_number));
                self.next_number += 1;
                if self.luck.happens(20) {
                    self.chain.refused.insert(id);
                }
                let needed = 50_000 + self.luck.below(100_000);
                self.chain.gas.insert(id, needed);
                Arc::new(Call {
                    id,
                    kind: CallKind::new("test").unwrap(),
                    target: [7; 20],
                    data: vec![1; 40],
                })
            }
        };
        let id = call.id;
        self.handed.insert(id, Arc::clone(&call));
        let needed = self.chain.gas[&id];
        let gas = if self.luck.happens(self.faults.gas) {
            needed / 2
        } else {
            needed * 5 / 4
        };
        // Who waits in this process already is not handed over again; what is stored, sometimes is: nobody may have known.
        if (self.calls.contains_key(&id) && self.luck.happens(50)) || !self.waited.insert(id) {
            return;
        }
        self.turned_away.remove(&id);
        let since = self.now;
        self.tell(self.own, Input::QueueCall(QueuedCall { call, gas, since }));
    }

    fn append(&mut self) {
        let number = self.next_number;
        self.next_number += 1;
        let mut stream = [0; 32];
        stream[..16].copy_from_slice(&number.to_be_bytes());
        let part = StreamPart {
            stream: StreamId(stream),
            expected: StreamHead::default(),
            payloads: vec![Payload::from(&number.to_be_bytes()[..])],
        };
        let commit = Arc::new(Commit {
            command_id: CommandId::new(Uuid::from_u128(number)),
            parts: vec![part],
        });
        let queued = self.queued(&commit);
        self.tell(self.own, Input::Queue(queued));
    }

    fn queued(&mut self, commit: &Arc<Commit>) -> Queued {
        let key = CommitKey(u64::try_from(self.next_number).unwrap());
        self.next_number += 1;
        self.commits.insert(key, Arc::clone(commit));
        Queued {
            key,
            commit: Arc::clone(commit),
            size: Size::of(commit).unwrap(),
            since: self.now,
        }
    }

    /// Somebody else uses one of our keys, for its next nonce or one beyond the next.
    fn steal(&mut self) {
        let account = self.luck.below(KEYS) as usize;
        let nonce = self.chain.nonce(account) + self.luck.below(2);
        let transaction = Transaction {
            account,
            nonce,
            hash: self.hash(),
            fee: Fee {
                max: u128::MAX,
                priority: 0,
            },
            gas_limit: u64::MAX,
            what: What::Commits(Vec::new()),
        };
        self.chain.pool.insert((account, nonce), transaction);
    }

    /// Somebody sends something that we have signed once.
    fn leak(&mut self) {
        if self.signed.is_empty() {
            return;
        }
        let place = self.luck.below(self.signed.len() as u64) as usize;
        let transaction = self.signed[place].clone();
        let place = (transaction.account, transaction.nonce);
        if transaction.nonce >= self.chain.nonce(transaction.account) {
            self.chain.pool.entry(place).or_insert(transaction);
        }
    }

    fn reorganise(&mut self, depth: u64) {
        let dropped = self.chain.cut(depth);
        let lucky = self.luck.below(3);
        for transaction in dropped {
            if self.luck.below(3) < lucky {
                let place = (transaction.account, transaction.nonce);
                self.chain.pool.entry(place).or_insert(transaction);
            }
        }
        for _ in 0..self.luck.below(depth + 2) {
            let most = self.luck.below(3) as usize;
            self.chain.mine(most);
        }
    }

    fn hash(&mut self) -> Hash {
        self.next_hash += 1;
        crate::chain::keccak256(&self.next_hash.to_be_bytes())
    }

    /// The process dies. A statement that was on its way to the database may have arrived.
    fn die(&mut self) {
        for (_, account, later) in std::mem::take(&mut self.later) {
            if self.luck.happens(50) {
                match later {
                    Later::Store(batch, from) => drop(self.store(account, batch, &from)),
                    Later::StoreCall(new, from) => drop(self.store_call(account, &new, from)),
                    Later::Settle(nonce, id, end) => self.settle(account, nonce, id, end),
                    Later::Replace(nonce, fee) => drop(self.sign_again(account, nonce, fee)),
                    Later::Hear(_) => {}
                }
            }
        }
        self.waited.clear();
        self.adopted.clear();
        self.adopted_calls.clear();
    }

    fn revive(&mut self) {
        let mut accounts: Vec<Account> = self.estates.keys().copied().collect();
        accounts.push(self.own);
        for account in accounts {
            self.take_up(account);
        }
    }

    /// A machine over what the outbox of a key holds.
    fn take_up(&mut self, account: Account) {
        let mut estate = self.estates.remove(&account).unwrap_or_else(|| Estate {
            machine: self.restored(account, &BTreeMap::new()),
            outbox: BTreeMap::new(),
            rests_until: None,
        });
        estate.machine = self.restored(account, &estate.outbox);
        estate.rests_until = None;
        self.estates.insert(account, estate);
    }

    fn restored(&mut self, account: Account, outbox: &BTreeMap<Nonce, Row>) -> Machine {
        let mut batches = Vec::new();
        for (nonce, row) in outbox {
            let (mut commits, mut call) = (Vec::new(), None);
            match &row.what {
                What::Commits(all) => {
                    for commit in all {
                        let is_here = self.rows.get(&commit.command_id) == Some(&(account, *nonce));
                        let key = is_here.then(|| self.queued(commit).key);
                        commits.push(RestoredCommit {
                            key,
                            commit: Arc::clone(commit),
                        });
                    }
                }
                What::Call(of) => {
                    let standing = self.calls.get(&of.id).map(|standing| standing.under);
                    call = (standing == Some(Some((account, *nonce)))).then(|| Arc::clone(of));
                }
            }
            batches.push(RestoredBatch {
                nonce: *nonce,
                commits,
                call,
                hashes: row.signatures.iter().map(|(hash, _)| *hash).collect(),
                fee: row.signatures.last().unwrap().1,
                gas_limit: row.gas_limit,
            });
        }
        let around = Surroundings {
            applied: self.applied.len() as u64 - 1,
            final_block: self.final_block,
        };
        let machine = Machine::restored(limits(), around, batches, self.now);
        if account == self.own {
            machine
        } else {
            machine.without_key()
        }
    }

    /// Lets time pass: the machines act, answers arrive, blocks are mined and followed.
    fn pass(&mut self, millis: Millis) {
        let end = self.now + millis;
        if !self.away {
            let (base, priority) = (self.chain.base_fee, 1);
            self.tell(self.own, Input::Fees(Fees { base, priority }));
        }
        while self.now < end {
            self.now += 1 + self.luck.below(9);
            if self.luck.happens(40) {
                let most = self.luck.below(4) as usize;
                if most > 0 {
                    self.chain.mine(most);
                }
            }
            if !self.away && self.luck.happens(60) {
                self.follow();
            }
            let now = self.now;
            let (due, later) = std::mem::take(&mut self.later)
                .into_iter()
                .partition(|(at, ..)| *at <= now);
            self.later = later;
            let due: Vec<(Millis, Account, Later)> = due;
            for (_, account, later) in due {
                self.arrive(account, later);
            }
            for account in self.accounts() {
                let estate = &self.estates[&account];
                if estate.rests_until.is_none() && estate.machine.wake_at().is_some_and(|at| at <= now) {
                    self.tell(account, Input::Tick);
                }
            }
            if now >= self.looked_at + LOOK_EVERY {
                self.looked_at = now;
                self.look();
            }
        }
    }

    fn accounts(&self) -> Vec<Account> {
        self.estates.keys().copied().collect()
    }

    /// What an heir does: what needs a key is taken over by the server's own.
    fn look(&mut self) {
        for account in self.accounts() {
            let estate = &self.estates[&account];
            if account == self.own {
                continue;
            }
            if let Some(until) = estate.rests_until {
                if self.now >= until {
                    self.take_up(account);
                }
                continue;
            }
            let holds = self.rows.values().any(|(of, _)| *of == account);
            let calls = self
                .calls
                .values()
                .any(|call| call.under.is_some_and(|(of, _)| of == account));
            if !holds && !calls && !self.later.iter().any(|(_, of, _)| *of == account) {
                self.estates.get_mut(&account).unwrap().outbox.clear();
                self.take_up(account);
                continue;
            }
            let need = estate.machine.needs_key(self.now, self.chain.base_fee);
            let commits = need.map_or_else(Vec::new, |_| estate.machine.bequest());
            let calls = estate.machine.calls_to_sign();
            if commits.is_empty() && calls.is_empty() {
                continue;
            }
            self.estates.get_mut(&account).unwrap().rests_until = Some(self.now + ADOPTING);
            let mut adopted = Vec::new();
            for commit in commits {
                if !self
                    .adopted
                    .keys()
                    .any(|key| self.commits[key].command_id == commit.command_id)
                {
                    let queued = self.queued(&commit);
                    self.adopted.insert(queued.key, account);
                    adopted.push(queued);
                }
            }
            self.tell(self.own, Input::Adopt(adopted));
            let since = self.now;
            let calls = calls
                .into_iter()
                .filter(|(call, _)| self.adopted_calls.insert(call.id, account).is_none());
            let calls = calls.map(|(call, gas)| QueuedCall { call, gas, since }).collect();
            self.tell(self.own, Input::AdoptCalls(calls));
        }
    }

    fn follow(&mut self) {
        let stands = |number: usize, id: &u64| self.chain.blocks.get(number).is_some_and(|block| block.id == *id);
        let numbers = (0..self.applied.len()).rev();
        let common = numbers
            .into_iter()
            .find(|number| stands(*number, &self.applied[*number]))
            .unwrap()
            + 1;
        if common < self.applied.len() {
            self.applied.truncate(common);
            let to = common as u64 - 1;
            self.final_block = self.final_block.min(to);
            self.tell_all(&Input::Reverted { to });
        }
        if let Some(block) = self.chain.blocks.get(self.applied.len()).cloned() {
            self.applied.push(block.id);
            let number = self.applied.len() as u64 - 1;
            self.tell_all(&Input::Applied {
                block: number,
                appended: &block.appended,
                rejected: &block.rejected,
            });
            let newest = number.saturating_sub(self.faults.finality);
            if newest > self.final_block || self.faults.finality == 0 {
                self.final_block = newest;
                self.tell_all(&Input::Finalized { block: newest });
            }
        }
    }

    fn tell_all(&mut self, input: &Input<'_>) {
        for account in self.accounts() {
            self.tell(account, input.clone());
        }
    }

    fn tell(&mut self, account: Account, input: Input<'_>) {
        let estate = self.estates.get_mut(&account).unwrap();
        if estate.rests_until.is_some() {
            return;
        }
        let mut actions = Vec::new();
        estate.machine.on(self.now, input, &mut actions);
        for action in actions {
            self.act(account, action);
        }
    }

    fn after(&mut self, account: Account, later: Later) {
        let longest = if self.luck.happens(self.faults.answers) { 200 } else { 8 };
        let delay = 1 + self.luck.below(longest);
        self.later.push((self.now + delay, account, later));
    }

    fn hear(&mut self, account: Account, input: impl FnOnce() -> Input<'static> + 'static) {
        self.after(account, Later::Hear(Box::new(input)));
    }

    fn act(&mut self, account: Account, action: Action) {
        let signs = matches!(action, Action::Store(_) | Action::StoreCall(_) | Action::Replace { .. });
        assert!(
            !signs || account == self.own,
            "seed {}: who has no key signs",
            self.seed
        );
        let is_silent = self.away || self.luck.happens(self.faults.answers);
        match action {
            Action::Store(batch) => {
                let from = batch
                    .moved
                    .iter()
                    .filter_map(|(key, _)| Some((*key, *self.adopted.get(key)?)));
                let from = from.collect();
                self.after(account, Later::Store(batch, from));
            }
            Action::StoreCall(new) => {
                let from = self.adopted_calls.get(&new.call.id).copied();
                self.after(account, Later::StoreCall(new, from));
            }
            Action::SettleCall { nonce, id, end } => self.after(account, Later::Settle(nonce, id, end)),
            Action::Replace { nonce, fee, .. } => self.after(account, Later::Replace(nonce, fee)),
            Action::Send { nonce, hash } => {
                let answer = self.send(account, nonce, hash);
                self.hear(account, move || Input::Sent { nonce, answer });
            }
            Action::AskFees if is_silent => {}
            Action::AskFees => {
                let (base, priority) = (self.chain.base_fee, 1);
                self.hear(account, move || Input::Fees(Fees { base, priority }));
            }
            Action::AskNonce if is_silent => self.hear(account, || Input::NonceUnknown),
            Action::AskNonce => {
                let (count, head) = (self.chain.nonce(account), self.chain.height());
                self.hear(account, move || Input::NonceSeen { head, count });
            }
            Action::AskReceipt { nonce, final_block } => {
                let count = self
                    .chain
                    .blocks
                    .get(final_block as usize)
                    .map(|block| block.nonce(account));
                let Some(count) = count.filter(|_| !is_silent) else {
                    return self.hear(account, move || Input::ReceiptUnknown { nonce });
                };
                let receipt = self.chain.use_of(account, nonce).and_then(|(block, used, end)| {
                    let execution = match end {
                        End::Done => Execution::Succeeded,
                        End::Refused => Execution::Refused,
                        End::OutOfGas => Execution::OutOfGas { needed: None },
                    };
                    let is_ours = self.is_signed(account, nonce, &used.hash);
                    is_ours.then_some(ReceiptSeen { block, execution })
                });
                let used = count > nonce;
                self.hear(account, move || Input::ReceiptSeen { nonce, used, receipt });
            }
            Action::AskCall { nonce, final_block } => {
                let count = self
                    .chain
                    .blocks
                    .get(final_block as usize)
                    .map(|block| block.nonce(account));
                match count.filter(|_| !is_silent) {
                    None => self.hear(account, move || Input::ReceiptUnknown { nonce }),
                    Some(count) => {
                        let seen = self.call_seen(account, nonce, count);
                        self.hear(account, move || Input::CallSeen { nonce, seen });
                    }
                }
            }
            Action::TellCall(id, news) => self.news(id, news),
            Action::MarkRejected(commands) => self.rows.retain(|command, _| !commands.contains(command)),
            Action::Forget(nonces) => {
                for nonce in nonces {
                    self.estates.get_mut(&account).unwrap().outbox.remove(&nonce);
                    self.rows.retain(|_, at| *at != (account, nonce));
                }
            }
            Action::Accepted(key) | Action::TurnAway(key) | Action::Resolve(key, _) => drop(self.adopted.remove(&key)),
            Action::AskGasRules | Action::Mined { .. } => {}
            Action::Refuse { .. } => panic!("seed {}: a commit is refused", self.seed),
        }
    }

    fn is_signed(&self, account: Account, nonce: Nonce, hash: &Hash) -> bool {
        let row = self.estates[&account].outbox.get(&nonce);
        row.is_some_and(|row| row.signatures.iter().any(|(signed, _)| signed == hash))
    }

    /// What a node says of a call's nonce; `count` is the account's nonce in the final block.
    fn call_seen(&mut self, account: Account, nonce: Nonce, count: Nonce) -> CallSeen {
        if count <= nonce {
            return CallSeen::Unused;
        }
        let (block, used, end) = self.chain.use_of(account, nonce).unwrap();
        let transaction = used.hash;
        if !self.is_signed(account, nonce, &transaction) {
            return CallSeen::Another { block };
        }
        let What::Call(call) = &used.what else {
            panic!("seed {}: a call's nonce has another content", self.seed);
        };
        let reason = Vec::new();
        match end {
            End::Done => CallSeen::Done { block, transaction },
            End::Refused => CallSeen::Refused {
                block,
                transaction,
                reason,
            },
            End::OutOfGas => CallSeen::OutOfGas {
                block,
                transaction,
                needed: Some(self.chain.gas[&call.id]).filter(|_| nonce.is_multiple_of(2)),
            },
        }
    }

    fn news(&mut self, id: CallId, news: CallNews) {
        self.adopted_calls.remove(&id);
        match news {
            CallNews::Accepted => assert!(self.calls.contains_key(&id), "accepted and not stored"),
            CallNews::TurnedAway => {
                self.waited.remove(&id);
                // What was handed over again may have been stored the first time.
                if !self.calls.contains_key(&id) {
                    self.turned_away.insert(id);
                }
            }
            CallNews::AnotherHasItsId => panic!("seed {}: {id} is the only one of its id", self.seed),
            CallNews::Standing => {
                assert!(self.calls.contains_key(&id), "seed {}: {id} stands nowhere", self.seed);
                self.waited.remove(&id);
            }
        }
    }

    fn arrive(&mut self, account: Account, later: Later) {
        match later {
            Later::Hear(input) => self.tell(account, input()),
            Later::Store(batch, from) => {
                let nonce = batch.nonce;
                match self.store(account, batch, &from) {
                    Some((hash, duplicates)) => self.hear(account, move || Input::Stored {
                        nonce,
                        hash,
                        duplicates,
                    }),
                    None => self.hear(account, move || Input::NothingStored { nonce }),
                }
            }
            Later::StoreCall(new, from) => {
                let nonce = new.nonce;
                match self.store_call(account, &new, from) {
                    Some(hash) => self.hear(account, move || Input::CallStored {
                        nonce,
                        hash,
                        fee: new.fee,
                        gas_limit: new.gas_limit,
                    }),
                    None => self.hear(account, move || Input::CallStands {
                        nonce,
                        is_the_same: true,
                    }),
                }
            }
            Later::Settle(nonce, id, end) => {
                self.settle(account, nonce, id, end);
                self.waited.remove(&id);
                self.hear(account, move || Input::Settled { nonce });
            }
            Later::Replace(nonce, fee) => {
                if let Some(hash) = self.sign_again(account, nonce, fee) {
                    self.hear(account, move || Input::Replaced { nonce, hash, fee });
                }
            }
        }
    }

    /// One transaction of the database: what was stored, and what was not to be had of it.
    fn store(
        &mut self,
        account: Account,
        batch: NewBatch,
        from: &HashMap<CommitKey, Account>,
    ) -> Option<(Hash, Vec<CommitKey>)> {
        let (mut commits, mut gone) = (Vec::new(), Vec::new());
        let is_filler = batch.moved.is_empty() && batch.fresh.is_empty();
        for (key, commit) in batch.moved {
            let of = from.get(&key).copied().unwrap_or(account);
            match self.rows.get(&commit.command_id).copied() {
                Some(at) if at.0 == of => {
                    self.rows.insert(commit.command_id, (account, batch.nonce));
                    self.drop_if_left(account, at);
                    commits.push(commit);
                }
                _ => gone.push(key),
            }
        }
        for (_, commit) in batch.fresh {
            self.rows.insert(commit.command_id, (account, batch.nonce));
            commits.push(commit);
        }
        if commits.is_empty() && !is_filler {
            return None;
        }
        let hash = self.insert(account, batch.nonce, What::Commits(commits), batch.fee, batch.gas_limit);
        Some((hash, gone))
    }

    /// Forgets a transaction that has no commit left; but not another key's before a call of it.
    fn drop_if_left(&mut self, account: Account, (of, nonce): (Account, Nonce)) {
        let has_commits = self.rows.values().any(|at| *at == (of, nonce));
        let mut under = self.calls.values().filter_map(|call| call.under);
        let is_needed = of != account && under.any(|(by, later)| by == of && later > nonce);
        if !has_commits && !is_needed {
            self.estates.get_mut(&of).unwrap().outbox.remove(&nonce);
        }
    }

    fn store_call(&mut self, account: Account, new: &NewCall, from: Option<Account>) -> Option<Hash> {
        let id = new.call.id;
        let under = self.calls.get(&id).map(|standing| standing.under);
        match (new.again, under) {
            (false, None) => {}
            (true, Some(Some((of, nonce)))) if of == from.unwrap_or(account) => {
                self.estates.get_mut(&of).unwrap().outbox.remove(&nonce);
            }
            _ => return None,
        }
        let standing = self.calls.entry(id).or_default();
        standing.under = Some((account, new.nonce));
        let what = What::Call(Arc::clone(&new.call));
        Some(self.insert(account, new.nonce, what, new.fee, new.gas_limit))
    }

    fn insert(&mut self, account: Account, nonce: Nonce, what: What, fee: Fee, gas_limit: u64) -> Hash {
        let used = self.chain.blocks[self.final_block as usize].nonce(account);
        assert!(
            !self.alone || nonce >= used,
            "seed {}: {nonce} is stored, and all below {used} are used for good",
            self.seed
        );
        let hash = self.hash();
        self.sign(account, nonce, hash, fee, gas_limit, what.clone());
        let row = Row {
            what,
            signatures: vec![(hash, fee)],
            gas_limit,
        };
        let outbox = &mut self.estates.get_mut(&account).unwrap().outbox;
        if let Some(before) = outbox.insert(nonce, row) {
            // Only what is left of commits that have moved may be overwritten.
            let is_left = match &before.what {
                What::Commits(all) => {
                    let is_here = |commit: &Arc<Commit>| self.rows.get(&commit.command_id) == Some(&(account, nonce));
                    !all.iter().any(is_here)
                }
                What::Call(_) => false,
            };
            assert!(is_left, "seed {}: nonce {nonce} is stored twice", self.seed);
        }
        hash
    }

    fn sign(&mut self, account: Account, nonce: Nonce, hash: Hash, fee: Fee, gas_limit: u64, what: What) {
        self.signed.push(Transaction {
            account,
            nonce,
            hash,
            fee,
            gas_limit,
            what,
        });
    }

    fn sign_again(&mut self, account: Account, nonce: Nonce, fee: Fee) -> Option<Hash> {
        let hash = self.hash();
        let row = self.estates.get_mut(&account)?.outbox.get_mut(&nonce)?;
        row.signatures.push((hash, fee));
        let (gas_limit, what) = (row.gas_limit, row.what.clone());
        self.sign(account, nonce, hash, fee, gas_limit, what);
        Some(hash)
    }

    fn settle(&mut self, account: Account, nonce: Nonce, id: CallId, end: CallEnd) {
        let standing = self.calls.get_mut(&id).unwrap();
        if standing.under == Some((account, nonce)) {
            assert_eq!(standing.outcome, None, "seed {}: {id} is settled twice", self.seed);
            standing.under = None;
            standing.outcome = Some(end.into());
        }
    }

    fn send(&mut self, account: Account, nonce: Nonce, hash: Hash) -> SendAnswer {
        let row = self.estates[&account].outbox.get(&nonce);
        // What was settled while it was on its way is not there any more.
        let Some(row) = row else { return SendAnswer::Refused };
        let mut signatures = row.signatures.iter();
        let (_, fee) = *signatures
            .find(|(stored, _)| *stored == hash)
            .expect("this signature is stored");
        let transaction = Transaction {
            account,
            nonce,
            hash,
            fee,
            gas_limit: row.gas_limit,
            what: row.what.clone(),
        };
        let arrives = !self.away && !self.luck.happens(self.faults.answers);
        let answers = !self.luck.happens(self.faults.answers);
        let honest = !self.luck.happens(self.faults.pool);
        let place = (account, nonce);
        let answer = match self.chain.pool.get(&place) {
            _ if nonce < self.chain.nonce(account) => SendAnswer::NonceTooLow,
            Some(pooled) if pooled.hash == hash => SendAnswer::Taken,
            Some(pooled) if pooled.fee.max > fee.max / 10 * 9 => SendAnswer::Underpriced,
            _ if fee.max < self.chain.base_fee / 2 => SendAnswer::Underpriced,
            _ => {
                if arrives && honest {
                    self.chain.pool.insert(place, transaction);
                }
                SendAnswer::Taken
            }
        };
        if arrives && answers {
            answer
        } else {
            SendAnswer::Refused
        }
    }
}
