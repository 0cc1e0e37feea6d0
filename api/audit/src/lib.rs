//! `medconnect audit`: proves a log, or one patient's record in it (`patient`), against the hash of a block, with nothing but a node that may lie.
//!
//! Nothing that the node says is believed. What is trusted is the hash of one block; what that proves:
//!
//! 1. The block's header, for it has that hash; and all headers before it, for each names the hash of its parent (`header`).
//! 2. The contract's code and the head of its log after the block, by proofs against the header's state root (`state`).
//! 3. Which blocks may hold something of the log: a header's bloom filter is made of all logs of its block, and where it lacks the
//!    contract's address or its topics there are none. False alarms cost a look, and nothing is missed.
//! 4. What these blocks hold: all their transactions and all their receipts, against both roots of the header (`evidence`).
//! 5. That these are all entries, in their order: positions are gapless from 1 on, and the running hash over all of them is the contract's
//!    (`history`). So an entry is proved to be there twice over, by receipts and by the running hash, a rejected commit once.
//! 6. That streams and commits are whole, and that whoever wrote could (`history`, `namespaces`).
//! 7. That the node's own list of entries, which a server of ours would read, is the same (`nodes_list`).
//!
//! It goes backwards from the trusted block, header by header, until it has met the entry at position 1: so nobody need say where the log
//! begins.

mod ask;
mod evidence;
mod fault;
mod header;
mod history;
mod kept;
mod keyed;
mod namespaces;
mod nodes_list;
mod patient;
mod receipts;
mod report;
mod rlp;
mod state;
mod stop;
mod text;
mod transactions;
mod walk;
mod wanted;

pub use fault::{Check, Fault, Place};
pub use header::HashFormula;
pub use kept::ProvenEntry;
pub use keyed::{Comparison, ContradictionReport, KeyedReport, TableReport, Unfolded, WithKeys};
pub use patient::{ChapterReport, Completeness, EntryReport, KeysState, PatientReport, patient};
pub use report::{Head, NamespaceReport, Proved, Report, TrustedBlock, Unproved, Verdict, WriterReport};
pub use stop::AuditError;

use infrastructure::chain::{Address, EventLog, Hash, Node};
use infrastructure::log::LogHead;

use history::History;
use kept::KeptBlock;
use report::trusted;
use stop::Stop;
use walk::Walk;
use wanted::Wanted;

/// What is being done, for whoever waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The trusted block and the contract's state are being looked at.
    Beginning,
    /// Blocks are read, back from the trusted one.
    Reading {
        /// The oldest block that was read.
        block: u64,
        /// How many entries were met.
        entries: u64,
        /// How many there are, if that is proven.
        of: Option<u64>,
    },
    /// The log is replayed.
    Replaying,
    /// What is proved is opened.
    Opening,
}

/// What an audit found, and each entry of the log where it proves to stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audit {
    /// What it found.
    pub report: Report,
    /// What holds something of the log, in the order of the chain; nothing where there is a fault.
    blocks: Vec<KeptBlock>,
}

impl Audit {
    /// The entries in the order of their positions, each where it proves to stand; none where there is a fault.
    pub fn entries(&self) -> impl Iterator<Item = ProvenEntry> {
        self.blocks.iter().flat_map(KeptBlock::entries)
    }
}

/// Audits the log of a contract, up to the block with this hash. `progress` is told how far it is.
///
/// # Errors
/// When the node does not give what must be looked at. What it gives and cannot be true is no error: the report has it.
pub async fn verify(
    node: &Node,
    contract: Address,
    block: Hash,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Audit, AuditError> {
    let mut known = None;
    match run(node, contract, block, progress, &mut known).await {
        Ok(audit) => Ok(audit),
        Err(Stop::Fault(fault)) => Ok(Audit {
            report: Report::of_fault(node.chain_id(), contract, known, *fault),
            blocks: Vec::new(),
        }),
        Err(Stop::Error(error)) => Err(error),
    }
}

async fn run(
    node: &Node,
    contract: Address,
    block: Hash,
    progress: &(dyn Fn(Progress) + Sync),
    known: &mut Option<TrustedBlock>,
) -> Result<Audit, Stop> {
    progress(Progress::Beginning);
    // The list is to be the node's own, not one that is made of its receipts.
    let log = EventLog::new(node.clone(), contract).as_listed();
    let (header, formula) = walk::trusted_header(node, block).await?;
    let block = known.insert(trusted(&header, formula)).clone();
    let head = state::head(node, &header, contract).await?;
    let (proven, unproved) = match head {
        Ok(head) => (Some(head), None),
        Err(why) => (None, Some(why)),
    };
    let walk = match proven {
        // An empty log has no first entry to go back to.
        Some(LogHead { position: 0, .. }) => Walk::nowhere(),
        _ => {
            let of = proven.map(|head| head.position);
            Walk::back(&log, &Wanted::Log, header, of, KeptBlock::from, progress).await?
        }
    };
    progress(Progress::Replaying);
    let mut history = History::new(log.genesis());
    for block in &walk.blocks {
        history.take(block)?;
    }
    history.end(proven)?;
    let report = Report {
        verdict: if unproved.is_some() {
            Verdict::InPart
        } else {
            Verdict::Proved
        },
        chain_id: node.chain_id(),
        contract,
        block: Some(block),
        head: Some(history.head.into()),
        proved: Some(report::proved(
            &history,
            walk.blocks.first().map(|block| block.number),
            walk.headers,
            walk.blocks_with_receipts,
        )),
        unproved,
        fault: None,
    };
    Ok(Audit {
        report,
        blocks: walk.blocks,
    })
}
