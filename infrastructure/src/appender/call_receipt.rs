//! For what the nonce of a call was used, as nodes say. `machine/calls` says what is believed, and why.

use super::call_witnesses::{all_have, all_saw, is_contradicted};
use super::machine::{CallSeen, Execution, Nonce};
use super::outbox::{Outbox, Signature};
use super::receipts::used;
use super::reverted::{ran_out, reverted};
use crate::chain::{Address, BlockId, ChainError, EventLog, Hash, Node, Receipt, Transaction};
use crate::postgres::{ANSWER, within};

/// For what the nonce was used as of the final block. `None`: cannot be told now, or not without a contradiction.
pub(super) async fn seen(
    log: &EventLog,
    outbox: &Outbox,
    address: Address,
    nonce: Nonce,
    signatures: &[Signature],
    final_block: u64,
) -> Option<CallSeen> {
    let node = log.node();
    let seen = async {
        match used(node, address, nonce, final_block).await? {
            Some(true) => {}
            Some(false) => return Ok(Some(CallSeen::Unused)),
            None => return Ok(None),
        }
        let hashes: Vec<Hash> = signatures.iter().map(|(hash, _)| *hash).collect();
        let receipts = node.receipts(&hashes).await?;
        let mined = signatures.iter().zip(receipts);
        match mined.into_iter().find_map(|(signed, found)| Some((signed, found?))) {
            Some(((_, raw), receipt)) => executed(log, outbox, address, raw, receipt, &hashes).await,
            None => used_otherwise(log, outbox, (address, nonce), signatures, final_block).await,
        }
    };
    match seen.await {
        Ok(seen) => seen,
        Err::<_, ChainError>(error) => {
            tracing::debug!(%error, nonce, "what came of a call cannot be told yet");
            None
        }
    }
}

/// What came of a call that a block has.
async fn executed(
    log: &EventLog,
    outbox: &Outbox,
    address: Address,
    raw: &[u8],
    receipt: Receipt,
    hashes: &[Hash],
) -> Result<Option<CallSeen>, ChainError> {
    let node = log.node();
    let is_ours = is_followed(outbox, receipt.block_number, &receipt.block_hash).await;
    if !is_ours || is_contradicted(node, hashes, &receipt).await {
        return Ok(None);
    }
    let (block, transaction) = (receipt.block_number, receipt.transaction);
    if receipt.succeeded {
        return Ok(Some(CallSeen::Done { block, transaction }));
    }
    let mut execution = reverted(log, address, raw, &receipt).await?;
    if execution == Execution::Refused && ran_out(node, address, raw, block).await {
        execution = Execution::OutOfGas { needed: None };
    }
    Ok(match execution {
        // It would be signed again: nobody may be silent.
        Execution::OutOfGas { .. } if !all_have(node, hashes, &receipt).await => None,
        Execution::OutOfGas { needed } => Some(CallSeen::OutOfGas {
            block,
            transaction,
            needed,
        }),
        Execution::Refused => Some(CallSeen::Refused {
            block,
            transaction,
            reason: reason(node, address, raw, block).await,
        }),
        Execution::Succeeded => None,
    })
}

/// What the contract gives back to the same call when it is tried on the state after its block, or else now. That need not be what it gave back.
async fn reason(node: &Node, address: Address, raw: &[u8], block: u64) -> Vec<u8> {
    let Ok((Transaction { to: Some(to), data, .. }, _)) = Transaction::decode(raw) else {
        return Vec::new();
    };
    for at in [BlockId::Number(block), BlockId::Latest] {
        if let Err(ChainError::Rpc { data, .. }) = node.try_call(address, to, &data, None, at).await
            && !data.is_empty()
        {
            return data.into();
        }
    }
    Vec::new()
}

/// The transaction that has used the nonce and is none of the signatures, if it is seen in its block. It is the call all the same if it does the same: then the outbox has lost a signature, as when a
/// replica that lacks the last moments took over, or a backup was restored.
async fn used_otherwise(
    log: &EventLog,
    outbox: &Outbox,
    (address, nonce): (Address, Nonce),
    signatures: &[Signature],
    final_block: u64,
) -> Result<Option<CallSeen>, ChainError> {
    let node = log.node();
    let Some(block) = first_with(node, address, nonce, final_block).await? else {
        return Ok(None);
    };
    let Some(found) = node.use_of_nonce(address, nonce, block).await? else {
        return Ok(None);
    };
    let mut hashes: Vec<Hash> = signatures.iter().map(|(hash, _)| *hash).collect();
    let does_the_same = |raw: &[u8]| match Transaction::decode(raw) {
        Ok((Transaction { to: Some(to), data, .. }, _)) => found.is_same_call(to, &data),
        _ => false,
    };
    if let Some((_, raw)) = signatures.iter().find(|(_, raw)| does_the_same(raw)) {
        hashes.push(found.transaction);
        return match node.receipts(&[found.transaction]).await?.into_iter().flatten().next() {
            Some(receipt) => executed(log, outbox, address, raw, receipt, &hashes).await,
            None => Ok(None),
        };
    }
    let is_another = !hashes.contains(&found.transaction)
        && is_followed(outbox, block, &found.block_hash).await
        // It would be signed again: nobody may be silent.
        && all_saw(node, (address, nonce), block, found, &hashes).await;
    Ok(is_another.then_some(CallSeen::Another { block }))
}

/// The first block after which the nonce is used, given one that it is used after. Sought from there backwards, for nodes keep the newest states.
async fn first_with(node: &Node, address: Address, nonce: Nonce, by: u64) -> Result<Option<u64>, ChainError> {
    let is_used = async |block| Ok::<_, ChainError>(node.nonce_at(address, BlockId::Number(block)).await? > nonce);
    let (mut high, mut step) = (by, 1);
    let mut low = loop {
        let Some(block) = high.checked_sub(1).map(|last| last.saturating_sub(step - 1)) else {
            return Ok(None);
        };
        if !is_used(block).await? {
            break block;
        }
        high = block;
        step *= 2;
    };
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match is_used(middle).await? {
            true => high = middle,
            false => low = middle,
        }
    }
    Ok(Some(high))
}

/// Whether the follower has the block that a node speaks of. Without an answer from the database that is not known.
async fn is_followed(outbox: &Outbox, block: u64, hash: &Hash) -> bool {
    within(ANSWER, outbox.agrees(block, hash)).await.unwrap_or_default()
}
