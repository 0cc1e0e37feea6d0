//! A chain of several accounts of ours, one log and one other contract.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::super::super::{Fee, Nonce};
use crate::calls::{Call, CallId};
use crate::chain::Hash;
use crate::log::{Commit, RejectedCommit, StreamHead, StreamTip};
use crate::notices::{AppliedEvent, EntryState};
use application::log::StreamId;
use domain::kernel::CommandId;

pub(super) type Account = usize;

/// What a transaction does.
#[derive(Clone, Debug)]
pub(super) enum What {
    Commits(Vec<Arc<Commit>>),
    Call(Arc<Call>),
}

#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) account: Account,
    pub(super) nonce: Nonce,
    pub(super) hash: Hash,
    pub(super) fee: Fee,
    pub(super) gas_limit: u64,
    pub(super) what: What,
}

/// How a transaction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Done,
    Refused,
    OutOfGas,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) id: u64,
    pub(super) transactions: Vec<(Transaction, End)>,
    pub(super) appended: Vec<AppliedEvent>,
    pub(super) rejected: Vec<RejectedCommit>,
    nonces: HashMap<Account, Nonce>,
    position: u64,
    there: HashSet<CommandId>,
}

impl Block {
    /// An account's nonce after it.
    pub(super) fn nonce(&self, account: Account) -> Nonce {
        self.nonces.get(&account).copied().unwrap_or_default()
    }
}

pub(super) struct Chain {
    /// The first is the genesis block.
    pub(super) blocks: Vec<Block>,
    pub(super) pool: BTreeMap<(Account, Nonce), Transaction>,
    pub(super) base_fee: u128,
    /// What the other contract refuses.
    pub(super) refused: HashSet<CallId>,
    /// What calls take.
    pub(super) gas: HashMap<CallId, u64>,
    next_id: u64,
}

impl Chain {
    pub(super) fn new() -> Self {
        Self {
            blocks: vec![Block::default()],
            pool: BTreeMap::new(),
            base_fee: 100,
            refused: HashSet::new(),
            gas: HashMap::new(),
            next_id: 1,
        }
    }

    pub(super) fn height(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub(super) fn nonce(&self, account: Account) -> Nonce {
        self.blocks.last().unwrap().nonce(account)
    }

    /// Mines at most so many transactions from the pool.
    pub(super) fn mine(&mut self, most: usize) {
        let mut block = self.blocks.last().unwrap().clone();
        block.id = self.next_id;
        self.next_id += 1;
        block.transactions.clear();
        block.appended.clear();
        block.rejected.clear();
        for _ in 0..most {
            let is_next = |transaction: &&Transaction| {
                transaction.nonce == block.nonce(transaction.account) && transaction.fee.max >= self.base_fee
            };
            let Some(next) = self.pool.values().find(is_next).cloned() else {
                break;
            };
            self.pool.remove(&(next.account, next.nonce));
            let end = self.end_of(&next);
            block.execute(next, end);
        }
        self.pool.retain(|(account, nonce), _| *nonce >= block.nonce(*account));
        self.blocks.push(block);
    }

    fn end_of(&self, transaction: &Transaction) -> End {
        match &transaction.what {
            What::Call(call) if self.gas[&call.id] > transaction.gas_limit => End::OutOfGas,
            What::Call(call) if self.refused.contains(&call.id) => End::Refused,
            _ => End::Done,
        }
    }

    /// Takes blocks off the top, and answers with their transactions.
    pub(super) fn cut(&mut self, depth: u64) -> Vec<Transaction> {
        let keep = self.blocks.len().saturating_sub(depth as usize).max(1);
        let dropped = self.blocks.split_off(keep).into_iter();
        let transactions = dropped.flat_map(|block| block.transactions);
        transactions.map(|(transaction, _)| transaction).collect()
    }

    /// The block, the transaction and the end of what used a nonce.
    pub(super) fn use_of(&self, account: Account, nonce: Nonce) -> Option<(u64, &Transaction, End)> {
        (0..).zip(&self.blocks).find_map(|(number, block)| {
            let mut all = block.transactions.iter();
            let used = all.find(|(transaction, _)| (transaction.account, transaction.nonce) == (account, nonce));
            used.map(|(transaction, end)| (number, transaction, *end))
        })
    }
}

impl Block {
    fn execute(&mut self, transaction: Transaction, end: End) {
        *self.nonces.entry(transaction.account).or_default() += 1;
        match &transaction.what {
            What::Commits(commits) => {
                for (index, commit) in (0..).zip(commits) {
                    self.append(transaction.hash, index, commit);
                }
            }
            // Every second call leaves an entry in the log.
            What::Call(call) if end == End::Done && call.id.0.as_u128() % 2 == 1 => {
                self.entry(transaction.hash, StreamId([99; 32]), StreamTip::default());
            }
            What::Call(_) => {}
        }
        self.transactions.push((transaction, end));
    }

    /// Every commit is for a stream of its own, which is new.
    fn append(&mut self, transaction: Hash, index: u32, commit: &Commit) {
        for part in &commit.parts {
            let tip = StreamTip::default().after(&part.payloads[0]);
            if self.there.insert(commit.command_id) {
                self.entry(transaction, part.stream, tip);
            } else {
                self.rejected.push(RejectedCommit {
                    transaction,
                    index,
                    stream: part.stream,
                    actual: StreamHead {
                        version: 1,
                        ..tip.head()
                    },
                });
            }
        }
    }

    fn entry(&mut self, transaction: Hash, stream: StreamId, tip: StreamTip) {
        self.position += 1;
        self.appended.push(AppliedEvent {
            stream,
            tip,
            position: self.position,
            transaction,
            command_id: None,
            state: EntryState::Applied,
        });
    }
}
