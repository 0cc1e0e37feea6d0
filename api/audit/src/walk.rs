//! The way back from the trusted block, header by header, to the first entry of the log.

use infrastructure::chain::rpc::Call;
use infrastructure::chain::{EventLog, Hash, Node};
use serde_json::json;

use crate::Progress;
use crate::ask::{self, Question};
use crate::evidence::{self, ProvenBlock};
use crate::fault::{Check, Fault, Place};
use crate::header::{HashFormula, Header, RawHeader};
use crate::nodes_list;
use crate::stop::{AuditError, Stop};
use crate::text::Hex;
use crate::wanted::Wanted;

/// How many blocks are read at once.
const AT_ONCE: u64 = 256;

/// The first block that may hold something: the genesis block has no transactions. (Anvil that continues another chain shows another genesis than
/// its first block names.)
pub(crate) const FIRST: u64 = 1;

/// The blocks that hold something of what is wanted, up to the trusted one.
#[derive(Debug)]
pub(crate) struct Walk<B> {
    /// In the order of the chain, from the one with the first entry on.
    pub(crate) blocks: Vec<B>,
    /// How many headers were linked, from the first of these blocks to the trusted one.
    pub(crate) headers: u64,
    /// Of how many blocks the receipts were proved.
    pub(crate) blocks_with_receipts: u64,
}

impl<B> Walk<B> {
    /// For an empty log or stream: the trusted block alone.
    pub(crate) const fn nowhere() -> Self {
        Self {
            blocks: Vec::new(),
            headers: 1,
            blocks_with_receipts: 0,
        }
    }

    /// Goes back from the trusted block to the one with the first entry that is wanted. `of` is how many there are, if that is proven; of a block
    /// that holds one `keep` makes what is kept.
    pub(crate) async fn back(
        log: &EventLog,
        wanted: &Wanted,
        trusted: Header,
        of: Option<u64>,
        keep: impl Fn(ProvenBlock) -> B,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Self, Stop> {
        let newest = trusted.number;
        let (mut found, mut entries) = (Vec::new(), 0_u64);
        let (mut blocks_with_receipts, mut oldest_found) = (0_u64, newest);
        progress(Progress::Reading {
            block: newest,
            entries,
            of,
        });
        let (mut window, mut end) = (vec![trusted], None);
        while let Some((newest_of, oldest)) = window.first().zip(window.last()) {
            let (from, to, parent) = (oldest.number, newest_of.number, oldest.parent);
            let mut candidates: Vec<Header> = window;
            candidates.retain(|header| wanted.may_be_in(header, &log.address().0));
            candidates.reverse();
            blocks_with_receipts = blocks_with_receipts.saturating_add(candidates.len() as u64);
            let mut blocks = evidence::of(log.node(), log.address(), candidates).await?;
            nodes_list::compare(log, wanted, from, to, &blocks).await?;
            let first = blocks.iter().position(|block| wanted.begins_in(block));
            let mut blocks = blocks.split_off(first.unwrap_or_default());
            entries = entries.saturating_add(blocks.iter().map(|block| wanted.entries_of(block)).sum());
            blocks.retain(|block| wanted.is_in(block));
            oldest_found = blocks.first().map_or(oldest_found, |block| block.header.number);
            found.extend(blocks.into_iter().rev().map(&keep));
            progress(Progress::Reading {
                block: from,
                entries,
                of,
            });
            if first.is_some() {
                break;
            }
            if let Some(stop) = end {
                return Err(stop);
            }
            if from <= FIRST {
                // Nothing proves that there is more.
                if of.is_none() && entries == 0 {
                    break;
                }
                return Err(wanted.missing().into());
            }
            (window, end) = parents(log.node(), from, parent).await?;
            if window.is_empty()
                && let Some(stop) = end
            {
                return Err(stop);
            }
        }
        found.reverse();
        Ok(Self {
            headers: newest.saturating_sub(oldest_found).saturating_add(1),
            blocks: found,
            blocks_with_receipts,
        })
    }
}

/// The header of the block whose hash is trusted, and how its hash is made.
pub(crate) async fn trusted_header(node: &Node, hash: Hash) -> Result<(Header, HashFormula), Stop> {
    let place = Place {
        block_hash: Some(hash),
        ..Place::default()
    };
    let question = Question {
        call: Call {
            method: "eth_getBlockByHash",
            params: json!([Hex(hash), false]),
        },
        check: Check::Header,
        place,
        what: format!("the block with the hash {}", Hex(hash)),
    };
    let header: Option<RawHeader> = ask::maybe(node, &question).await?;
    let header = header.ok_or(AuditError::NoBlock(Hex(hash)))?;
    header.proven(hash).map_err(|computed| {
        let got = format_args!("one with the hash {}", Hex(computed));
        Fault::new(Check::Header, place, question.what, got).into()
    })
}

/// The headers before a block, the nearest first: as many as are read at once, or as there are, up to one that stops the way back; and why it
/// does. That is of no importance if the log turns out to begin before.
async fn parents(node: &Node, child: u64, parent: Hash) -> Result<(Vec<Header>, Option<Stop>), Stop> {
    let questions: Vec<Question> = (child.saturating_sub(AT_ONCE).max(FIRST)..child)
        .rev()
        .map(|number| Question {
            call: Call {
                method: "eth_getBlockByNumber",
                params: json!([format!("{number:#x}"), false]),
            },
            check: Check::Header,
            place: Place::block(number),
            what: format!("the header of block {number}"),
        })
        .collect();
    let raw = ask::each::<RawHeader>(node, &questions).await?;
    let mut headers: Vec<Header> = Vec::with_capacity(raw.len());
    let mut expected = parent;
    for (Question { place, .. }, raw) in questions.iter().zip(raw) {
        let header = raw.and_then(|raw| {
            let header = raw.proven(expected).map_err(|computed| {
                let expected = format_args!("a header with the hash {}", Hex(expected));
                Fault::new(
                    Check::Header,
                    *place,
                    expected,
                    format_args!("one with the hash {}", Hex(computed)),
                )
            });
            Ok(header?.0)
        });
        match header {
            Ok(header) => {
                expected = header.parent;
                headers.push(header);
            }
            Err(stop) => return Ok((headers, Some(stop))),
        }
    }
    Ok((headers, None))
}
