//! What nodes say of transactions that are in blocks: of a nonce, and of a batch's signatures.

use super::machine::{Execution, Nonce, ReceiptSeen};
use super::outbox::Signature;
use super::reverted::reverted;
use crate::chain::{Address, BlockId, ChainError, EventLog, Node};

/// The newest block's number, asked after the account's nonce, so that it is not older than that.
pub(super) async fn nonce_and_head(node: &Node, address: Address) -> Result<(u64, Nonce), ChainError> {
    let count = node.nonce(address).await?;
    let head = node.block_number().await?;
    Ok((head, count))
}

/// Whether the final block, or one before it, has used the nonce. `None`: cannot be told now.
pub(super) async fn used(
    node: &Node,
    address: Address,
    nonce: Nonce,
    final_block: u64,
) -> Result<Option<bool>, ChainError> {
    let counted = match node.nonce_at(address, BlockId::Number(final_block)).await {
        Ok(count) => Some(count),
        // A node that keeps no former state: good enough when nothing is newer than what is final.
        Err(ChainError::Rpc { .. }) => {
            let (head, count) = nonce_and_head(node, address).await?;
            (head <= final_block).then_some(count)
        }
        Err(error) => return Err(error),
    };
    Ok(counted.map(|count| count > nonce))
}

/// Whether the final block has used the nonce, and the receipt of whichever signature is in a block. `None`: cannot be told now.
pub(super) async fn receipt(
    log: &EventLog,
    address: Address,
    nonce: Nonce,
    signatures: &[Signature],
    final_block: u64,
) -> Result<Option<(bool, Option<ReceiptSeen>)>, ChainError> {
    let node = log.node();
    let used = used(node, address, nonce, final_block).await?;
    let hashes: Vec<_> = signatures.iter().map(|(hash, _)| *hash).collect();
    let receipts = node.receipts(&hashes).await?;
    let mined = signatures.iter().zip(receipts);
    let Some(((_, raw), receipt)) = mined.into_iter().find_map(|(signed, found)| Some((signed, found?))) else {
        return Ok(used.map(|used| (used, None)));
    };
    let execution = match receipt.succeeded {
        true => Execution::Succeeded,
        false => reverted(log, address, raw, &receipt).await?,
    };
    let seen = ReceiptSeen {
        block: receipt.block_number,
        execution,
    };
    // A receipt shows by itself that the nonce is used.
    Ok(Some((true, Some(seen))))
}
