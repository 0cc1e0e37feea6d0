//! Whether the node says which blocks are final.

use serde_json::{Value, json};

use super::Head;
use super::line::{Line, quantity};
use super::report::Finding;

/// What to do without it.
const ADVICE: &str = "set `chain.finality` to \"instant\" where a block is never taken back (QBFT, IBFT, a node of your own), \
                      otherwise to a number of confirmations; with \"finalized\" nothing would ever be called final";

/// A final block that is further behind than this is remarked on: two epochs and a half of mainnet.
const FAR: u64 = 80;

/// The block `finalized`.
pub(super) async fn look(line: &Line, head: &Head) -> Finding {
    let number = |block: &Value| quantity(block.get("number")?).and_then(|number| u64::try_from(number).ok());
    match line.ask("eth_getBlockByNumber", json!(["finalized", false])).await {
        Ok(block) => match number(&block) {
            Some(number) => said(number, head.number.saturating_sub(number)),
            None => Finding::limited("finality", "the node calls no block final", ADVICE),
        },
        Err(error) => Finding::limited("finality", format!("the node calls no block final: {error}"), ADVICE),
    }
}

fn said(number: u64, behind: u64) -> Finding {
    let found = format!("the block `finalized` is {number}, {behind} behind the newest");
    let finding = if behind > FAR {
        Finding::limited(
            "finality",
            found,
            "with `chain.finality = \"finalized\"` a command is final only when this block has passed it; on a network that makes blocks regularly, look why it finalises none",
        )
    } else {
        Finding::good("finality", found).advised("`chain.finality = \"finalized\"` works")
    };
    finding.valued(json!({ "number": number, "behind": behind }))
}
