//! By which rules the chain runs code, and what they charge: found by probes, for no node says it.
//!
//! A probe is a made-up transaction that the node estimates or calls and nobody sends. What two of them differ in has the price that their
//! estimates differ in.

use serde_json::{Value, json};

use super::line::{Line, NoAnswer};
use super::report::Finding;

/// Who would send the probes: an account that nobody has.
pub(super) const NOBODY: &str = "0x00000000000000000000000000000000000abcde";

/// What is new in the code of each edition of the rules, the newest first. Each program ends at once, and is refused by older rules.
const EDITIONS: [(&str, &str); 3] = [
    // PUSH0, CLZ.
    ("Osaka (2025)", "0x5f1e00"),
    // PUSH0, TLOAD.
    ("Cancun (2024)", "0x5f5c00"),
    // PUSH0.
    ("Shanghai (2023)", "0x5f00"),
];

/// What today's rules charge for a slot of storage that is written for the first time, with what surrounds it.
const SLOT_TODAY: u64 = 22_106;

/// How many slots, or bytes, two probes differ in.
const SLOTS: u64 = 16;
const BYTES: u64 = 1024;

/// The edition of the rules and their prices.
pub(super) async fn look(line: &Line) -> Vec<Finding> {
    vec![edition(line).await, prices(line).await]
}

async fn edition(line: &Line) -> Finding {
    for (name, program) in EDITIONS {
        match line
            .ask("eth_call", json!([{ "from": NOBODY, "data": program }, "latest"]))
            .await
        {
            Ok(_) => return Finding::good("rules", format!("those of {name}, or later")).valued(name),
            // An older node refuses what is new in the code, and a code of its own says that it has no such method.
            Err(NoAnswer::Refused { code, .. }) if code != -32601 => {}
            Err(error) => return unknown("rules", &error),
        }
    }
    Finding::missing(
        "rules",
        "older than Shanghai (2023)",
        "the contract needs Shanghai: let the network's operators upgrade it",
    )
}

async fn prices(line: &Line) -> Finding {
    match probe(line).await {
        Ok(prices) => prices.told(),
        Err(error) => unknown("gas prices", &error),
    }
}

fn unknown(check: &'static str, error: &NoAnswer) -> Finding {
    Finding::missing(
        check,
        format!("the node does not tell: {error}"),
        "the node must answer eth_call and eth_estimateGas",
    )
}

/// What things cost, in units of gas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Prices {
    /// A transaction that does nothing.
    transaction: u64,
    /// A byte of calldata with which nothing is done.
    byte: u64,
    /// A slot that is written for the first time.
    slot: u64,
    /// A byte in a log entry.
    logged: u64,
}

impl Prices {
    fn told(self) -> Finding {
        let Self {
            transaction,
            byte,
            slot,
            logged,
        } = self;
        let found = format!(
            "a transaction {transaction}, a byte of calldata {byte}, a byte of a log entry {logged}, a new slot of storage {slot}"
        );
        let finding = Finding::good("gas prices", found);
        let finding = if slot > SLOT_TODAY + SLOT_TODAY / 10 {
            let times = format!("{}.{}", slot / SLOT_TODAY, slot * 10 / SLOT_TODAY % 10);
            finding.advised(format!(
                "storage costs {times} times what it does by today's rules, so new streams do; the program measures it by itself and asks for more gas"
            ))
        } else {
            finding
        };
        finding.valued(json!({ "transaction": transaction, "calldataByte": byte, "logByte": logged, "newSlot": slot }))
    }
}

async fn probe(line: &Line) -> Result<Prices, NoAnswer> {
    let transaction = estimate(line, json!({ "from": NOBODY, "to": NOBODY })).await?;
    let idle = format!("0x{}", "ff".repeat(usize::try_from(BYTES).unwrap_or_default()));
    let idle = estimate(line, json!({ "from": NOBODY, "to": NOBODY, "data": idle })).await?;
    let runs = async |program: String| estimate(line, json!({ "from": NOBODY, "data": program })).await;
    let (one, more) = (runs(slots(1)).await?, runs(slots(1 + SLOTS)).await?);
    let (short, long) = (runs(logs(0)).await?, runs(logs(BYTES)).await?);
    Ok(Prices {
        transaction,
        byte: idle.saturating_sub(transaction) / BYTES,
        slot: more.saturating_sub(one) / SLOTS,
        // Memory is paid for as well: 3 for each word, and a little.
        logged: long.saturating_sub(short) / BYTES,
    })
}

async fn estimate(line: &Line, transaction: Value) -> Result<u64, NoAnswer> {
    let gas = line.number("eth_estimateGas", json!([transaction])).await?;
    u64::try_from(gas).map_err(|_| NoAnswer::Garbage)
}

/// A constructor that writes so many slots, and makes a contract without code.
fn slots(count: u64) -> String {
    // PUSH1 1, PUSH1 slot, SSTORE; STOP.
    let writes: String = (1..=count).map(|slot| format!("600160{slot:02x}55")).collect();
    format!("0x{writes}00")
}

/// A constructor that logs so many bytes, and makes a contract without code.
fn logs(bytes: u64) -> String {
    // PUSH2 bytes, PUSH1 0, LOG0; STOP.
    format!("0x61{bytes:04x}6000a000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_that_is_dear_is_said_to_be() {
        let today = Prices {
            transaction: 21_000,
            byte: 40,
            slot: SLOT_TODAY,
            logged: 8,
        };
        assert_eq!(today.told().advice, None);
        let newest = Prices { slot: 99_477, ..today };
        assert!(newest.told().advice.unwrap().contains("4.5 times"));
    }

    #[test]
    fn probes_are_programs_of_whole_bytes() {
        assert_eq!(slots(2), "0x6001600155600160025500");
        assert_eq!(logs(1024), "0x6104006000a000");
    }
}
