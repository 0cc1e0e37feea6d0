//! What all nodes that are configured say of a call's nonce, each asked by itself: also the one that has told, for who is asked first may have
//! changed meanwhile.
//!
//! For what leads to no further signature it is enough that nobody contradicts. A call is signed again only when everybody agrees: a node that
//! is silent, or lags behind, or has lost the block, delays that, and waiting executes nothing twice.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use super::machine::Nonce;
use crate::chain::{Address, ChainError, Hash, Node, NonceUse, Receipt};

/// How long each node is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a node has another receipt for one of these signatures than the one that was told.
pub(super) async fn is_contradicted(node: &Node, hashes: &[Hash], told: &Receipt) -> bool {
    let answers = receipts(node, hashes).await;
    let other = answers
        .iter()
        .flatten()
        .flatten()
        .flatten()
        .find(|other| *other != told);
    if other.is_some() {
        tracing::warn!(?told, ?other, "two nodes say different things of a call");
    }
    other.is_some()
}

/// Whether every node has this receipt, and none for another of these signatures.
pub(super) async fn all_have(node: &Node, hashes: &[Hash], told: &Receipt) -> bool {
    let answers = receipts(node, hashes).await;
    answers.iter().all(|answer| {
        let found = answer.iter().flatten().flatten();
        found.eq([told])
    })
}

/// Whether every node has seen this transaction use an account's nonce in this block, and has no receipt for these signatures.
pub(super) async fn all_saw(
    node: &Node,
    (account, nonce): (Address, Nonce),
    block: u64,
    told: NonceUse,
    hashes: &[Hash],
) -> bool {
    let nodes = node.each();
    let uses = answers(nodes.iter().map(|node| node.use_of_nonce(account, nonce, block)));
    let (uses, receipts) = tokio::join!(uses, receipts(node, hashes));
    let is_seen = uses.into_iter().all(|seen| seen.flatten() == Some(told));
    let has_none = |answer: &Option<Vec<Option<Receipt>>>| {
        answer
            .as_ref()
            .is_some_and(|receipts| receipts.iter().all(Option::is_none))
    };
    is_seen && receipts.iter().all(has_none)
}

/// What each node has of these receipts; `None` for who does not answer.
async fn receipts(node: &Node, hashes: &[Hash]) -> Vec<Option<Vec<Option<Receipt>>>> {
    let nodes = node.each();
    answers(nodes.iter().map(|node| node.receipts(hashes))).await
}

/// What was answered to each question; `None` where nothing was.
async fn answers<T>(asked: impl Iterator<Item = impl Future<Output = Result<T, ChainError>>>) -> Vec<Option<T>> {
    let answers = join_all(asked.map(|asked| timeout(PATIENCE, asked))).await;
    answers.into_iter().map(|answer| answer.ok()?.ok()).collect()
}

#[cfg(test)]
mod tests;
