//! Besu's ways, as far as a proxy can imitate them in front of another node: a QBFT network with free gas, on Besu's default storage.
//!
//! - A block's hash is not the hash of its header as others compute it. Here it is the other node's hash with every bit turned that
//!   [`TURN`] has: the same in every answer, and understood in every question.
//! - Gas is free: no base fee, no gas price, nothing suggested on top.
//! - State, and proofs of it, are there for the last blocks only.
//!
//! What it calls final, and how much it answers at once, are conducts of their own ([`crate::proxy::Conduct`]). Nothing else of Besu is
//! imitated.

use serde_json::{Value, json};

/// What tells the hashes of the two nodes apart.
const TURN: u8 = 0x5a;

/// How it refuses to tell of old state.
pub const NO_STATE: (i64, &str) = (-32000, "World state unavailable");

/// Methods that ask about state, and where their block stands among the parameters.
const OF_STATE: [(&str, usize); 6] = [
    ("eth_getBalance", 1),
    ("eth_getTransactionCount", 1),
    ("eth_getCode", 1),
    ("eth_call", 1),
    ("eth_getStorageAt", 2),
    ("eth_getProof", 2),
];

/// Whether Anvil has had a transaction before that was sent to it again. Now and then it leaves one lying for ever whose turn has come, when that of before was mined while it arrived; only one that pays more
/// takes its place, and where gas is free there is none. A node that makes its blocks by the clock leaves none lying.
pub fn is_lying(answer: &Value) -> bool {
    answer["error"]["message"] == "transaction already imported"
}

/// Says a question in the other node's words.
pub fn translate_question(call: &mut Value) {
    let by_hash = call["method"] == "eth_getBlockByHash";
    let params = &mut call["params"];
    if by_hash && let Some(hash) = params.get_mut(0) {
        turn(hash);
    }
    for param in params.as_array_mut().into_iter().flatten() {
        if let Some(hash) = param.get_mut("blockHash") {
            turn(hash);
        }
    }
}

/// The number of the block whose state is asked for, if a number is given.
pub fn state_asked_for(call: &Value) -> Option<u64> {
    let (_, place) = OF_STATE.iter().find(|(method, _)| call["method"] == *method)?;
    u64::from_str_radix(call["params"][*place].as_str()?.strip_prefix("0x")?, 16).ok()
}

/// Says an answer in Besu's words.
pub fn translate_answer(method: &str, answer: &mut Value) {
    match method {
        "eth_gasPrice" | "eth_maxPriorityFeePerGas" => answer["result"] = json!("0x0"),
        "web3_clientVersion" => answer["result"] = json!("besu/v25.7.0/imitated"),
        _ => {
            if let Some(result) = answer.get_mut("result") {
                translate(result);
            }
        }
    }
}

fn translate(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(translate),
        Value::Object(fields) => {
            let is_block = fields.contains_key("parentHash");
            for (name, field) in fields {
                match name.as_str() {
                    "blockHash" => turn(field),
                    "hash" | "parentHash" if is_block => turn(field),
                    "baseFeePerGas" => *field = json!("0x0"),
                    _ => translate(field),
                }
            }
        }
        _ => {}
    }
}

/// Turns a hash into the other node's, or back. What is no hash, or is before the first block, stays.
fn turn(hash: &mut Value) {
    let Some(bytes) = hash
        .as_str()
        .and_then(|text| hex::decode(text.strip_prefix("0x")?).ok())
    else {
        return;
    };
    if bytes.iter().any(|byte| *byte != 0) {
        let turned: Vec<u8> = bytes.iter().map(|byte| byte ^ TURN).collect();
        *hash = json!(format!("0x{}", hex::encode(turned)));
    }
}
