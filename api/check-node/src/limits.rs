//! How much the node answers at once.

use serde_json::{Value, json};

use super::Head;
use super::line::{Line, NoAnswer, hex};
use super::report::Finding;

/// Ranges of blocks that are tried for log entries.
const RANGES: [u64; 5] = [10_000, 1_000, 100, 10, 1];

/// Calls in a batch that are tried. The largest is what Geth allows.
const BATCHES: [usize; 6] = [1_000, 256, 100, 20, 5, 2];

/// The largest transaction that the appender sends, in bytes.
const TRANSACTION: usize = 128 << 10;

/// A contract that gives back what it gets: the identity precompile.
const IDENTITY: &str = "0x0000000000000000000000000000000000000004";

/// Log entries, batches, and how long a request may be.
pub(super) async fn look(line: &Line, head: &Head) -> Vec<Finding> {
    vec![logs(line, head).await, batches(line).await, requests(line).await]
}

/// An address that no contract has: its entries are none, so that only the range can be too much.
pub(super) fn nowhere(mut filter: Value) -> Value {
    if let Some(fields) = filter.as_object_mut() {
        fields.insert(
            "address".to_owned(),
            json!("0x00000000000000000000000000000000000abcde"),
        );
    }
    filter
}

async fn logs(line: &Line, head: &Head) -> Finding {
    let mut refused = None;
    for range in RANGES {
        // A chain that is shorter than the range shows only that there is no limit below its length.
        let blocks = range.min(head.number.saturating_add(1));
        let from = head.number.saturating_add(1).saturating_sub(blocks);
        let filter = nowhere(json!({ "fromBlock": hex(from), "toBlock": hex(head.number) }));
        match line.ask("eth_getLogs", json!([filter])).await {
            Ok(Value::Array(_)) => return ranged(blocks, blocks < range || refused.is_none(), refused),
            Ok(_) => refused = Some(NoAnswer::Garbage.to_string()),
            Err(error) => refused = Some(error.to_string()),
        }
    }
    let by_hash = nowhere(json!({ "blockHash": head.hash }));
    match line.ask("eth_getLogs", json!([by_hash])).await {
        Ok(Value::Array(_)) => Finding::limited(
            "log entries",
            "only of one block at a time, asked for by its hash",
            "the program does so by itself; a rebuild takes long: use another node for that",
        ),
        _ => Finding::missing(
            "log entries",
            format!("the node shows none: {}", refused.unwrap_or_default()),
            "the node must answer eth_getLogs; it is how the log is read",
        ),
    }
}

fn ranged(blocks: u64, at_least: bool, refused: Option<String>) -> Finding {
    let finding = if at_least {
        Finding::good("log entries", format!("of {} at once, or more", counted(blocks)))
    } else {
        let why = refused.unwrap_or_default();
        Finding::limited(
            "log entries",
            format!("of {} at once, but not of ten times as many: {why}", counted(blocks)),
            "the program finds the limit by itself; a rebuild takes longer, the more so the lower it is",
        )
    };
    finding.valued(blocks)
}

fn counted(blocks: u64) -> String {
    match blocks {
        1 => "one block".to_owned(),
        _ => format!("{blocks} blocks"),
    }
}

async fn batches(line: &Line) -> Finding {
    let mut refused = None;
    for count in BATCHES {
        match line
            .batch("eth_getBlockByNumber", json!(["latest", false]), count)
            .await
        {
            Ok(bytes) => {
                let found = format!("{count} calls in a request, answered with {} kB", bytes / 1_000);
                return match refused {
                    None => Finding::good("batches", found),
                    Some(why) => Finding::limited(
                        "batches",
                        format!("{found}; more are refused: {why}"),
                        "the program finds the limit by itself; catching up takes longer",
                    ),
                }
                .valued(json!({ "calls": count, "bytes": bytes }));
            }
            Err(error) => refused = Some(error.to_string()),
        }
    }
    Finding::limited(
        "batches",
        format!(
            "the node takes no two calls in a request: {}",
            refused.unwrap_or_default()
        ),
        "everything is asked for call by call, and following the chain is slower: allow batches of JSON-RPC calls at the node, or at what stands before it",
    )
}

async fn requests(line: &Line) -> Finding {
    let call = |bytes: usize| json!([{ "to": IDENTITY, "data": format!("0x{}", "00".repeat(bytes)) }, "latest"]);
    let mut refused = None;
    for bytes in [TRANSACTION, TRANSACTION / 4, TRANSACTION / 32] {
        match line.ask("eth_call", call(bytes)).await {
            Ok(_) => {
                let found = format!("of {} kB are taken", 2 * bytes / 1_000);
                return match refused {
                    None => Finding::good("requests", found),
                    Some(why) => Finding::limited(
                        "requests",
                        format!("{found}; larger ones are refused: {why}"),
                        "full batches may be refused: raise the limit of a request at the node, or at what stands before it, to 1 MB",
                    ),
                }
                .valued(2 * bytes);
            }
            Err(error) if error.is_unknown_method() => {
                return Finding::missing(
                    "requests",
                    format!("not known: {error}"),
                    "the node must answer eth_call",
                );
            }
            Err(error) => refused = Some(error.to_string()),
        }
    }
    Finding::missing(
        "requests",
        format!("the node takes none of some length: {}", refused.unwrap_or_default()),
        "raise the limit of a request at the node, or at what stands before it, to 1 MB",
    )
}
