//! The contract's state at a block, by proofs against the state root of its header.

use alloy_primitives::{B256, Bytes, U64, U256, keccak256};
use alloy_trie::proof::verify_proof;
use alloy_trie::{Nibbles, TrieAccount};
use application::log::StreamId;
use infrastructure::chain::contract::{bytecode, head_slots};
use infrastructure::chain::rpc::Call;
use infrastructure::chain::{Address, ChainError, Node, keccak256 as hash};
use infrastructure::log::{LogHead, StreamHead};
use serde::Deserialize;
use serde_json::json;

use crate::ask::{self, Question};
use crate::fault::{Check, Fault, Place};
use crate::header::Header;
use crate::report::Unproved;
use crate::stop::{AuditError, Stop};
use crate::text::Hex;

/// What `eth_getProof` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    balance: U256,
    code_hash: B256,
    nonce: U64,
    storage_hash: B256,
    account_proof: Vec<Bytes>,
    storage_proof: Vec<SlotProof>,
}

#[derive(Debug, Deserialize)]
struct SlotProof {
    key: U256,
    value: U256,
    proof: Vec<Bytes>,
}

/// The head of the log after the block, proven; or why it cannot be.
pub(crate) async fn head(node: &Node, header: &Header, contract: Address) -> Result<Result<LogHead, Unproved>, Stop> {
    let slots = head_slots()?;
    let asked = [slots.position, slots.running_hash].map(U256::from);
    let values = match values(node, header, contract, asked).await? {
        Ok(values) => values,
        Err(why) => return Ok(Err(why)),
    };
    let [position, running_hash] = values;
    let place = Place::block(header.number);
    let position =
        u64::try_from(position).map_err(|_| Fault::new(Check::Storage, place, "a position of 64 bits", position))?;
    Ok(Ok(LogHead {
        position,
        running_hash: running_hash.to_be_bytes(),
    }))
}

/// The head of a stream after the block, proven; or why it cannot be.
pub(crate) async fn stream_head(
    node: &Node,
    header: &Header,
    contract: Address,
    stream: StreamId,
) -> Result<Result<StreamHead, Unproved>, Stop> {
    // Where Solidity puts what a mapping has for a key.
    let slot = keccak256([stream.0, B256::from(U256::from(head_slots()?.streams)).0].concat());
    let [head] = match values(node, header, contract, [slot.into()]).await? {
        Ok(values) => values,
        Err(why) => return Ok(Err(why)),
    };
    // `version << 64 | tag`, the lowest limb first.
    let [tag, version, ..] = head.into_limbs();
    Ok(Ok(StreamHead {
        version,
        tag: tag.to_be_bytes(),
    }))
}

/// What the contract's storage has in some slots after the block, proven with its account and its code; or why it cannot be.
async fn values<const N: usize>(
    node: &Node,
    header: &Header,
    contract: Address,
    slots: [U256; N],
) -> Result<Result<[U256; N], Unproved>, Stop> {
    if header.state_root == B256::ZERO {
        return Ok(Err(Unproved::NoStateRoot));
    }
    let asked: Vec<B256> = slots.iter().map(|slot| B256::from(*slot)).collect();
    let call = |block: serde_json::Value| Question {
        call: Call {
            method: "eth_getProof",
            params: json!([contract, asked, block]),
        },
        check: Check::Account,
        place: Place::block(header.number),
        what: "a proof of the contract's state".to_owned(),
    };
    // By hash as EIP-1898 has it, and by number, for nodes that do not know that.
    let by_hash = call(json!({ "blockHash": Hex(header.hash) }));
    let by_number = call(json!(format!("{:#x}", header.number)));
    let mut why = String::new();
    for question in [by_hash, by_number] {
        match ask::maybe::<Proof>(node, &question).await {
            Ok(Some(proof)) => return proven(&proof, header, contract, slots).map(Ok),
            // Whoever has no proof may say so with nothing.
            Ok(None) => "it gives none".clone_into(&mut why),
            Err(Stop::Error(AuditError::Unanswered {
                source: source @ (ChainError::Rpc { .. } | ChainError::Unable { .. }),
                ..
            })) => why = source.to_string(),
            Err(other) => return Err(other),
        }
    }
    Ok(Err(Unproved::NoProof(why)))
}

/// Checks account, code and slots.
fn proven<const N: usize>(
    proof: &Proof,
    header: &Header,
    contract: Address,
    slots: [U256; N],
) -> Result<[U256; N], Stop> {
    let place = Place::block(header.number);
    let account = TrieAccount {
        nonce: proof.nonce.to(),
        balance: proof.balance,
        storage_root: proof.storage_hash,
        code_hash: proof.code_hash,
    };
    let is = |account| {
        let path = Nibbles::unpack(keccak256(contract.0));
        verify_proof(header.state_root, path, account, &proof.account_proof).is_ok()
    };
    if is(None) {
        let block = header.number;
        return Err(AuditError::NoContract { contract, block }.into());
    }
    if !is(Some(alloy_rlp::encode(account))) {
        let expected = format_args!("a proof of {contract} against the state root {}", header.state_root);
        return Err(Fault::new(Check::Account, place, expected, "a proof that does not verify").into());
    }
    let code = hash(&bytecode()?.runtime);
    if proof.code_hash != code {
        let expected = format_args!("code with the hash {}", Hex(code));
        return Err(Fault::new(Check::Code, place, expected, proof.code_hash).into());
    }
    let mut values = [U256::ZERO; N];
    for (value, slot) in values.iter_mut().zip(slots) {
        *value = slot_value(proof, slot, place)?;
    }
    Ok(values)
}

/// The value of a slot, checked against the root of the contract's storage.
fn slot_value(proof: &Proof, key: U256, place: Place) -> Result<U256, Box<Fault>> {
    let fault = |got: &str| {
        let expected = format_args!("a proof of slot {key} against the storage root {}", proof.storage_hash);
        Fault::new(Check::Storage, place, expected, got)
    };
    let shown = proof.storage_proof.iter().find(|shown| shown.key == key);
    let shown = shown.ok_or_else(|| fault("none"))?;
    // A slot that is zero is in no trie.
    let value = (shown.value != U256::ZERO).then(|| alloy_rlp::encode(shown.value));
    let path = Nibbles::unpack(keccak256(B256::from(key)));
    verify_proof(proof.storage_hash, path, value, &shown.proof).map_err(|_| fault("a proof that does not verify"))?;
    Ok(shown.value)
}
