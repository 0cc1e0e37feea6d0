//! What an answer means to whoever reads the log: the same for two answers that tell the same, written otherwise.

use serde_json::{Value, json};

use crate::first_difference;
use crate::lies::Lie;
use crate::node::{Recording, Said};

/// Fields of a header that its hash is made of.
pub(crate) const HEADER: [&str; 23] = [
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
    "blockAccessListHash",
    "slotNumber",
];

/// What is meant by an answer to a question, if the log's first entry is in this block: what lies before it is not read.
pub(crate) fn of(question: &str, said: &impl Answer, first_block: u64) -> Value {
    let Some(answer) = said.value() else {
        return json!("refused");
    };
    let (method, params) = question.split_once(' ').unwrap();
    match method {
        "eth_getBlockByNumber" if number(&serde_json::from_str::<Value>(params).unwrap()[0]) < first_block => {
            json!("not read")
        }
        "eth_getBlockByHash" if params.contains("true") => mapped(&answer["transactions"], transaction),
        "eth_getBlockByHash" | "eth_getBlockByNumber" => only(answer, &HEADER),
        "eth_getTransactionReceipt" => receipt(answer),
        "eth_getLogs" => list(answer),
        "eth_getProof" => {
            let mut account = only(answer, &["balance", "codeHash", "nonce", "storageHash", "accountProof"]);
            // A value that is zero is left out of the proof's reckoning, and slots may come in any order.
            let mut slots = mapped(&answer["storageProof"], |slot| only(slot, &["key", "value", "proof"]));
            if let Some(slots) = slots.as_array_mut() {
                slots.sort_by_key(Value::to_string);
            }
            account["slots"] = slots;
            account
        }
        _ => answer.clone(),
    }
}

/// A recorded answer, or one of a liar.
pub(crate) trait Answer {
    fn value(&self) -> Option<&Value>;
}

impl Answer for Value {
    fn value(&self) -> Option<&Value> {
        Some(self)
    }
}

impl Answer for Said {
    fn value(&self) -> Option<&Value> {
        match self {
            Self::Result(value) => Some(value),
            Self::Refusal => None,
        }
    }
}

fn transaction(raw: &Value) -> Value {
    let always = ["hash", "type", "nonce", "gas", "to", "value", "input", "r", "s"];
    let further: &[&str] = match plain(&raw["type"]).as_str() {
        Some("0x1") => &["chainId", "gasPrice", "accessList"],
        Some("0x2") => &["chainId", "maxFeePerGas", "maxPriorityFeePerGas", "accessList"],
        _ => &["gasPrice", "v"],
    };
    let mut meant = only(raw, &[&always, further].concat());
    if further.len() > 2 {
        let parity = raw
            .get("yParity")
            .filter(|parity| !parity.is_null())
            .unwrap_or(&raw["v"]);
        meant["parity"] = plain(parity);
    }
    meant
}

fn receipt(raw: &Value) -> Value {
    let mut meant = only(raw, &["type", "status", "cumulativeGasUsed", "logsBloom"]);
    meant["logs"] = mapped(&raw["logs"], |log| only(log, &["address", "topics", "data"]));
    meant
}

/// The list of logs, which must be in the order of the chain and have nothing twice: entries and rejections. Where entries stand between rejections a
/// server of ours does not read: each entry has its position.
fn list(raw: &Value) -> Value {
    let fields = [
        "address",
        "topics",
        "data",
        "blockNumber",
        "blockHash",
        "transactionHash",
    ];
    let shown = raw
        .as_array()
        .into_iter()
        .flatten()
        .filter(|log| log["removed"] != json!(true));
    let shown: Vec<_> = shown
        .map(|log| {
            (
                number(&log["blockNumber"]),
                number(&log["logIndex"]),
                only(log, &fields),
            )
        })
        .collect();
    if !shown.is_sorted_by(|(one, first, _), (other, second, _)| (one, first) < (other, second)) {
        return json!("in no order");
    }
    let of_kind = |is_entry: bool| -> Value {
        let of_kind = shown
            .iter()
            .filter(|(_, _, log)| (log["topics"].as_array().map(Vec::len) == Some(2)) == is_entry);
        of_kind.map(|(_, _, log)| log.clone()).collect()
    };
    json!([of_kind(true), of_kind(false)])
}

fn number(value: &Value) -> u64 {
    let digits = value.as_str().unwrap_or_default().trim_start_matches("0x");
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

fn only(raw: &Value, fields: &[&str]) -> Value {
    fields
        .iter()
        .map(|field| ((*field).to_owned(), plain(&raw[*field])))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn mapped(list: &Value, map: impl Fn(&Value) -> Value) -> Value {
    match list.as_array() {
        Some(list) => list.iter().map(map).collect(),
        None => list.clone(),
    }
}

/// Without what makes no difference in a text: case, and zeros at the beginning of a number.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let text = text.to_lowercase();
            match text.strip_prefix("0x") {
                // Bytes of a fixed length keep their zeros, for both sides of a comparison have the same length.
                Some(digits) if digits.len() < 40 => json!(format!("0x{}", digits.trim_start_matches('0'))),
                _ => json!(text),
            }
        }
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), plain(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// Makes sure that a lie that nobody noticed tells the same as the truth; a sentence where it does not.
pub(crate) fn is_the_same(truth: &Recording, lie: &Lie, first_block: u64) -> Result<(), String> {
    for (question, answer) in lie.answers() {
        let (told, meant) = (
            of(question, answer, first_block),
            of(question, &truth.answer(question), first_block),
        );
        if told != meant {
            let difference = first_difference(&meant, &told);
            return Err(format!(
                "{question} means something else, and nobody noticed: {difference}"
            ));
        }
    }
    Ok(())
}
