//! How far back the node can be asked: blocks, log entries, receipts, state, and proofs of state.
//!
//! What is there of a block is taken to be there of all later ones. A node that leaves things out without saying so is not found out here;
//! the follower does so, by the running hash.

use std::ops::RangeInclusive;

use futures::future::join4;
use serde_json::{Value, json};

use super::Head;
use super::limits::nowhere;
use super::line::{Line, NoAnswer, hex};
use super::report::Finding;

/// An account that every chain may be asked about.
const NO_ACCOUNT: &str = "0x0000000000000000000000000000000000000000";

/// For how many blocks back the state is asked for by a follower that keeps up.
const RECENT: u64 = 8;

/// In how many blocks a transaction is looked for whose receipt can be asked for.
const EMPTY_BLOCKS: u64 = 8;

/// How far back each of them reaches. `since` is the first block that is needed.
pub(super) async fn look(line: &Line, head: &Head, since: Option<u64>) -> Vec<Finding> {
    let (log, receipts, state, proofs) = join4(
        oldest(head.number, async |block| log_of(line, block).await),
        receipts(line, head.number, since),
        oldest(head.number, async |block| state_at(line, block).await),
        oldest(head.number, async |block| proof_at(line, block).await),
    )
    .await;
    vec![
        told_log(head.number, log, since),
        receipts,
        told_state(head.number, state),
        told_proofs(head.number, proofs),
    ]
}

/// The oldest block for which something is there.
enum Oldest {
    /// From this block on; 0 or 1 is all.
    From(u64),
    /// Not even for the newest.
    Never(NoAnswer),
}

/// Finds it, in about twice as many questions as the chain's length has binary digits.
async fn oldest(newest: u64, there: impl AsyncFn(u64) -> Result<(), NoAnswer>) -> Oldest {
    if let Err(error) = there(newest).await {
        return Oldest::Never(error);
    }
    // Block 0 is nobody's: it is not asked about.
    let first = newest.min(1);
    if there(first).await.is_ok() {
        return Oldest::From(first);
    }
    let (mut found, mut step) = (newest, 1);
    let mut lost = loop {
        let next = newest.saturating_sub(step).max(first);
        if next == first || there(next).await.is_err() {
            break next;
        }
        (found, step) = (next, step * 2);
    };
    while found > lost + 1 {
        let middle = lost + (found - lost) / 2;
        if there(middle).await.is_ok() {
            found = middle;
        } else {
            lost = middle;
        }
    }
    Oldest::From(found)
}

/// A block's header and its log entries.
async fn log_of(line: &Line, block: u64) -> Result<(), NoAnswer> {
    let header = present(line.ask("eth_getBlockByNumber", json!([hex(block), false])).await?)?;
    let by_number = nowhere(json!({ "fromBlock": hex(block), "toBlock": hex(block) }));
    let by_hash = nowhere(json!({ "blockHash": header.get("hash") }));
    let logs = match line.ask("eth_getLogs", json!([by_number])).await {
        Err(error) if error.is_refusal() => line.ask("eth_getLogs", json!([by_hash])).await,
        answer => answer,
    };
    present(logs?).map(drop)
}

/// Whether receipts are given, and how far back. One that has to be there is asked for first: blocks without transactions show nothing.
async fn receipts(line: &Line, newest: u64, since: Option<u64>) -> Finding {
    let recent = newest.saturating_sub(EMPTY_BLOCKS - 1)..=newest;
    // A contract is deployed by a transaction.
    let deployment = since.filter(|since| *since <= newest).map(|since| since..=since);
    let mut shown = receipt_in(line, recent).await;
    if let (Ok(false), Some(deployment)) = (&shown, deployment) {
        shown = receipt_in(line, deployment).await;
    }
    match shown {
        Ok(true) => {
            let later = async |block: u64| {
                let blocks = block..=block.saturating_add(EMPTY_BLOCKS - 1).min(newest);
                receipt_in(line, blocks).await.map(drop)
            };
            told_receipts(newest, oldest(newest, later).await)
        }
        Ok(false) => Finding::limited(
            "receipts",
            format!("not known: there is no transaction in the newest {EMPTY_BLOCKS} blocks"),
            "check again after a transaction, or give --since, the block that deployed the contract",
        ),
        Err(error) => told_receipts(newest, Oldest::Never(error)),
    }
}

/// Asks for the receipt of the first transaction in these blocks. Whether there is a transaction.
async fn receipt_in(line: &Line, blocks: RangeInclusive<u64>) -> Result<bool, NoAnswer> {
    for block in blocks {
        let block = present(line.ask("eth_getBlockByNumber", json!([hex(block), false])).await?)?;
        if let Some(hash) = block.get("transactions").and_then(|transactions| transactions.get(0)) {
            return present(line.ask("eth_getTransactionReceipt", json!([hash])).await?).map(|_| true);
        }
    }
    Ok(false)
}

async fn state_at(line: &Line, block: u64) -> Result<(), NoAnswer> {
    line.number("eth_getBalance", json!([NO_ACCOUNT, hex(block)]))
        .await
        .map(drop)
}

async fn proof_at(line: &Line, block: u64) -> Result<(), NoAnswer> {
    let slot = format!("0x{}", "0".repeat(64));
    let proof = line
        .ask("eth_getProof", json!([NO_ACCOUNT, [slot], hex(block)]))
        .await?;
    match proof.get("accountProof").and_then(Value::as_array) {
        // A node that has no roots answers with a proof of nothing.
        Some(nodes) if !nodes.is_empty() => Ok(()),
        _ => Err(NoAnswer::Garbage),
    }
}

fn present(answer: Value) -> Result<Value, NoAnswer> {
    if answer.is_null() {
        let message = "nothing is there".to_owned();
        return Err(NoAnswer::Refused { code: 0, message });
    }
    Ok(answer)
}

fn told_log(newest: u64, log: Oldest, since: Option<u64>) -> Finding {
    const ELSEWHERE: &str =
        "use a node that has kept all blocks with their receipts (Geth: --history.chain all), or has fetched them";
    match (log, since) {
        (Oldest::Never(error), _) => {
            Finding::missing("old logs", format!("not even those of the newest block: {error}"), ELSEWHERE)
        }
        (Oldest::From(from), Some(since)) if from > since => Finding::missing(
            "old logs",
            format!("only from block {from} on, and the contract was deployed in block {since}"),
            ELSEWHERE,
        )
        .valued(from),
        (_, Some(since)) if since > newest => Finding::missing(
            "old logs",
            format!("the newest block is {newest}, and the contract is said to be deployed in block {since}"),
            "see that --since is right, and that the node is in step with its network",
        ),
        (Oldest::From(from), None) if from > 1 => Finding::limited(
            "old logs",
            format!("from block {from} on: {} blocks", newest.saturating_sub(from)),
            "enough for a log that is deployed from now on, as long as the node keeps it; for an older one give --since, the block that deployed its contract",
        )
        .valued(from),
        (Oldest::From(from), _) => Finding::good("old logs", reach(newest, from)).valued(from),
    }
}

fn told_receipts(newest: u64, receipts: Oldest) -> Finding {
    match receipts {
        Oldest::Never(error) => Finding::missing(
            "receipts",
            format!("none: {error}"),
            "if the node is indexing its transactions, wait until it is done; otherwise it must answer eth_getTransactionReceipt",
        ),
        Oldest::From(from) => Finding::good("receipts", reach(newest, from)).valued(from),
    }
}

fn told_state(newest: u64, state: Oldest) -> Finding {
    const KEEP: &str = "let the node keep more of it (Geth: --history.state, or --gcmode archive; Besu: --bonsai-historical-block-limit)";
    match state {
        Oldest::Never(error) => {
            Finding::missing("old state", format!("not even that of the newest block: {error}"), KEEP)
        }
        Oldest::From(from) if from > 1 && newest.saturating_sub(from) < RECENT => {
            Finding::limited("old state", reach(newest, from), KEEP).valued(from)
        }
        Oldest::From(from) => Finding::good("old state", reach(newest, from)).valued(from),
    }
}

fn told_proofs(newest: u64, proofs: Oldest) -> Finding {
    const FOR_AUDITS: &str = "servers ask for none. `medconnect audit` does, for the block that it proves: it proves all of a log only up to a block of which the node has them, and whose header \
         has a state root";
    match proofs {
        Oldest::Never(error) => Finding::limited("state proofs", format!("none: {error}"), FOR_AUDITS),
        Oldest::From(from) if from > 1 => {
            Finding::limited("state proofs", reach(newest, from), FOR_AUDITS).valued(from)
        }
        Oldest::From(from) => Finding::good("state proofs", reach(newest, from)).valued(from),
    }
}

fn reach(newest: u64, from: u64) -> String {
    if from <= 1 {
        "all".to_owned()
    } else {
        format!(
            "of the last {} blocks, from {from} on",
            newest.saturating_sub(from).saturating_add(1)
        )
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_oldest_is_found_in_few_questions(newest in 0u64..1 << 40, kept in 0u64..1 << 40) {
            let first = newest.saturating_sub(kept);
            let questions = Cell::new(0);
            let there = async |block: u64| {
                questions.set(questions.get() + 1);
                if block >= first { Ok(()) } else { Err(NoAnswer::Garbage) }
            };
            let found = futures::executor::block_on(oldest(newest, there));
            let Oldest::From(found) = found else { panic!("the newest is there") };
            prop_assert_eq!(found, first.max(newest.min(1)));
            prop_assert!(questions.get() < 90);
        }
    }

    #[test]
    fn a_node_that_shows_nothing_says_why() {
        let found = futures::executor::block_on(oldest(9, async |_| Err(NoAnswer::Late)));
        assert!(matches!(found, Oldest::Never(NoAnswer::Late)));
    }
}
