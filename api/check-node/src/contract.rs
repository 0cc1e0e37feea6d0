//! Whether the event log's contract can be deployed, and whether transactions can be handed over.

use infrastructure::chain::{Address, contract};
use serde_json::json;

use super::Head;
use super::line::Line;
use super::report::Finding;
use super::rules::NOBODY;

/// The most gas that a transaction may ask for (EIP-7825): a block that holds it holds the largest batch.
pub(super) const LARGEST: u64 = 1 << 24;

/// What a deployment takes, and whether a block has it.
pub(super) async fn look(line: &Line, head: &Head, account: Option<Address>) -> Vec<Finding> {
    // It cannot fail: a test reads the code.
    let code = contract::bytecode().unwrap_or_default().creation;
    let from = account.map_or_else(|| json!(NOBODY), |account| json!(account));
    let deployment = json!({ "from": from, "data": format!("0x{}", hex::encode(code)) });
    let gas = match line.number("eth_estimateGas", json!([deployment])).await {
        Ok(gas) => u64::try_from(gas).unwrap_or(u64::MAX),
        Err(error) => {
            return vec![Finding::missing(
                "deployment",
                format!("the contract cannot be deployed: {error}"),
                "if \"rules\" are too old, that is why; on a network with permissions, let its operators permit the account (--account); otherwise use another node",
            )];
        }
    };
    let fits = gas <= head.gas_limit;
    let deployment = if fits {
        Finding::good("deployment", format!("takes {gas} units of gas"))
    } else {
        Finding::missing(
            "deployment",
            format!("takes {gas} units of gas, more than a block has"),
            "let the network's operators raise the gas limit of blocks",
        )
    };
    vec![deployment.valued(gas), block_gas(head.gas_limit)]
}

fn block_gas(limit: u64) -> Finding {
    let found = format!("a block has {limit} units of gas");
    let finding = if limit < LARGEST {
        Finding::limited(
            "block",
            found,
            format!(
                "batches will be smaller than they could be; on a network of your own, raise it to {LARGEST} or more"
            ),
        )
    } else {
        Finding::good("block", found)
    };
    finding.valued(limit)
}

/// Whether the node takes transactions: asked with an empty one, which no node takes.
pub(super) async fn sending(line: &Line, account: Option<Address>) -> Vec<Finding> {
    let account = account.map_or_else(|| json!(NOBODY), |account| json!(account));
    let sending = match line.ask("eth_sendRawTransaction", json!(["0x"])).await {
        Err(error) if error.is_unknown_method() => Finding::missing(
            "sending",
            "the node takes no transactions",
            "it must offer eth_sendRawTransaction to the appender; a node that only reads can be a second one of `chain.nodes`",
        ),
        Err(error) if !error.is_refusal() => Finding::unknown("sending", error.to_string(), "check again"),
        _ => match line
            .number("eth_getTransactionCount", json!([account, "pending"]))
            .await
        {
            Ok(_) => Finding::good("sending", "the node takes transactions, and tells what is pending"),
            Err(error) => Finding::missing(
                "sending",
                format!("the node does not tell what is pending: {error}"),
                "it must answer eth_getTransactionCount for the block `pending`",
            ),
        },
    };
    vec![sending]
}
