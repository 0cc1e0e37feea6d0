//! What blocks hold of the log, proven: their transactions and receipts, against the roots in their headers.

use alloy_primitives::B256;
use alloy_trie::root::ordered_trie_root_encoded;
use infrastructure::chain::codec::{Said, read_log};
use infrastructure::chain::rpc::Call;
use infrastructure::chain::{Address, Hash, Node};
use serde_json::json;

use crate::ask::{self, Question};
use crate::fault::{Check, Fault, Place};
use crate::header::Header;
use crate::receipts::RawReceipt;
use crate::stop::{AuditError, Stop};
use crate::text::Hex;
use crate::transactions::{RawBlock, Unencodable};

/// A log of the contract, where it proves to stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ProvenLog {
    pub(crate) transaction: Hash,
    pub(crate) transaction_index: u64,
    pub(crate) log_index: u64,
    pub(crate) said: Said,
}

impl ProvenLog {
    /// Where it is in the block of this number.
    pub(crate) fn place(&self, block: u64) -> Place {
        let place = Place {
            transaction: Some(self.transaction),
            log_index: Some(self.log_index),
            ..Place::block(block).transaction(self.transaction_index)
        };
        match &self.said {
            Said::Appended(entry) => place.entry(entry),
            Said::Rejected(_) => place,
        }
    }
}

/// What a block holds of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ProvenBlock {
    pub(crate) header: Header,
    /// In the order of the chain.
    pub(crate) logs: Vec<ProvenLog>,
}

/// Reads blocks whose headers are proven.
pub(crate) async fn of(node: &Node, contract: Address, headers: Vec<Header>) -> Result<Vec<ProvenBlock>, Stop> {
    let questions: Vec<Question> = headers
        .iter()
        .map(|header| Question {
            call: Call {
                method: "eth_getBlockByHash",
                params: json!([Hex(header.hash), true]),
            },
            check: Check::Transactions,
            place: Place::block(header.number),
            what: format!("the transactions of block {}", header.number),
        })
        .collect();
    let blocks: Vec<RawBlock> = ask::all(node, &questions).await?;
    let mut transactions = Vec::with_capacity(blocks.len());
    for (header, block) in headers.iter().zip(&blocks) {
        transactions.push(transactions_of(header, block)?);
    }
    drop(blocks);

    let mut questions = Vec::new();
    for (header, hashes) in headers.iter().zip(&transactions) {
        questions.extend((0_u64..).zip(hashes).map(|(index, hash)| Question {
            call: Call {
                method: "eth_getTransactionReceipt",
                params: json!([Hex(hash)]),
            },
            check: Check::Receipts,
            place: Place {
                transaction: Some(*hash),
                ..Place::block(header.number).transaction(index)
            },
            what: format!("the receipt of transaction {index} of block {}", header.number),
        }));
    }
    let mut receipts = ask::all::<RawReceipt>(node, &questions).await?.into_iter();
    let mut proven = Vec::with_capacity(headers.len());
    for (header, hashes) in headers.into_iter().zip(transactions) {
        let receipts: Vec<RawReceipt> = receipts.by_ref().take(hashes.len()).collect();
        check_receipts(&header, &receipts)?;
        let logs = logs_of(&header, contract, &hashes, &receipts)?;
        proven.push(ProvenBlock { header, logs });
    }
    Ok(proven)
}

/// The hashes of a block's transactions, in order, once they are seen to be those that its header names.
fn transactions_of(header: &Header, block: &RawBlock) -> Result<Vec<Hash>, Stop> {
    let mut hashes = Vec::with_capacity(block.transactions.len());
    let mut encoded = Vec::with_capacity(block.transactions.len());
    for (index, raw) in (0_u64..).zip(&block.transactions) {
        let place = Place::block(header.number).transaction(index);
        let transaction = raw.encoded().map_err(|why| match why {
            Unencodable::Type(kind) => Stop::from(AuditError::Unknown {
                block: header.number,
                what: format!("a transaction of type {kind:#x}"),
            }),
            Unencodable::Field(name) => Fault::new(
                Check::Transactions,
                place,
                format_args!("a transaction with its `{name}`"),
                "none",
            )
            .into(),
        })?;
        if transaction.hash != raw.hash.0 {
            let expected = Hex(transaction.hash);
            return Err(Fault::new(Check::Transactions, place, expected, raw.hash).into());
        }
        hashes.push(transaction.hash);
        encoded.push(transaction.bytes);
    }
    same_root(Check::Transactions, header, header.transactions_root, &encoded)?;
    Ok(hashes)
}

fn check_receipts(header: &Header, receipts: &[RawReceipt]) -> Result<(), Stop> {
    let encoded = receipts.iter().map(|receipt| {
        receipt.encoded().map_err(|kind| {
            Stop::from(AuditError::Unknown {
                block: header.number,
                what: format!("a receipt of type {kind:#x}"),
            })
        })
    });
    let encoded = encoded.collect::<Result<Vec<_>, _>>()?;
    same_root(Check::Receipts, header, header.receipts_root, &encoded)
}

fn same_root(check: Check, header: &Header, expected: B256, encoded: &[Vec<u8>]) -> Result<(), Stop> {
    let root = ordered_trie_root_encoded(encoded);
    if root == expected {
        return Ok(());
    }
    let got = format_args!("{} of them, with the root {root}", encoded.len());
    let expected = format_args!("those with the root {expected}");
    Err(Fault::new(check, Place::block(header.number), expected, got).into())
}

/// The contract's logs among receipts that are proven.
fn logs_of(
    header: &Header,
    contract: Address,
    hashes: &[Hash],
    receipts: &[RawReceipt],
) -> Result<Vec<ProvenLog>, Stop> {
    let mut proven = Vec::new();
    let mut log_index = 0_u64;
    for ((index, hash), receipt) in (0_u64..).zip(hashes).zip(receipts) {
        for log in &receipt.logs {
            let at = log_index;
            log_index = log_index.saturating_add(1);
            if log.address.0 != contract.0 {
                continue;
            }
            let topics: Vec<Hash> = log.topics.iter().map(|topic| topic.0).collect();
            let said = read_log(&topics, &log.data, *hash).ok_or_else(|| {
                let place = Place {
                    transaction: Some(*hash),
                    log_index: Some(at),
                    ..Place::block(header.number).transaction(index)
                };
                Fault::new(Check::Log, place, "an entry or a rejection", "a log of another form")
            })?;
            proven.push(ProvenLog {
                transaction: *hash,
                transaction_index: index,
                log_index: at,
                said,
            });
        }
    }
    Ok(proven)
}
