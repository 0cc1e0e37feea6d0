//! What gas costs, and whether the account can pay.

use infrastructure::chain::Address;
use serde_json::{Value, json};

use super::Head;
use super::contract::LARGEST;
use super::line::{Line, quantity};
use super::report::Finding;

const ETHER: u128 = 1_000_000_000_000_000_000;

/// What the node asks for a unit of gas.
pub(super) async fn look(line: &Line, head: &Head, account: Option<Address>) -> Vec<Finding> {
    let priority = line.ask("eth_maxPriorityFeePerGas", json!([])).await;
    let priority = priority.ok().as_ref().and_then(quantity);
    let price = line
        .ask("eth_gasPrice", json!([]))
        .await
        .ok()
        .as_ref()
        .and_then(quantity);
    let free = head.base_fee.unwrap_or_default() == 0 && price.unwrap_or_default() == 0;
    let value = json!({ "baseFee": wei(head.base_fee), "priorityFee": wei(priority), "gasPrice": wei(price) });
    let fees = match (head.base_fee, free) {
        (_, true) => Finding::good(
            "fees",
            "none: transactions are free, and the signing account needs no ether",
        ),
        (None, _) => Finding::limited(
            "fees",
            format!("{}, and blocks have no base fee", gwei(price)),
            "the chain is older than London (EIP-1559): let its operators upgrade it",
        ),
        (Some(base), _) => Finding::good(
            "fees",
            format!(
                "base fee {}, suggested on top of it {}",
                gwei(Some(base)),
                gwei(priority)
            ),
        ),
    };
    let mut findings = vec![fees.valued(value)];
    findings.extend(cap(line, head, priority).await);
    if let Some(account) = account {
        findings.push(funds(line, account, free).await);
    }
    findings
}

/// Geth refuses a transaction that might pay more than an ether, unless it is told otherwise. The largest batches may come to that where gas
/// is dear.
async fn cap(line: &Line, head: &Head, priority: Option<u128>) -> Option<Finding> {
    let version = line.ask("web3_clientVersion", json!([])).await.ok()?;
    let offered = 2 * head.base_fee.unwrap_or_default() + priority.unwrap_or_default();
    let comes_to = offered.saturating_mul(u128::from(LARGEST));
    (version.as_str()?.starts_with("Geth/") && comes_to > ETHER).then(|| {
        Finding::limited(
            "fee cap",
            format!("the largest batch may pay {}", gwei(Some(comes_to))),
            "a Geth takes no transaction that might pay more than one ether, unless it is started with a larger --rpc.txfeecap (0 for none)",
        )
    })
}

async fn funds(line: &Line, account: Address, free: bool) -> Finding {
    match line.number("eth_getBalance", json!([account, "latest"])).await {
        Ok(0) if !free => Finding::missing(
            "ether",
            format!("the account {account} has none"),
            "send it ether: it pays for every transaction",
        )
        .valued("0"),
        Ok(balance) => {
            let found = format!("the account {account} has {}", gwei(Some(balance)));
            Finding::good("ether", found).valued(balance.to_string())
        }
        Err(error) => Finding::missing("ether", error.to_string(), "the node must answer eth_getBalance"),
    }
}

/// As text: JSON's numbers are too small for it.
fn wei(amount: Option<u128>) -> Value {
    amount.map_or(Value::Null, |amount| json!(amount.to_string()))
}

fn gwei(amount: Option<u128>) -> String {
    const GWEI: u128 = 1_000_000_000;
    match amount {
        None => "unknown".to_owned(),
        Some(amount) if amount < GWEI / 1_000 => format!("{amount} wei"),
        Some(amount) => format!("{}.{:03} gwei", amount / GWEI, amount % GWEI / 1_000_000),
    }
}
