//! The logs of one block, transaction by transaction: what a node still gives whose answers are shorter than all of them together.

use serde::Deserialize;
use serde_json::json;

use super::block_logs::BlockLogs;
use super::codec::{RawLog, read_logs};
use super::hex::{self, Fixed};
use super::rpc::{Call, ChainError, Peer, read, single};
use super::{Address, Hash};

#[derive(Deserialize)]
struct RawBlock {
    transactions: Vec<Fixed<32>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt<'a> {
    block_hash: Fixed<32>,
    #[serde(borrow)]
    logs: Vec<RawLog<'a>>,
}

/// A contract's logs in a block, from the receipts of its transactions. `None` where the node does not know the block. Whoever uses it checks
/// the result with the running hash: nothing else tells that these are all.
///
/// # Errors
/// [`ChainError`]; also when a receipt alone is more than the node gives.
pub(super) async fn logs_by_receipts(
    peer: &Peer,
    contract: Address,
    block: Hash,
) -> Result<Option<Vec<BlockLogs>>, ChainError> {
    let asked = (hex::encode(&block), false);
    let read_block = |body: &[u8]| single::<Option<RawBlock>>(body);
    let Some(RawBlock { transactions }) = peer.call("eth_getBlockByHash", asked, &read_block).await? else {
        return Ok(None);
    };
    let calls: Vec<Call> = transactions
        .iter()
        .map(|transaction| Call {
            method: "eth_getTransactionReceipt",
            params: json!([hex::encode(&transaction.0)]),
        })
        .collect();
    let answers = peer.batch(&calls).await?;
    let mut logs = Vec::new();
    for answer in &answers {
        let receipt = read::<Option<RawReceipt<'_>>>(answer)?;
        let receipt = receipt.filter(|receipt| receipt.block_hash.0 == block);
        let receipt = receipt.ok_or(ChainError::Inconsistent(
            "a block without the receipts of its transactions",
        ))?;
        logs.extend(receipt.logs.into_iter().filter(|log| log.is_of_the_log(contract)));
    }
    read_logs(&logs, contract, |_, hash| *hash == block).map(Some)
}
