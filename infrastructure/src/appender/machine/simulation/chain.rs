//! A chain of one contract, one account of ours at a time, and strangers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use application::log::StreamId;
use domain::kernel::CommandId;

use super::super::{Fee, Nonce};
use crate::chain::Hash;
use crate::chain::gas::{GasRules, Size};
use crate::log::{Commit, RejectedCommit, StreamHead, StreamTip};
use crate::notices::{AppliedEvent, EntryState};

#[derive(Clone, Debug)]
pub(super) struct Transaction {
    /// `None`: a stranger's, from another account.
    pub(super) nonce: Option<Nonce>,
    pub(super) hash: Hash,
    pub(super) fee: Fee,
    pub(super) gas_limit: u64,
    pub(super) commits: Vec<Arc<Commit>>,
}

/// How a transaction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Done,
    Cursed,
    OutOfGas,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) id: u64,
    pub(super) transactions: Vec<(Transaction, End)>,
    pub(super) appended: Vec<AppliedEvent>,
    pub(super) rejected: Vec<RejectedCommit>,
    nonce: Nonce,
    position: u64,
    heads: HashMap<StreamId, StreamHead>,
}

impl Block {
    /// Our account's nonce after it.
    pub(super) fn nonce(&self) -> Nonce {
        self.nonce
    }
}

pub(super) struct Chain {
    /// The first is the genesis block.
    pub(super) blocks: Vec<Block>,
    pub(super) pool: BTreeMap<Nonce, Transaction>,
    pub(super) base_fee: u128,
    /// Transactions that the contract reverts, however often they are mined.
    pub(super) cursed: HashSet<Hash>,
    /// Commits that the contract refuses for good, with whatever is in one transaction with them.
    pub(super) refused: HashSet<CommandId>,
    /// What things really cost in gas.
    pub(super) gas: GasRules,
    next_id: u64,
}

impl Chain {
    pub(super) fn new() -> Self {
        Self {
            blocks: vec![Block::default()],
            pool: BTreeMap::new(),
            base_fee: 100,
            cursed: HashSet::new(),
            refused: HashSet::new(),
            gas: GasRules::TODAY,
            next_id: 1,
        }
    }

    pub(super) fn height(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub(super) fn tip(&self) -> &Block {
        self.blocks.last().unwrap()
    }

    pub(super) fn nonce(&self) -> Nonce {
        self.tip().nonce
    }

    pub(super) fn head_of(&self, stream: StreamId) -> StreamHead {
        self.tip().heads.get(&stream).copied().unwrap_or_default()
    }

    /// Mines at most `most` of our transactions from the pool, after those given.
    pub(super) fn mine(&mut self, others: Vec<Transaction>, most: usize) {
        let mut block = self.tip().clone();
        block.id = self.next_id;
        self.next_id += 1;
        block.transactions.clear();
        block.appended.clear();
        block.rejected.clear();
        for transaction in others {
            let end = self.end_of(&transaction);
            execute(&mut block, transaction, end);
        }
        for _ in 0..most {
            match self.pool.get(&block.nonce) {
                Some(next) if next.fee.max >= self.base_fee => {
                    let next = self.pool.remove(&block.nonce).unwrap();
                    let end = self.end_of(&next);
                    execute(&mut block, next, end);
                }
                _ => break,
            }
        }
        let nonce = block.nonce;
        self.blocks.push(block);
        self.pool.retain(|of, _| *of >= nonce);
    }

    fn end_of(&self, transaction: &Transaction) -> End {
        let refuses = |commit: &Arc<Commit>| self.refused.contains(&commit.command_id);
        if self.gas_of(&transaction.commits) > transaction.gas_limit {
            End::OutOfGas
        } else if self.cursed.contains(&transaction.hash) || transaction.commits.iter().any(refuses) {
            End::Cursed
        } else {
            End::Done
        }
    }

    /// Takes blocks off the top, and answers with their transactions.
    pub(super) fn cut(&mut self, depth: u64) -> Vec<Transaction> {
        let keep = self.blocks.len().saturating_sub(depth as usize).max(1);
        self.blocks
            .split_off(keep)
            .into_iter()
            .flat_map(|block| block.transactions)
            .map(|(tx, _)| tx)
            .collect()
    }

    /// From now on another account is ours, which has sent nothing yet.
    pub(super) fn change_account(&mut self) {
        let nonce = self.nonce();
        for block in &mut self.blocks {
            block.nonce = nonce;
            for (transaction, _) in &mut block.transactions {
                transaction.nonce = None;
            }
        }
        self.pool.clear();
    }

    /// What a transaction with these commits takes.
    pub(super) fn gas_of(&self, commits: &[Arc<Commit>]) -> u64 {
        let sizes = commits.iter().map(|commit| Size::of(commit).unwrap());
        let size = sizes.fold(Size::default(), Size::plus);
        match commits.is_empty() {
            true => self.gas.transaction,
            false => self.gas.limit(size) / 105 * 100,
        }
    }

    /// The block and the end of a transaction.
    pub(super) fn receipt(&self, hash: &Hash) -> Option<(u64, End)> {
        (0..).zip(&self.blocks).find_map(|(number, block)| {
            let found = block
                .transactions
                .iter()
                .find(|(transaction, _)| transaction.hash == *hash);
            found.map(|(_, end)| (number, *end))
        })
    }
}

fn execute(block: &mut Block, transaction: Transaction, end: End) {
    if let Some(nonce) = transaction.nonce {
        assert_eq!(nonce, block.nonce, "a block takes nonces in order");
        block.nonce += 1;
    }
    for (index, commit) in (0..).zip(if end == End::Done {
        &transaction.commits[..]
    } else {
        &[][..]
    }) {
        let head = |stream| block.heads.get(&stream).copied().unwrap_or_default();
        if let Some(stale) = commit.parts.iter().find(|part| head(part.stream) != part.expected) {
            let (stream, actual) = (stale.stream, head(stale.stream));
            block.rejected.push(RejectedCommit {
                transaction: transaction.hash,
                index,
                stream,
                actual,
            });
            continue;
        }
        for part in &commit.parts {
            let mut head = part.expected;
            for payload in &part.payloads {
                let before = StreamTip {
                    version: head.version,
                    ..StreamTip::default()
                };
                let tip = before.after(payload);
                head = tip.head();
                block.position += 1;
                block.appended.push(AppliedEvent {
                    stream: part.stream,
                    tip,
                    position: block.position,
                    transaction: transaction.hash,
                    command_id: Some(commit.command_id),
                    state: EntryState::Applied,
                });
            }
            block.heads.insert(part.stream, head);
        }
    }
    block.transactions.push((transaction, end));
}
