//! Nodes of which each says what the test has it say.

use serde_json::{Value, json};

use super::*;
use crate::appender::scripted_nodes::{Answer, hex, nodes};
use crate::chain::keccak256;

const ACCOUNT: Address = Address([9; 20]);
const OURS: Hash = [1; 32];
const REPLACED: Hash = [2; 32];
const THEIRS: Hash = [3; 32];
const BLOCK: Hash = [7; 32];

/// What a node says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Says {
    /// The receipt of this signature, in this block, with this status.
    Receipt(Hash, Hash, u8),
    /// No receipt, and that this transaction has used the nonce, in this block.
    Use(Hash, Hash),
    /// That there is no such thing.
    Nothing,
    /// What is no answer.
    Silence,
}

impl Says {
    fn answer(self, method: &str, params: &Value) -> Answer {
        let result = match (method, self) {
            (_, Self::Silence) => return None,
            ("eth_getTransactionReceipt", Self::Receipt(hash, block, status)) if params[0] == hex(&hash) => {
                json!({
                    "transactionHash": hex(&hash), "blockNumber": "0x5", "blockHash": hex(&block),
                    "status": format!("0x{status}"), "gasUsed": "0x5208", "contractAddress": null,
                })
            }
            ("eth_getBlockByNumber", Self::Use(hash, block)) => json!({
                "number": "0x5", "hash": hex(&block),
                "transactions": [{ "hash": hex(&hash), "from": ACCOUNT, "nonce": "0x4", "to": ACCOUNT, "input": "0x" }],
            }),
            _ => Value::Null,
        };
        Some(Ok(result))
    }
}

fn saying(say: &[Says]) -> Node {
    let say = say.to_vec();
    nodes(say.len(), move |node, method, params| say[node].answer(method, params))
}

const FAILED: Says = Says::Receipt(OURS, BLOCK, 0);

const TOLD: Receipt = Receipt {
    transaction: OURS,
    block_number: 5,
    block_hash: BLOCK,
    succeeded: false,
    gas_used: 21_000,
    contract: None,
};

#[tokio::test]
async fn a_receipt_is_agreed_on_only_when_everybody_has_it_and_contradicted_only_by_another() {
    let cases = [
        (vec![FAILED], true, false),
        (vec![FAILED, FAILED, FAILED], true, false),
        (vec![FAILED, Says::Silence], false, false),
        (vec![FAILED, Says::Nothing], false, false),
        (vec![FAILED, FAILED, Says::Receipt(OURS, BLOCK, 1)], false, true),
        (vec![FAILED, Says::Receipt(OURS, [8; 32], 0)], false, true),
        (vec![FAILED, Says::Receipt(REPLACED, BLOCK, 0)], false, true),
    ];
    for (say, agreed, contradicted) in cases {
        let node = saying(&say);
        assert_eq!(all_have(&node, &[OURS, REPLACED], &TOLD).await, agreed, "{say:?}");
        assert_eq!(
            is_contradicted(&node, &[OURS, REPLACED], &TOLD).await,
            contradicted,
            "{say:?}"
        );
    }
}

#[tokio::test]
async fn another_transaction_is_agreed_on_only_when_everybody_has_seen_it_and_nobody_has_a_receipt_of_ours() {
    let seen = Says::Use(THEIRS, BLOCK);
    let told = NonceUse {
        block_hash: BLOCK,
        transaction: THEIRS,
        to: Some(ACCOUNT),
        data: keccak256(&[]),
    };
    let cases = [
        (vec![seen], true),
        (vec![seen, seen], true),
        (vec![seen, Says::Silence], false),
        (vec![seen, Says::Nothing], false),
        (vec![seen, Says::Use(THEIRS, [8; 32])], false),
        (vec![seen, Says::Use(OURS, BLOCK)], false),
        (vec![seen, Says::Receipt(REPLACED, BLOCK, 1)], false),
    ];
    for (say, agreed) in cases {
        let all = all_saw(&saying(&say), (ACCOUNT, 4), 5, told, &[OURS, REPLACED]).await;
        assert_eq!(all, agreed, "{say:?}");
    }
}

/// Whoever has told may be another than who is asked first by now: it does not bear witness for itself alone.
#[tokio::test]
async fn who_is_asked_first_is_asked_as_well() {
    let node = saying(&[Says::Receipt(OURS, BLOCK, 1), FAILED]);
    node.distrust("the test says so");
    assert_eq!(node.first(), 1);
    let done = Receipt {
        succeeded: true,
        ..TOLD
    };
    assert!(is_contradicted(&node, &[OURS], &done).await);
    assert!(!all_have(&node, &[OURS], &done).await);
}
