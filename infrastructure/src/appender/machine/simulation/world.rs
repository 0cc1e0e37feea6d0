//! Everything around the machine: clients, outbox, node, follower, time and bad luck.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use application::log::StreamId;
use application::ports::command::Unavailable;
use domain::kernel::CommandId;
use uuid::Uuid;

use super::super::*;
use super::chain::{Block, Chain, End, Transaction};
use super::luck::Luck;
use crate::log::{Commit, CommitOutcome, Payload, StreamHead, StreamPart};

const GENESIS: Surroundings = Surroundings {
    applied: 0,
    final_block: 0,
};

/// How often in a hundred each goes wrong.
#[derive(Clone, Copy)]
pub(super) struct Faults {
    pub(super) answers: u64,
    pub(super) pool: u64,
    pub(super) fees: u64,
    pub(super) reverts: u64,
    /// How often the contract refuses a commit for good.
    pub(super) refusals: u64,
    pub(super) thieves: u64,
    pub(super) reorganisations: u64,
    pub(super) crashes: u64,
    /// How often the process dies and another comes with another key.
    pub(super) keys: u64,
    /// How often the node goes away, or comes back.
    pub(super) outages: u64,
    /// How often gas gets dearer, or cheaper, and how often a node does not tell.
    pub(super) gas: u64,
    /// Whether strangers append to the same streams.
    pub(super) others: bool,
    /// How many blocks make a block final.
    pub(super) finality: u64,
}

impl Faults {
    pub(super) const NONE: Self = Self {
        answers: 0,
        pool: 0,
        fees: 0,
        reverts: 0,
        refusals: 0,
        thieves: 0,
        reorganisations: 0,
        crashes: 0,
        keys: 0,
        outages: 0,
        gas: 0,
        others: true,
        finality: 0,
    };
}

/// A row of the outbox.
struct Row {
    commits: Vec<Arc<Commit>>,
    signatures: Vec<(Hash, Fee)>,
    gas_limit: u64,
}

/// What the runner would hear later.
enum Later {
    Store(NewBatch),
    Replace(Nonce, Fee),
    Refuse(CommitKey, CommandId, Nonce),
    Stored(Nonce, Hash),
    Replaced(Nonce, Hash, Fee),
    Sent(Nonce, SendAnswer),
    NonceSeen(u64, Nonce),
    NonceUnknown,
    Fees(u128),
    GasRules(GasRules),
    Receipt(Nonce, bool, Option<ReceiptSeen>),
    ReceiptUnknown(Nonce),
}

pub(super) struct World {
    seed: u64,
    faults: Faults,
    luck: Luck,
    now: Millis,
    machine: Machine,
    chain: Chain,
    outbox: BTreeMap<Nonce, Row>,
    rows: HashMap<CommandId, (Nonce, bool)>,
    later: Vec<(Millis, Later)>,
    /// The ids of the blocks that the follower has applied, genesis included.
    applied: Vec<u64>,
    final_block: u64,
    next_key: u64,
    next_hash: u64,
    commits: HashMap<CommitKey, Arc<Commit>>,
    accepted: HashSet<CommandId>,
    /// What the outbox's own table says can never be appended.
    refused: HashSet<CommandId>,
    told: HashMap<CommitKey, CommitOutcome>,
    told_before_crash: HashSet<CommitKey>,
    lost: HashSet<CommitKey>,
    /// When each commit was handed over.
    handed: HashMap<CommitKey, Millis>,
    /// Whether the node is away.
    away: bool,
    /// The highest head of each stream that anybody of ours has hoped for.
    hopes: HashMap<StreamId, StreamHead>,
    /// Transactions of former keys. Anybody may send them, at any time.
    former: Vec<Transaction>,
}

/// The outbox has what former keys have left from this nonce on.
const FORMER: Nonce = 1 << 40;

/// How long a batch may take into the outbox, and the answer back.
const STORING: Millis = 450;

/// How long the machine may be left alone when it wants to be woken.
const ASLEEP: Millis = 12;

fn limits(faults: Faults) -> Limits {
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
        // Bad luck must not look like the contract's last word.
        refusals: if faults.refusals > 0 { 3 } else { 1_000 },
        ..Limits::default()
    }
}

impl World {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self {
            seed,
            faults,
            luck: Luck::of(seed),
            now: 0,
            machine: Machine::restored(limits(faults), GENESIS, Vec::new(), 0),
            chain: Chain::new(),
            outbox: BTreeMap::new(),
            rows: HashMap::new(),
            later: Vec::new(),
            applied: vec![0],
            final_block: 0,
            next_key: 0,
            next_hash: 0,
            commits: HashMap::new(),
            accepted: HashSet::new(),
            refused: HashSet::new(),
            told: HashMap::new(),
            told_before_crash: HashSet::new(),
            hopes: HashMap::new(),
            former: Vec::new(),
            lost: HashSet::new(),
            handed: HashMap::new(),
            away: false,
        }
    }

    /// A moment, with clients and bad luck.
    pub(super) fn step(&mut self) {
        if self.luck.happens(50) {
            for _ in 0..=self.luck.below(6) {
                self.append();
            }
        }
        self.chain.base_fee = match self.luck.happens(self.faults.fees) {
            true => 50 + self.luck.below(2_000) as u128,
            false => self.chain.base_fee,
        };
        if self.luck.happens(self.faults.pool) {
            let nonces: Vec<_> = self.chain.pool.keys().copied().collect();
            if !nonces.is_empty() {
                let victim = nonces[self.luck.below(nonces.len() as u64) as usize];
                self.chain.pool.remove(&victim);
            }
        }
        if self.luck.happens(self.faults.thieves) {
            self.steal();
        }
        if self.luck.happens(self.faults.reorganisations) && self.faults.finality > 0 {
            let deepest = self
                .chain
                .height()
                .saturating_sub(self.final_block)
                .min(self.faults.finality);
            if deepest > 0 {
                let depth = 1 + self.luck.below(deepest);
                self.reorganise(depth);
            }
        }
        if self.luck.happens(self.faults.gas) {
            let factor = 1 + self.luck.below(8);
            let of = |price: u64| price * factor / 2;
            let today = GasRules::TODAY;
            self.chain.gas = GasRules {
                new_stream: of(today.new_stream),
                known_stream: of(today.known_stream),
                event: of(today.event),
                byte: of(today.byte),
                ..today
            };
        }
        if self.luck.happens(self.faults.outages) {
            self.away = !self.away;
        }
        if self.luck.happens(self.faults.crashes) {
            self.crash();
        }
        if self.luck.happens(self.faults.keys) {
            self.change_key();
        }
        self.pass(60);
    }

    /// The node goes away, or comes back.
    pub(super) fn set_away(&mut self, away: bool) {
        self.away = away;
    }

    /// How many of the commits handed over are in the outbox or were, and how many were turned away.
    pub(super) fn accepted_and_turned_away(&self) -> (usize, usize) {
        let failed = |outcome: &&CommitOutcome| matches!(outcome, CommitOutcome::Failed(_));
        (self.accepted.len(), self.told.values().filter(failed).count())
    }

    /// No more faults, until nothing moves.
    pub(super) fn calm(&mut self) {
        self.faults = Faults {
            finality: self.faults.finality,
            refusals: self.faults.refusals,
            others: false,
            ..Faults::NONE
        };
        self.away = false;
        self.chain.base_fee = 100;
        let mut quiet = 0;
        for _ in 0..5_000 {
            self.pass(100);
            let settled = self.machine.unsettled() == 0 && self.machine.queue_len() == 0 && self.later.is_empty();
            quiet = if settled { quiet + 1 } else { 0 };
            if quiet > 20 {
                return;
            }
        }
        panic!("seed {}: not settled: {:#?}", self.seed, self.machine);
    }

    pub(super) fn check(&mut self) {
        let seed = self.seed;
        // Whoever has our key may have used it since anybody looked.
        self.tell(|world| Input::NonceSeen {
            head: world.chain.height(),
            count: world.chain.nonce(),
        });
        assert!(
            self.outbox.is_empty(),
            "seed {seed}: the outbox still has {:?}",
            self.outbox.keys()
        );
        // What a thief sent for a nonce that nobody has reached is not ours to clear away.
        let ours = self
            .chain
            .pool
            .values()
            .find(|transaction| transaction.fee.max < u128::MAX);
        assert!(ours.is_none(), "seed {seed}: the pool still has {ours:?}");
        assert_eq!(
            self.machine.next_nonce(),
            Some(self.chain.nonce()),
            "seed {seed}: nonces"
        );
        let mut appended: HashMap<(StreamId, StreamHead), u32> = HashMap::new();
        let mut executed = HashSet::new();
        for block in &self.chain.blocks {
            for event in &block.appended {
                *appended.entry((event.stream, event.tip.head())).or_default() += 1;
            }
            let succeeded = block.transactions.iter().filter(|(_, end)| *end == End::Done);
            executed.extend(
                succeeded
                    .flat_map(|(tx, _)| &tx.commits)
                    .map(|commit| commit.command_id),
            );
        }
        for (key, commit) in &self.commits {
            let times: Vec<u32> = commit
                .parts
                .iter()
                .flat_map(|part| {
                    part.payloads.iter().scan(part.expected, |head, payload| {
                        *head = head.after(payload);
                        Some((part.stream, *head))
                    })
                })
                .map(|event| appended.get(&event).copied().unwrap_or(0))
                .collect();
            let once = times.iter().all(|times| *times == 1);
            let never = times.iter().all(|times| *times == 0);
            assert!(
                once || never,
                "seed {seed}: {key:?} is there in parts, or twice: {times:?}"
            );
            match self.told.get(key) {
                Some(CommitOutcome::Appended { .. }) => assert!(once, "seed {seed}: {key:?} is not there"),
                Some(CommitOutcome::Rejected { .. }) => {
                    assert!(never, "seed {seed}: {key:?} was appended nevertheless")
                }
                Some(CommitOutcome::Failed(_)) => {
                    let stored = self.accepted.contains(&commit.command_id);
                    assert!(never && !stored, "seed {seed}: {key:?} was turned away and stored");
                }
                Some(CommitOutcome::Refused) => {
                    let noted = self.refused.contains(&commit.command_id);
                    assert!(never && noted, "seed {seed}: {key:?} is not refused for good");
                }
                Some(CommitOutcome::HandedOver) | None => {
                    assert!(self.lost.contains(key), "seed {seed}: nobody was told of {key:?}");
                }
                Some(other) => panic!("seed {seed}: {key:?} came to {other:?}"),
            }
            if self.accepted.contains(&commit.command_id) {
                let refused = self.refused.contains(&commit.command_id);
                let due = self.chain.refused.contains(&commit.command_id);
                assert_eq!(
                    refused, due,
                    "seed {seed}: {key:?} is noted as refused, and should it be"
                );
                assert!(
                    refused || executed.contains(&commit.command_id),
                    "seed {seed}: {key:?} was accepted and forgotten"
                );
            }
        }
        assert!(!self.commits.is_empty());
    }

    /// A client appends: on the head that the chain has, on one that it hopes for, or on a stale one.
    pub(super) fn append(&mut self) {
        let key = CommitKey(self.next_key);
        self.next_key += 1;
        let mut parts: Vec<StreamPart> = Vec::new();
        for _ in 0..=self.luck.below(2) {
            let stream = StreamId([self.luck.below(6) as u8; 32]);
            if parts.iter().any(|part| part.stream == stream) {
                continue;
            }
            let hoped = self.hopes.get(&stream).copied().unwrap_or_default();
            let expected = match self.luck.below(4) {
                0 => hoped,
                1 if self.luck.happens(20) => StreamHead {
                    version: self.luck.below(5),
                    tag: [1; 8],
                },
                _ => self.chain.head_of(stream),
            };
            let payloads = (0..=self.luck.below(2))
                .map(|index| Payload::from(format!("{key:?}/{index}").as_bytes()))
                .collect();
            parts.push(StreamPart {
                stream,
                expected,
                payloads,
            });
        }
        let commit = Arc::new(Commit {
            command_id: CommandId::new(Uuid::from_u128(key.0.into())),
            parts,
        });
        if self.luck.happens(self.faults.refusals) {
            self.chain.refused.insert(commit.command_id);
        }
        for part in &commit.parts {
            let head = part
                .payloads
                .iter()
                .fold(part.expected, |head, payload| head.after(payload));
            let hope = self.hopes.entry(part.stream).or_default();
            *hope = if head.version >= hope.version { head } else { *hope };
        }
        self.commits.insert(key, Arc::clone(&commit));
        let since = self.now;
        self.handed.insert(key, since);
        let size = Size::of(&commit).unwrap();
        self.tell(|_| {
            Input::Queue(Queued {
                key,
                commit,
                size,
                since,
            })
        });
    }

    /// Somebody else uses our key, for the next nonce or one beyond the next.
    fn steal(&mut self) {
        let nonce = self.chain.nonce() + self.luck.below(2);
        let hash = self.hash();
        let fee = Fee {
            max: u128::MAX,
            priority: 0,
        };
        self.chain.pool.insert(
            nonce,
            Transaction {
                nonce: Some(nonce),
                hash,
                fee,
                gas_limit: u64::MAX,
                commits: Vec::new(),
            },
        );
    }

    fn reorganise(&mut self, depth: u64) {
        let dropped = self.chain.cut(depth);
        let lucky = self.luck.below(3);
        for transaction in dropped {
            let is_formers = |commit: &Arc<Commit>| commit.command_id != CommandId::new(Uuid::nil());
            match transaction.nonce {
                Some(nonce) if self.luck.below(3) < lucky => {
                    self.chain.pool.entry(nonce).or_insert(transaction);
                }
                None if transaction.commits.iter().any(is_formers) => self.former.push(transaction),
                _ => {}
            }
        }
        for _ in 0..self.luck.below(depth + 2) {
            let others = self.others();
            let most = self.luck.below(3) as usize;
            self.chain.mine(others, most);
        }
    }

    fn others(&mut self) -> Vec<Transaction> {
        if !self.faults.others || !self.luck.happens(30) {
            return Vec::new();
        }
        if !self.former.is_empty() && self.luck.happens(50) {
            let place = self.luck.below(self.former.len() as u64) as usize;
            return vec![self.former.remove(place)];
        }
        let stream = StreamId([self.luck.below(6) as u8; 32]);
        let hash = self.hash();
        let payloads = vec![Payload::from(&hash[..])];
        let part = StreamPart {
            stream,
            expected: self.chain.head_of(stream),
            payloads,
        };
        let commit = Arc::new(Commit {
            command_id: CommandId::new(Uuid::nil()),
            parts: vec![part],
        });
        vec![Transaction {
            nonce: None,
            hash,
            fee: Fee::default(),
            gas_limit: u64::MAX,
            commits: vec![commit],
        }]
    }

    fn hash(&mut self) -> Hash {
        self.next_hash += 1;
        crate::chain::keccak256(&self.next_hash.to_be_bytes())
    }

    /// The process dies and comes back with what the outbox holds. What was only in memory is lost.
    pub(super) fn crash(&mut self) {
        self.die();
        self.revive();
    }

    /// The process dies, and one with another key takes over what is not final: whether or not it is, or will be, in a block.
    pub(super) fn change_key(&mut self) {
        self.die();
        self.chain.change_account();
        let mut rows: Vec<(Nonce, Row)> = std::mem::take(&mut self.outbox).into_iter().collect();
        rows.sort_by_key(|(nonce, _)| (*nonce < FORMER, *nonce));
        self.rows.retain(|_, (_, rejected)| !*rejected);
        for (place, (nonce, row)) in (FORMER..).zip(rows) {
            let mut hashes = row.signatures.iter().map(|(hash, _)| hash);
            let receipt = hashes.find_map(|hash| self.chain.receipt(hash));
            if matches!(receipt, Some((block, End::Done)) if block <= self.final_block) {
                self.rows.retain(|_, (of, _)| *of != nonce);
                continue;
            }
            if nonce < FORMER && receipt.is_none() {
                self.former.push(Transaction {
                    nonce: None,
                    hash: row.signatures[0].0,
                    fee: row.signatures[0].1,
                    gas_limit: row.gas_limit,
                    commits: row.commits.clone(),
                });
            }
            for (of, _) in self.rows.values_mut().filter(|(of, _)| *of == nonce) {
                *of = place;
            }
            self.outbox.insert(place, row);
        }
        self.revive();
    }

    fn die(&mut self) {
        // A statement that was on its way to the database may have arrived.
        for (_, later) in std::mem::take(&mut self.later) {
            match later {
                Later::Store(batch) if self.luck.happens(50) => drop(self.store(batch)),
                Later::Refuse(_, command, nonce) if self.luck.happens(50) => self.note(command, nonce),
                _ => {}
            }
        }
        self.lost
            .extend(self.commits.keys().filter(|key| !self.told.contains_key(key)));
        self.told_before_crash.extend(self.told.keys().copied());
        self.handed.clear();
    }

    fn revive(&mut self) {
        let mut batches = Vec::new();
        for (nonce, row) in self.outbox.range(..FORMER) {
            let commits = row.commits.iter().map(|commit| {
                let here = self.rows.get(&commit.command_id).is_some_and(|(of, _)| of == nonce);
                let key = CommitKey(u64::try_from(commit.command_id.uuid().as_u128()).unwrap());
                RestoredCommit {
                    key: here.then_some(key),
                    commit: Arc::clone(commit),
                }
            });
            batches.push(RestoredBatch {
                nonce: *nonce,
                commits: commits.collect(),
                call: None,
                hashes: row.signatures.iter().map(|(hash, _)| *hash).collect(),
                fee: row.signatures.last().unwrap().1,
                gas_limit: row.gas_limit,
            });
        }
        let around = Surroundings {
            applied: self.applied.len() as u64 - 1,
            final_block: self.final_block,
        };
        self.machine = Machine::restored(limits(self.faults), around, batches, self.now);
        self.adopt();
    }

    /// What former keys have left is taken over, in its order.
    fn adopt(&mut self) {
        let mut left = Vec::new();
        for (nonce, row) in self.outbox.range(FORMER..) {
            let is_here = |commit: &&Arc<Commit>| self.rows.get(&commit.command_id) == Some(&(*nonce, false));
            left.extend(row.commits.iter().filter(is_here).cloned());
        }
        let rows = &self.rows;
        self.outbox
            .retain(|nonce, _| *nonce < FORMER || rows.values().any(|row| *row == (*nonce, false)));
        let mut adopted = Vec::new();
        for commit in left {
            let (key, size) = (CommitKey(self.next_key), Size::of(&commit).unwrap());
            self.next_key += 1;
            // Nobody waits for it under this name.
            self.lost.insert(key);
            self.commits.insert(key, Arc::clone(&commit));
            let since = self.now;
            adopted.push(Queued {
                key,
                commit,
                size,
                since,
            });
        }
        self.tell(|_| Input::Adopt(adopted));
    }

    /// Lets time pass: the machine acts, answers arrive, blocks are mined and followed.
    pub(super) fn pass(&mut self, millis: Millis) {
        let end = self.now + millis;
        if !self.away {
            self.tell(|world| {
                Input::Fees(Fees {
                    base: world.chain.base_fee,
                    priority: 1,
                })
            });
        }
        while self.now < end {
            self.now += 1 + self.luck.below(9);
            if self.luck.happens(40) {
                let others = self.others();
                let most = self.luck.below(4) as usize;
                if most > 0 || !others.is_empty() {
                    self.chain.mine(others, most);
                }
            }
            if !self.away && self.luck.happens(60) {
                self.follow();
            }
            let due: Vec<_> = {
                let now = self.now;
                let (due, later) = std::mem::take(&mut self.later)
                    .into_iter()
                    .partition(|(at, _)| *at <= now);
                self.later = later;
                due
            };
            for (_, later) in due {
                self.arrive(later);
            }
            if self.machine.wake_at().is_some_and(|at| at <= self.now) {
                self.tell(|_| Input::Tick);
            }
        }
    }

    fn follow(&mut self) {
        let stands = |number: usize, id: &u64| self.chain.blocks.get(number).is_some_and(|block| block.id == *id);
        let common = (0..self.applied.len())
            .rev()
            .find(|number| stands(*number, &self.applied[*number]))
            .unwrap()
            + 1;
        if common < self.applied.len() {
            self.applied.truncate(common);
            let to = common as u64 - 1;
            self.final_block = self.final_block.min(to);
            self.tell(|_| Input::Reverted { to });
        }
        if let Some(block) = self.chain.blocks.get(self.applied.len()).cloned() {
            self.applied.push(block.id);
            let number = self.applied.len() as u64 - 1;
            self.tell(|_| Input::Applied {
                block: number,
                appended: &block.appended,
                rejected: &block.rejected,
            });
            let newest = number.saturating_sub(self.faults.finality);
            if newest > self.final_block || self.faults.finality == 0 {
                self.final_block = newest;
                self.tell(|_| Input::Finalized { block: newest });
            }
        }
    }

    fn tell<'a>(&mut self, input: impl FnOnce(&Self) -> Input<'a>) {
        let input = input(self);
        let mut actions = Vec::new();
        self.machine.on(self.now, input, &mut actions);
        for action in actions {
            self.act(action);
        }
    }

    fn after(&mut self, later: Later) {
        let longest = if self.luck.happens(self.faults.answers) { 200 } else { 8 };
        let delay = 1 + self.luck.below(longest);
        self.later.push((self.now + delay, later));
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Store(batch) => self.after(Later::Store(batch)),
            Action::StoreCall(_) | Action::AskCall { .. } | Action::TellCall(..) | Action::SettleCall { .. } => {
                panic!("nobody calls anything here");
            }
            Action::Replace { nonce, fee, .. } => self.after(Later::Replace(nonce, fee)),
            Action::Send { nonce, hash } => {
                let answer = self.send(nonce, hash);
                self.after(Later::Sent(nonce, answer));
            }
            Action::AskFees => {
                if !self.luck.happens(self.faults.answers) {
                    self.after(Later::Fees(self.chain.base_fee));
                }
            }
            Action::AskNonce => {
                let answer = match self.away || self.luck.happens(self.faults.answers) {
                    true => Later::NonceUnknown,
                    false => Later::NonceSeen(self.chain.height(), self.chain.nonce()),
                };
                self.after(answer);
            }
            Action::AskGasRules => {
                if !self.luck.happens(self.faults.gas) {
                    self.after(Later::GasRules(self.chain.gas));
                }
            }
            Action::AskReceipt { nonce, final_block } => {
                let row = &self.outbox[&nonce];
                let mut hashes = row.signatures.iter().map(|(hash, _)| hash);
                let receipt = hashes.find_map(|hash| self.chain.receipt(hash));
                let needed = Some(self.chain.gas_of(&row.commits)).filter(|_| nonce % 2 == 0);
                let receipt = receipt.map(|(block, end)| ReceiptSeen {
                    block,
                    execution: match end {
                        End::Done => Execution::Succeeded,
                        End::Cursed => Execution::Refused,
                        End::OutOfGas => Execution::OutOfGas { needed },
                    },
                });
                let count = self.chain.blocks.get(final_block as usize).map(Block::nonce);
                let answer = match count {
                    Some(count) if !self.away && !self.luck.happens(self.faults.answers) => {
                        Later::Receipt(nonce, count > nonce, receipt)
                    }
                    _ => Later::ReceiptUnknown(nonce),
                };
                self.after(answer);
            }
            Action::Accepted(key) => {
                assert!(
                    self.rows.contains_key(&self.commits[&key].command_id),
                    "accepted and not stored"
                );
                // A commit that was reverted is stored again.
                if let Some(at) = self.handed.remove(&key) {
                    let (waited, limit) = (self.now - at, limits(self.faults).durable_within + STORING + ASLEEP);
                    assert!(
                        waited <= limit,
                        "seed {}: {key:?} was accepted after {waited}",
                        self.seed
                    );
                }
            }
            Action::TurnAway(key) => {
                let waited = self.now - self.handed[&key];
                let limit = limits(self.faults).durable_within + ASLEEP;
                assert!(
                    waited <= limit,
                    "seed {}: {key:?} was turned away after {waited}",
                    self.seed
                );
                let failed = CommitOutcome::Failed(Unavailable::Chain);
                let before = self.told.insert(key, failed);
                assert_eq!(before, None, "seed {}: {key:?} was told twice", self.seed);
            }
            Action::Mined { .. } => {}
            Action::MarkRejected(ids) => {
                for id in ids {
                    self.rows.get_mut(&id).unwrap().1 = true;
                }
            }
            Action::Resolve(key, outcome) => {
                // Of a restored commit nobody waits to hear; but what was told before the crash must still hold.
                let before = self.told.get(&key).copied();
                match before {
                    Some(before) => {
                        let same = std::mem::discriminant(&before) == std::mem::discriminant(&outcome);
                        let again = self.told_before_crash.remove(&key);
                        let seed = self.seed;
                        assert!(
                            again && (same || outcome == CommitOutcome::HandedOver),
                            "seed {seed}: {key:?} was told twice"
                        );
                    }
                    None if self.lost.contains(&key) => {}
                    None => {
                        self.told.insert(key, outcome);
                    }
                }
            }
            Action::Forget(nonces) => {
                for nonce in nonces {
                    self.outbox.remove(&nonce);
                    self.rows.retain(|_, (of, _)| *of != nonce);
                }
            }
            Action::Refuse { key, command, nonce } => {
                let due = self.chain.refused.contains(&command);
                assert!(due, "seed {}: {command} was given up", self.seed);
                self.after(Later::Refuse(key, command, nonce));
            }
        }
    }

    fn arrive(&mut self, later: Later) {
        match later {
            Later::Store(batch) => {
                let nonce = batch.nonce;
                let hash = self.store(batch);
                self.after(Later::Stored(nonce, hash));
            }
            Later::Replace(nonce, fee) => {
                let hash = self.hash();
                self.outbox.get_mut(&nonce).unwrap().signatures.push((hash, fee));
                self.after(Later::Replaced(nonce, hash, fee));
            }
            Later::Refuse(key, command, nonce) => {
                self.note(command, nonce);
                let seed = self.seed;
                if !self.lost.contains(&key) {
                    let before = self.told.insert(key, CommitOutcome::Refused);
                    assert_eq!(before, None, "seed {seed}: {key:?} was told twice");
                }
            }
            Later::Stored(nonce, hash) => self.tell(|_| Input::Stored {
                nonce,
                hash,
                duplicates: Vec::new(),
            }),
            Later::Replaced(nonce, hash, fee) => self.tell(|_| Input::Replaced { nonce, hash, fee }),
            Later::Sent(nonce, answer) => self.tell(|_| Input::Sent { nonce, answer }),
            Later::NonceSeen(head, count) => self.tell(|_| Input::NonceSeen { head, count }),
            Later::Fees(base) => self.tell(|_| Input::Fees(Fees { base, priority: 1 })),
            Later::GasRules(rules) => self.tell(|_| Input::GasRules(rules)),
            Later::NonceUnknown => self.tell(|_| Input::NonceUnknown),
            Later::Receipt(nonce, used, receipt) => self.tell(|_| Input::ReceiptSeen { nonce, used, receipt }),
            Later::ReceiptUnknown(nonce) => self.tell(|_| Input::ReceiptUnknown { nonce }),
        }
    }

    /// One statement of the database: it notes that a commit can never be appended, and forgets it.
    fn note(&mut self, command: CommandId, nonce: Nonce) {
        let row = self.rows.remove(&command);
        assert_eq!(
            row,
            Some((nonce, false)),
            "seed {}: {command} was refused from elsewhere",
            self.seed
        );
        assert!(
            self.refused.insert(command),
            "seed {}: {command} was refused twice",
            self.seed
        );
        if !self.rows.values().any(|(of, _)| *of == nonce) {
            self.outbox.remove(&nonce);
        }
    }

    /// One transaction of the database.
    fn store(&mut self, batch: NewBatch) -> Hash {
        let hash = self.hash();
        if self.luck.happens(self.faults.reverts) {
            self.chain.cursed.insert(hash);
        }
        for (_, commit) in &batch.moved {
            let (of, _) = self.rows[&commit.command_id];
            self.rows.insert(commit.command_id, (batch.nonce, false));
            if !self.rows.values().any(|(nonce, _)| *nonce == of) {
                self.outbox.remove(&of);
            }
        }
        for (_, commit) in &batch.fresh {
            let before = self.rows.insert(commit.command_id, (batch.nonce, false));
            assert_eq!(before, None, "stored twice");
            self.accepted.insert(commit.command_id);
        }
        let commits = batch
            .moved
            .into_iter()
            .chain(batch.fresh)
            .map(|(_, commit)| commit)
            .collect();
        let before = self.outbox.insert(
            batch.nonce,
            Row {
                commits,
                signatures: vec![(hash, batch.fee)],
                gas_limit: batch.gas_limit,
            },
        );
        assert!(
            before.is_none(),
            "seed {}: nonce {} is stored twice",
            self.seed,
            batch.nonce
        );
        hash
    }

    fn send(&mut self, nonce: Nonce, hash: Hash) -> SendAnswer {
        let row = self.outbox.get(&nonce).expect("only what is stored is sent");
        let (_, fee) = *row
            .signatures
            .iter()
            .find(|(stored, _)| *stored == hash)
            .expect("this signature is stored");
        let transaction = Transaction {
            nonce: Some(nonce),
            hash,
            fee,
            gas_limit: row.gas_limit,
            commits: row.commits.clone(),
        };
        let arrives = !self.away && !self.luck.happens(self.faults.answers);
        let answers = !self.luck.happens(self.faults.answers);
        let honest = !self.luck.happens(self.faults.pool);
        let answer = match self.chain.pool.get(&nonce) {
            _ if nonce < self.chain.nonce() => SendAnswer::NonceTooLow,
            Some(pooled) if pooled.hash == hash => SendAnswer::Taken,
            Some(pooled) if pooled.fee.max > fee.max / 10 * 9 => SendAnswer::Underpriced,
            _ if fee.max < self.chain.base_fee / 2 => SendAnswer::Underpriced,
            _ => {
                if arrives && honest {
                    self.chain.pool.insert(nonce, transaction);
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
