//! What an audit comes to, for people and for machines. It says nothing of what entries hold.

use std::fmt::Write as _;

use infrastructure::chain::{Address, Hash};
use infrastructure::log::{LogHead, Namespace};
use serde::Serialize;

use crate::fault::Fault;
use crate::header::{HashFormula, Header};
use crate::history::History;
use crate::text::{self, Hex};

/// What an audit comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Everything is proved.
    Proved,
    /// Nothing is wrong, and not everything can be proved.
    InPart,
    /// Something cannot be true.
    Fault,
}

/// Why something cannot be proved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unproved {
    /// The chain's headers have no state roots.
    NoStateRoot,
    /// The node gives no proof of the state at the block; what it says.
    NoProof(String),
}

impl Unproved {
    /// In a sentence.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::NoStateRoot => "the chain's headers have no state root (Anvil that continues another chain, as `medconnect dev` without \
                                  --proofs, computes none)"
                .to_owned(),
            Self::NoProof(why) => format!(
                "the node gives no proof of the contract's state at the block ({why}); many give it for recent blocks only"
            ),
        }
    }
}

/// The block whose hash is trusted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustedBlock {
    /// Its number.
    pub number: u64,
    /// Its hash.
    #[serde(serialize_with = "text::hash")]
    pub hash: Hash,
    /// Its time, in seconds since the Unix epoch.
    pub time: u64,
    /// How its hash was computed.
    pub hash_formula: HashFormula,
}

/// The head of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The last position; 0 of an empty log.
    pub position: u64,
    /// The running hash over all entries.
    #[serde(serialize_with = "text::hash")]
    pub running_hash: Hash,
}

impl From<LogHead> for Head {
    fn from(head: LogHead) -> Self {
        Self {
            position: head.position,
            running_hash: head.running_hash,
        }
    }
}

/// A namespace after the last entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceReport {
    /// Its number.
    pub number: Namespace,
    /// Whether it takes sealed events, or plain entries.
    pub is_sealed: bool,
    /// Whose it is.
    pub owner: Address,
    /// Who writes in it now.
    pub writers: Vec<WriterReport>,
    /// How many entries it has.
    pub entries: u64,
    /// How many streams it has.
    pub streams: u64,
}

/// A writer of a namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WriterReport {
    /// Its number.
    pub number: u32,
    /// The account.
    pub account: Address,
}

/// What was looked at and found as it must be.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proved {
    /// The first block with an entry.
    pub first_block: Option<u64>,
    /// How many headers were linked, up to the trusted block.
    pub headers: u64,
    /// Of how many blocks the transactions and receipts were proved.
    pub blocks_with_receipts: u64,
    /// How many transactions wrote to the log, or tried to.
    pub transactions: u64,
    /// How many entries the log has: positions 1 to this.
    pub entries: u64,
    /// How many commits they are.
    pub commits: u64,
    /// How many commits were rejected.
    pub rejected_commits: u64,
    /// How many streams there are, those of the administration among them.
    pub streams: u64,
    /// The namespaces, in the order of their numbers.
    pub namespaces: Vec<NamespaceReport>,
}

/// What an audit found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What it comes to.
    pub verdict: Verdict,
    /// The chain id that the log's beginning was computed with.
    pub chain_id: u64,
    /// The contract.
    pub contract: Address,
    /// The trusted block, once its header is proved.
    pub block: Option<TrustedBlock>,
    /// The head of the log as recomputed from its entries; without a fault only.
    pub head: Option<Head>,
    /// What was proved; without a fault only.
    pub proved: Option<Proved>,
    /// Why the contract's code and head could not be proved.
    pub unproved: Option<Unproved>,
    /// The first thing that cannot be true.
    pub fault: Option<Fault>,
}

impl Report {
    /// That something is wrong.
    pub(crate) fn of_fault(chain_id: u64, contract: Address, block: Option<TrustedBlock>, fault: Fault) -> Self {
        Self {
            verdict: Verdict::Fault,
            chain_id,
            contract,
            block,
            head: None,
            proved: None,
            unproved: None,
            fault: Some(fault),
        }
    }

    /// For people.
    pub fn told(&self) -> String {
        let mut text = format!("contract {} on chain {}\n", self.contract, self.chain_id);
        if let Some(block) = &self.block {
            text += &format!(
                "block {} with the hash {} (hash {})\n",
                block.number,
                Hex(block.hash),
                block.hash_formula
            );
        }
        if let (Some(proved), Some(head)) = (&self.proved, &self.head) {
            text += &told(proved, head);
        }
        match (&self.fault, &self.unproved) {
            (Some(fault), _) => text += &told_fault("FAULT", fault),
            (None, Some(unproved)) => {
                let _ = write!(
                    text,
                    "\nPROVED IN PART: all of the above but what the contract itself is.\n  not proved  that this program's contract stands at \
                     the address, that its head is the one above, and that the chain is {}\n  why         {}",
                    self.chain_id,
                    unproved.told()
                );
            }
            (None, None) => text += "\nPROVED: the contract's code, its head, and all of the above.",
        }
        text
    }
}

/// A fault, for people.
pub(crate) fn told_fault(verdict: &str, fault: &Fault) -> String {
    format!(
        "\n{verdict}: {fault}\n  where     {}\n  expected  {}\n  got       {}\nThe node's answers cannot be true, or this program does not know its \
         chain. Ask another node about the same block.",
        fault.place, fault.expected, fault.got
    )
}

fn told(proved: &Proved, head: &Head) -> String {
    let mut text = format!(
        "{} headers, linked to the block{}\n{} blocks whose transactions and receipts are those of their headers\n{} entries at the \
         positions 1 to {}, in {} commits, by {} transactions; {} commits rejected\n{} streams, without a gap in any\nrunning hash {}\n",
        proved.headers,
        proved.first_block.map_or_else(String::new, |first| format!(
            " from block {first} on, the first with an entry"
        )),
        proved.blocks_with_receipts,
        proved.entries,
        head.position,
        proved.commits,
        proved.transactions,
        proved.rejected_commits,
        proved.streams,
        Hex(head.running_hash),
    );
    for namespace in &proved.namespaces {
        let writers = namespace
            .writers
            .iter()
            .map(|writer| format!("{} {}", writer.number, writer.account));
        let writers: Vec<String> = writers.collect();
        let kind = if namespace.is_sealed { "sealed" } else { "plain" };
        let _ = writeln!(
            text,
            "namespace {} ({kind}): {} entries in {} streams, owner {}, writers {}",
            namespace.number,
            namespace.entries,
            namespace.streams,
            namespace.owner,
            if writers.is_empty() {
                "none".to_owned()
            } else {
                writers.join(", ")
            },
        );
    }
    text
}

/// The trusted block.
pub(crate) fn trusted(header: &Header, formula: HashFormula) -> TrustedBlock {
    TrustedBlock {
        number: header.number,
        hash: header.hash,
        time: header.time,
        hash_formula: formula,
    }
}

/// What a history comes to.
pub(crate) fn proved(history: &History, first_block: Option<u64>, headers: u64, blocks_with_receipts: u64) -> Proved {
    let streams_in = |namespace: Namespace| {
        let streams = history.tips.keys().filter(|stream| Namespace::of(stream) == namespace);
        streams.count() as u64
    };
    let namespaces = history.namespaces.iter().map(|(number, now)| NamespaceReport {
        number,
        is_sealed: now.is_sealed,
        owner: now.owner,
        writers: now
            .writers
            .iter()
            .map(|(number, account)| WriterReport {
                number: *number,
                account: *account,
            })
            .collect(),
        entries: history.entries_in.get(&number).copied().unwrap_or_default(),
        streams: streams_in(number),
    });
    Proved {
        first_block,
        headers,
        blocks_with_receipts,
        transactions: history.transactions,
        entries: history.head.position,
        commits: history.commits,
        rejected_commits: history.rejected,
        streams: history.tips.len() as u64,
        namespaces: namespaces.collect(),
    }
}
