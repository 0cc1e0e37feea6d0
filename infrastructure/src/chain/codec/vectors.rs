//! The codec against the vectors that the contract's own tests reproduce.

use application::log::StreamId;
use domain::kernel::CommandId;
use serde_json::{Value, json};

use super::entries::{RawLog, read_logs};
use super::{decode_batch, encode_batch};
use crate::chain::{Address, hex};
use crate::log::{Commit, LogHead, Origin, Payload, RejectedCommit, StreamHead, StreamPart};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../contracts/test-vectors/batch.json")).unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::bytes(value.as_str().unwrap()).unwrap()
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    hex::fixed(value.as_str().unwrap()).unwrap()
}

fn head(value: &Value) -> StreamHead {
    StreamHead {
        version: value["version"].as_u64().unwrap(),
        tag: fixed(&value["tag"]),
    }
}

fn commit(value: &Value) -> Commit {
    let part = |part: &Value| StreamPart {
        stream: StreamId(fixed(&part["stream"])),
        expected: head(part),
        payloads: list(&part["payloads"])
            .iter()
            .map(|payload| Payload::from(bytes(payload)))
            .collect(),
    };
    Commit {
        command_id: CommandId::default(),
        parts: list(&value["parts"]).iter().map(part).collect(),
    }
}

#[test]
fn batches_are_encoded_as_the_contract_takes_them() {
    for batch in list(&vectors()["batches"]) {
        let commits: Vec<Commit> = list(&batch["commits"]).iter().map(commit).collect();
        let encoded = bytes(&batch["encoded"]);
        assert_eq!(encode_batch(&commits).unwrap(), encoded, "{}", batch["name"]);
        let parts: Vec<_> = commits.into_iter().map(|commit| commit.parts).collect();
        assert_eq!(decode_batch(&encoded), Some(parts), "{}", batch["name"]);
    }
}

#[test]
fn what_the_contract_logs_is_decoded_and_folds_to_its_heads() {
    let vectors = vectors();
    let contract: Address = vectors["address"].as_str().unwrap().parse().unwrap();
    let mut log = LogHead::genesis(vectors["chainId"].as_u64().unwrap(), contract);
    assert_eq!(log.running_hash, fixed(&vectors["initialRunningHash"]));
    let mut heads = std::collections::HashMap::new();
    let all = list(&vectors["acts"]).iter().chain(list(&vectors["batches"]));
    for (number, batch) in (1u64..).zip(all) {
        let name = &batch["name"];
        let raw = |(index, entry): (u64, &Value)| {
            json!({
                "address": contract, "topics": entry["topics"], "data": entry["data"],
                "blockNumber": format!("{number:#x}"), "blockHash": hex::encode(&[7; 32]),
                "transactionHash": hex::encode(&[8; 32]), "logIndex": format!("{index:#x}"), "removed": false,
            })
        };
        let entries = list(&batch["logs"]);
        let text = Value::from_iter((0..).zip(entries).map(raw)).to_string();
        let logs: Vec<RawLog<'_>> = serde_json::from_str(&text).unwrap();
        let blocks = read_logs(&logs, contract, |_, _| true).unwrap();
        let appended: Vec<_> = blocks.iter().flat_map(|block| &block.appended).collect();
        let rejected: Vec<RejectedCommit> = blocks.iter().flat_map(|block| block.rejected.clone()).collect();

        let of = |event: &str| {
            entries
                .iter()
                .filter(|entry| entry["event"] == event)
                .collect::<Vec<_>>()
        };
        assert_eq!(appended.len(), of("Appended").len(), "{name}");
        for (entry, expected) in appended.iter().zip(of("Appended")) {
            assert_eq!(entry.stream.0, fixed(&expected["stream"]), "{name}");
            assert_eq!(entry.version, expected["version"].as_u64().unwrap(), "{name}");
            assert_eq!(entry.position, expected["position"].as_u64().unwrap(), "{name}");
            assert_eq!(entry.payload[..], bytes(&expected["payload"]), "{name}");
            let origin = Origin {
                count: expected["count"].as_u64().unwrap().try_into().unwrap(),
                index: expected["index"].as_u64().unwrap().try_into().unwrap(),
                writer: expected["writer"].as_u64().unwrap().try_into().unwrap(),
            };
            assert_eq!(entry.origin, origin, "{name}");
            heads.insert(entry.stream, log.advance(entry).head());
        }
        let expected = of("CommitRejected").into_iter().map(|expected| RejectedCommit {
            transaction: [8; 32],
            index: expected["index"].as_u64().unwrap().try_into().unwrap(),
            stream: StreamId(fixed(&expected["stream"])),
            actual: head(expected),
        });
        assert_eq!(rejected, expected.collect::<Vec<_>>(), "{name}");
        let after = LogHead {
            position: batch["position"].as_u64().unwrap(),
            running_hash: fixed(&batch["runningHash"]),
        };
        assert_eq!(log, after, "{name}");
        for expected in list(&batch["heads"]) {
            let stream = StreamId(fixed(&expected["stream"]));
            assert_eq!(
                heads.get(&stream).copied().unwrap_or_default(),
                head(expected),
                "{name}"
            );
        }
    }
}

#[test]
fn no_batch_that_the_contract_calls_malformed_is_ever_encoded() {
    for batch in list(&vectors()["malformed"]) {
        let commits = decode_batch(&bytes(&batch["encoded"])).unwrap_or_default();
        let commits: Vec<Commit> = commits
            .into_iter()
            .map(|parts| Commit {
                command_id: CommandId::default(),
                parts,
            })
            .collect();
        assert!(
            commits.is_empty() || encode_batch(&commits).is_err(),
            "{}",
            batch["name"]
        );
    }
}
