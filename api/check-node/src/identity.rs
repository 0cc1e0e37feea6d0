//! Who answers, on which chain, and how far it is.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::Head;
use super::line::{Line, NoAnswer, quantity, shown};
use super::report::Finding;

/// A newest block that is older than this is remarked on.
const OLD: u64 = 600;

/// Answers that take longer than this are remarked on.
const SLOW: Duration = Duration::from_millis(250);

/// Who answers; and the newest block, unless the node has none to show.
///
/// # Errors
/// When nobody answers to `eth_chainId`.
pub(super) async fn look(line: &Line) -> Result<(Vec<Finding>, Option<Head>), NoAnswer> {
    let chain = line.number("eth_chainId", json!([])).await?;
    let mut findings = vec![
        Finding::good("chain id", chain.to_string())
            .advised(format!("set `chain.id = {chain}`, or let `medconnect deploy` print it"))
            .valued(u64::try_from(chain).unwrap_or(u64::MAX)),
        client(line).await,
    ];
    let newest = line.ask("eth_getBlockByNumber", json!(["latest", false])).await;
    let head = newest.as_ref().ok().and_then(head);
    findings.push(match &head {
        Some(head) => newest_block(head),
        None => Finding::missing(
            "newest block",
            newest.map_or_else(|error| error.to_string(), |_| "the node shows none".to_owned()),
            "the node must answer eth_getBlockByNumber with blocks as Ethereum has them; wait until it has some, or use another node",
        ),
    });
    findings.extend(syncing(line).await);
    Ok((findings, head))
}

async fn client(line: &Line) -> Finding {
    match line.ask("web3_clientVersion", json!([])).await {
        Ok(Value::String(version)) => Finding::good("program", shown(&version)).valued(shown(&version)),
        _ => Finding::good("program", "the node does not say what it is"),
    }
}

fn newest_block(head: &Head) -> Finding {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    let age = now.saturating_sub(head.timestamp);
    let found = match head.number {
        0 => "0: nothing has happened yet".to_owned(),
        number => format!("{number}, {}", ago(age)),
    };
    let finding = if age > OLD && head.number > 0 {
        Finding::limited(
            "newest block",
            found,
            "as it should be where blocks are made only for transactions; elsewhere the node stands still: look at its peers and its log",
        )
    } else {
        Finding::good("newest block", found)
    };
    finding.valued(json!({ "number": head.number, "ageSeconds": age }))
}

/// Nothing is said of a node that is where the network is. One that is not would have everything begin on old blocks, and many do not
/// show their state before they have all of it.
async fn syncing(line: &Line) -> Option<Finding> {
    let state = line.ask("eth_syncing", json!([])).await.ok()?;
    let number = |name| state.get(name).and_then(quantity);
    let found = match (number("currentBlock"), number("highestBlock")) {
        (Some(at), Some(of)) if at < of => format!("the node is still fetching the chain: block {at} of {of}"),
        (Some(_), Some(_)) => {
            let (found, advice) = (
                "the node is still building its indexes",
                "it finds transactions and receipts when it is done; until then commands may wait",
            );
            return Some(Finding::limited("synchronising", found, advice));
        }
        _ if state == json!(false) => return None,
        _ => "the node is still fetching the chain".to_owned(),
    };
    Some(Finding::missing(
        "synchronising",
        found,
        "wait until eth_syncing answers false, and check again; if it gets no further, look at the node's peers and its log",
    ))
}

/// How quickly the node answers.
pub(super) fn speed(line: &Line) -> Finding {
    let median = line.median().unwrap_or_default();
    let milliseconds = u64::try_from(median.as_millis()).unwrap_or(u64::MAX);
    let found = format!("an answer takes {milliseconds} ms (median)");
    let finding = if median > SLOW {
        Finding::limited(
            "speed",
            found,
            "every command waits for several answers: use a node that is nearer, or one of your own",
        )
    } else {
        Finding::good("speed", found)
    };
    finding.valued(json!({ "medianMilliseconds": milliseconds }))
}

fn head(block: &Value) -> Option<Head> {
    let number = |name| {
        block
            .get(name)
            .and_then(quantity)
            .and_then(|number| u64::try_from(number).ok())
    };
    Some(Head {
        number: number("number")?,
        hash: block.get("hash")?.as_str()?.to_owned(),
        timestamp: number("timestamp")?,
        gas_limit: number("gasLimit")?,
        base_fee: block.get("baseFeePerGas").and_then(quantity),
    })
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds old"),
        120..7_200 => format!("{} minutes old", seconds / 60),
        7_200..172_800 => format!("{} hours old", seconds / 3_600),
        _ => format!("{} days old", seconds / 86_400),
    }
}
