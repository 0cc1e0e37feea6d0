//! Log entries from a node's JSON, borrowed and decoded by hand: a rebuild reads millions of them.

use std::fmt;

use application::log::StreamId;
use serde::de::{Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::block_logs::BlockLogs;
use super::super::contract::{APPENDED, COMMIT_REJECTED, small, tag_of};
use super::super::hex;
use super::super::rpc::ChainError;
use super::super::{Address, Hash};
use crate::log::{AppendedEntry, Origin, Payload, RejectedCommit, StreamHead};

/// A log as the node writes it.
#[derive(PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::chain) struct RawLog<'a> {
    address: &'a str,
    #[serde(borrow)]
    topics: Topics<'a>,
    data: &'a str,
    block_number: Option<hex::Number>,
    block_hash: Option<hex::Fixed<32>>,
    #[serde(default)]
    block_timestamp: hex::Told,
    transaction_hash: Option<hex::Fixed<32>>,
    log_index: Option<hex::Number>,
    #[serde(default)]
    removed: bool,
}

impl RawLog<'_> {
    /// Whether a contract's event for the log is in it, and neither another contract's nor another event.
    pub(in crate::chain) fn is_of_the_log(&self, contract: Address) -> bool {
        let is_known = |topic: &&str| [APPENDED, COMMIT_REJECTED].contains(topic);
        hex::fixed(self.address) == Some(contract.0) && self.topics.0[0].as_ref().is_some_and(is_known)
    }
}

/// At most four topics; so there is no list to allocate.
#[derive(PartialEq, Default)]
struct Topics<'a>([Option<&'a str>; 4]);

impl<'de: 'a, 'a> Deserialize<'de> for Topics<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Topics<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("at most four topics")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut topics = Topics::default();
                for topic in &mut topics.0 {
                    *topic = list.next_element::<&'de str>()?;
                    if topic.is_none() {
                        return Ok(topics);
                    }
                }
                match list.next_element::<IgnoredAny>()? {
                    None => Ok(topics),
                    Some(_) => Err(A::Error::invalid_length(5, &self)),
                }
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// A log with its place in the chain.
struct Placed<'a> {
    number: u64,
    index: u64,
    hash: Hash,
    transaction: Hash,
    log: &'a RawLog<'a>,
}

/// Groups a contract's logs by block. `within` says whether a block was asked for.
///
/// Logs that stand in another order are put into theirs, one that is shown twice counts once, and one that the node calls removed
/// not at all. What is missing or wrong then, positions and running hash show.
pub(in crate::chain) fn read_logs(
    logs: &[RawLog<'_>],
    contract: Address,
    within: impl Fn(u64, &Hash) -> bool,
) -> Result<Vec<BlockLogs>, ChainError> {
    let mut blocks: Vec<BlockLogs> = Vec::new();
    let mut before: Option<Placed<'_>> = None;
    for placed in in_order(logs)? {
        let Placed {
            number,
            index,
            hash,
            transaction,
            log,
        } = placed;
        if !within(number, &hash) {
            return Err(malformed("a log that was not asked for"));
        }
        if hex::fixed(log.address) != Some(contract.0) {
            return Err(malformed("a log of another contract"));
        }
        let before = before.replace(placed);
        match before.filter(|before| before.number == number) {
            Some(before) if before.hash != hash => return Err(ChainError::Inconsistent("two blocks of one number")),
            Some(before) if before.index == index && before.log == log => continue,
            Some(before) if before.index == index => return Err(malformed("two different logs in one place")),
            Some(_) => {}
            None => blocks.push(BlockLogs {
                number,
                hash,
                timestamp: log.block_timestamp.0,
                appended: Vec::new(),
                rejected: Vec::new(),
            }),
        }
        let Some(block) = blocks.last_mut() else { continue };
        if block.timestamp != log.block_timestamp.0 {
            return Err(ChainError::Inconsistent("two times of one block"));
        }
        match log.topics.0 {
            [Some(APPENDED), Some(stream), None, None] => {
                let entry =
                    appended(stream, log.data, transaction).ok_or_else(|| malformed("an entry that is cut short"))?;
                block.appended.push(entry);
            }
            [Some(COMMIT_REJECTED), None, None, None] => {
                let commit =
                    rejected(log.data, transaction).ok_or_else(|| malformed("a rejection that is cut short"))?;
                block.rejected.push(commit);
            }
            _ => return Err(malformed("an event that was not asked for")),
        }
    }
    Ok(blocks)
}

/// Makes sure that a node lists each log once, in the order of the chain.
///
/// # Errors
/// [`ChainError::Malformed`]: it says which does not come where it must.
pub(in crate::chain) fn confirm_order(logs: &[RawLog<'_>]) -> Result<(), ChainError> {
    let mut before = None;
    for Placed { number, index, .. } in counted(logs)? {
        let here = Some((number, index));
        if here == before {
            return Err(malformed(format_args!("log {index} of block {number} is listed twice")));
        }
        if here < before {
            return Err(malformed(format_args!(
                "log {index} of block {number} is listed after one that comes later"
            )));
        }
        before = here;
    }
    Ok(())
}

/// What a log of the contract says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// An entry was appended.
    Appended(AppendedEntry),
    /// A commit was rejected.
    Rejected(RejectedCommit),
}

/// Reads a log of the contract that came by another way than in a node's list of logs. `None` where it is not what the contract logs.
pub fn read_log(topics: &[Hash], data: &[u8], transaction: Hash) -> Option<Said> {
    let data = hex::encode(data);
    let topics: Vec<String> = topics.iter().map(|topic| hex::encode(topic)).collect();
    match topics.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [APPENDED, stream] => appended(stream, &data, transaction).map(Said::Appended),
        [COMMIT_REJECTED] => rejected(&data, transaction).map(Said::Rejected),
        _ => None,
    }
}

/// The logs that count, in the order of the chain: as nearly every node shows them.
fn in_order<'a>(logs: &'a [RawLog<'a>]) -> Result<Vec<Placed<'a>>, ChainError> {
    let mut placed = counted(logs)?;
    let place = |placed: &Placed<'_>| (placed.number, placed.index);
    if !placed.is_sorted_by_key(place) {
        placed.sort_by_key(place);
    }
    Ok(placed)
}

/// The logs that count, as the node lists them.
fn counted<'a>(logs: &'a [RawLog<'a>]) -> Result<Vec<Placed<'a>>, ChainError> {
    let mut placed = Vec::with_capacity(logs.len());
    for log in logs.iter().filter(|log| !log.removed) {
        let place = (log.block_number, log.block_hash, log.transaction_hash, log.log_index);
        let (
            Some(hex::Number(number)),
            Some(hex::Fixed(hash)),
            Some(hex::Fixed(transaction)),
            Some(hex::Number(index)),
        ) = place
        else {
            return Err(malformed("a log that is in no block"));
        };
        placed.push(Placed {
            number,
            index,
            hash,
            transaction,
            log,
        });
    }
    Ok(placed)
}

fn malformed(what: impl fmt::Display) -> ChainError {
    ChainError::malformed(what)
}

/// `place 0x40 length payload padding`, each but the last two a word.
fn appended(stream: &str, data: &str, transaction: Hash) -> Option<AppendedEntry> {
    const HEAD: usize = 3 * 64;
    let (head, tail) = hex::digits(data)?.split_at_checked(HEAD)?;
    let mut words = [[0; 32]; 3];
    hex::decode_into(head, words.as_flattened_mut())?;
    let [place, offset, length] = words;
    let len = usize::try_from(small(&length)?).ok()?;
    let padded = len.checked_next_multiple_of(32)?;
    (small(&offset)? == 0x40 && len > 0 && tail.len() == padded.checked_mul(2)?).then_some(())?;
    let (digits, padding) = tail.split_at_checked(2 * len)?;
    padding.bytes().all(|digit| digit == b'0').then_some(())?;
    // One allocation, zeroed and then written in place.
    let mut payload: Payload = std::iter::repeat_n(0, len).collect();
    hex::decode_into(digits, std::sync::Arc::get_mut(&mut payload)?)?;
    let (origin, version, position) = read_place(&place)?;
    Some(AppendedEntry {
        stream: StreamId(hex::fixed(stream)?),
        version,
        position,
        origin,
        payload,
        transaction,
    })
}

/// `zero:96 count:16 index:16 writer:32 version:32 position:64`.
fn read_place(place: &[u8; 32]) -> Option<(Origin, u64, u64)> {
    let (zero, rest) = place.split_first_chunk::<12>()?;
    let (origin, rest) = rest.split_first_chunk::<8>()?;
    let (version, position) = rest.split_first_chunk::<4>()?;
    let origin = Origin::of_bits(u64::from_be_bytes(*origin));
    let is_possible = *zero == [0; 12] && origin.index < origin.count;
    let version = u32::from_be_bytes(*version).into();
    is_possible.then_some((origin, version, u64::from_be_bytes(position.try_into().ok()?)))
}

/// `index stream version tag`, each a word.
fn rejected(data: &str, transaction: Hash) -> Option<RejectedCommit> {
    let mut words = [[0; 32]; 4];
    hex::decode_into(hex::digits(data)?, words.as_flattened_mut())?;
    let [index, stream, version, tag] = words;
    Some(RejectedCommit {
        transaction,
        index: small(&index)?.try_into().ok()?,
        stream: StreamId(stream),
        actual: StreamHead {
            version: small(&version)?,
            tag: tag_of(&tag)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ethers_core::abi::{Token, encode};
    use ethers_core::types::U256;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const CONTRACT: Address = Address([0xAA; 20]);
    const ORIGIN: Origin = Origin {
        count: 3,
        index: 2,
        writer: 7,
    };

    fn log(number: u64, index: u64, topics: Value, data: &[u8]) -> Value {
        json!({
            "address": hex::encode(&CONTRACT.0), "topics": topics, "data": hex::encode(data),
            "blockNumber": format!("{number:#x}"), "blockHash": hex::encode(&[7; 32]), "transactionIndex": "0x0",
            "transactionHash": hex::encode(&[8; 32]), "logIndex": format!("{index:#x}"), "removed": false,
        })
    }

    fn appended_log(number: u64, index: u64, version: u64, position: u64, payload: &[u8]) -> Value {
        let place = U256::from(ORIGIN.bits()) << 96 | U256::from(version) << 64 | U256::from(position);
        let data = encode(&[Token::Uint(place), Token::Bytes(payload.to_vec())]);
        log(number, index, json!([APPENDED, hex::encode(&[5; 32])]), &data)
    }

    fn rejected_log(number: u64, index: u64) -> Value {
        let mut tag = vec![9; 8];
        tag.resize(32, 0);
        let tokens = [
            Token::Uint(3.into()),
            Token::FixedBytes(vec![5; 32]),
            Token::Uint(6.into()),
            Token::FixedBytes(tag),
        ];
        log(number, index, json!([COMMIT_REJECTED]), &encode(&tokens))
    }

    fn read(logs: &[Value]) -> Result<Vec<BlockLogs>, ChainError> {
        let text = serde_json::to_string(logs).unwrap();
        let logs: Vec<RawLog<'_>> = serde_json::from_str(&text).map_err(ChainError::malformed)?;
        read_logs(&logs, CONTRACT, |number, _| (1..=9).contains(&number))
    }

    #[test]
    fn a_log_that_came_another_way_says_the_same() {
        let logs = [appended_log(1, 0, 1, 1, &[3; 40]), rejected_log(1, 1)];
        let blocks = read(&logs).unwrap();
        let said = logs.each_ref().map(|log| {
            let topics = log["topics"].as_array().unwrap().iter();
            let topics: Vec<Hash> = topics
                .map(|topic| hex::fixed(topic.as_str().unwrap()).unwrap())
                .collect();
            let data = hex::bytes(log["data"].as_str().unwrap()).unwrap();
            assert_eq!(read_log(&topics, &data[1..], [8; 32]), None);
            assert_eq!(read_log(&[], &data, [8; 32]), None);
            read_log(&topics, &data, [8; 32]).unwrap()
        });
        let expected = [
            Said::Appended(blocks[0].appended[0].clone()),
            Said::Rejected(blocks[0].rejected[0]),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn entries_and_rejections_are_grouped_by_block() {
        let blocks = read(&[
            appended_log(1, 0, 1, 1, b"one"),
            rejected_log(1, 1),
            appended_log(2, 0, 2, 2, &[3; 64]),
        ])
        .unwrap();
        let entry = |version, payload: &[u8]| AppendedEntry {
            stream: StreamId([5; 32]),
            version,
            position: version,
            origin: ORIGIN,
            payload: Payload::from(payload),
            transaction: [8; 32],
        };
        let rejected = RejectedCommit {
            transaction: [8; 32],
            index: 3,
            stream: StreamId([5; 32]),
            actual: StreamHead {
                version: 6,
                tag: [9; 8],
            },
        };
        assert_eq!(
            blocks,
            [
                BlockLogs {
                    number: 1,
                    hash: [7; 32],
                    timestamp: None,
                    appended: vec![entry(1, b"one")],
                    rejected: vec![rejected]
                },
                BlockLogs {
                    number: 2,
                    hash: [7; 32],
                    timestamp: None,
                    appended: vec![entry(2, &[3; 64])],
                    rejected: vec![]
                },
            ]
        );
    }

    #[test]
    fn whoever_judges_the_list_is_told_of_what_is_twice_or_in_another_order() {
        let confirm = |logs: &[Value]| {
            let text = serde_json::to_string(logs).unwrap();
            confirm_order(&serde_json::from_str::<Vec<RawLog<'_>>>(&text).unwrap())
        };
        let log = |number, index| appended_log(number, index, 1, 1, b"one");
        confirm(&[log(1, 0), rejected_log(1, 1), log(2, 0)]).unwrap();
        confirm(&[]).unwrap();
        for (logs, what) in [
            ([log(1, 0), log(1, 0)], "log 0 of block 1 is listed twice"),
            (
                [log(1, 3), log(1, 2)],
                "log 2 of block 1 is listed after one that comes later",
            ),
            (
                [log(2, 0), log(1, 2)],
                "log 2 of block 1 is listed after one that comes later",
            ),
        ] {
            assert!(confirm(&logs).unwrap_err().to_string().ends_with(what), "{what}");
            // Whoever follows puts it right.
            if what.contains("after") {
                read(&logs).unwrap();
            }
        }
    }

    #[test]
    fn a_place_that_no_contract_makes_is_refused() {
        let good = U256::from(ORIGIN.bits()) << 96 | U256::from(4) << 64 | U256::from(9);
        let read = |place: U256| {
            let mut word = [0; 32];
            place.to_big_endian(&mut word);
            read_place(&word)
        };
        assert_eq!(read(good), Some((ORIGIN, 4, 9)));
        assert_eq!(read(good | U256::one() << 160), None, "bits before it");
        assert_eq!(read(good | U256::one() << 128), None, "an index as large as the count");
        assert_eq!(read(U256::from(9)), None, "a commit of nothing");
    }

    #[test]
    fn logs_that_nobody_asked_for_are_refused() {
        let good = || appended_log(1, 0, 1, 1, b"one");
        let with = |key: &str, value: Value| {
            let mut log = good();
            log[key] = value;
            log
        };
        for logs in [
            vec![appended_log(10, 0, 1, 1, b"one")],
            vec![with("address", json!(hex::encode(&[1; 20])))],
            vec![with("blockHash", Value::Null)],
            vec![with("data", json!("0x"))],
            vec![with("topics", json!([APPENDED]))],
            vec![with("topics", json!([COMMIT_REJECTED, APPENDED]))],
            vec![good(), appended_log(1, 0, 1, 1, b"two")],
        ] {
            assert!(matches!(read(&logs), Err(ChainError::Malformed(_))), "{logs:?}");
        }
    }

    #[test]
    fn a_blocks_time_is_told_by_its_logs_or_not_at_all() {
        let timed = |time: Value| {
            let mut log = appended_log(1, 0, 1, 1, b"one");
            log["blockTimestamp"] = time;
            read(&[log]).map(|blocks| blocks[0].timestamp)
        };
        assert_eq!(timed(json!("0x65f1")), Ok(Some(0x65f1)));
        for untold in [json!(null), json!("0x0"), json!(26097), json!("26097"), json!("")] {
            assert_eq!(timed(untold.clone()), Ok(None), "{untold}");
        }
    }

    #[test]
    fn a_block_with_two_times_is_a_contradiction() {
        let logs = |times: [Value; 2]| {
            let [mut one, mut other] = [appended_log(1, 0, 1, 1, b"one"), appended_log(1, 1, 2, 2, b"two")];
            [one["blockTimestamp"], other["blockTimestamp"]] = times;
            read(&[one, other])
        };
        assert!(logs([json!("0x1"), json!("0x1")]).is_ok());
        for times in [[json!("0x1"), json!("0x2")], [json!("0x1"), json!(null)]] {
            assert!(
                matches!(logs(times.clone()), Err(ChainError::Inconsistent(_))),
                "{times:?}"
            );
        }
    }

    #[test]
    fn a_log_that_was_removed_does_not_count() {
        let mut removed = appended_log(1, 0, 1, 1, b"other");
        removed["removed"] = json!(true);
        let alone = read(&[appended_log(1, 0, 1, 1, b"one")]);
        assert_eq!(read(&[removed, appended_log(1, 0, 1, 1, b"one")]), alone);
    }

    #[test]
    fn a_block_with_two_hashes_is_a_contradiction() {
        let mut other = appended_log(1, 1, 2, 2, b"two");
        other["blockHash"] = json!(hex::encode(&[1; 32]));
        assert!(matches!(
            read(&[appended_log(1, 0, 1, 1, b"one"), other]),
            Err(ChainError::Inconsistent(_))
        ));
    }

    proptest! {
        #[test]
        fn logs_in_any_order_and_shown_any_number_of_times_read_alike(
            shown in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
            order in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let logs: Vec<Value> = (0..6)
                .map(|place| match place % 3 {
                    2 => rejected_log(1 + place / 3, place % 3),
                    _ => appended_log(1 + place / 3, place % 3, 1 + place, 1 + place, b"one"),
                })
                .collect();
            let mut shuffled: Vec<Value> = order.iter().map(|place| logs[*place].clone()).collect();
            shuffled.extend(shown.iter().map(|index| index.get(&logs).clone()));
            prop_assert_eq!(read(&shuffled).unwrap(), read(&logs).unwrap());
        }

        #[test]
        fn a_payload_of_any_length_reads_back(payload in prop::collection::vec(any::<u8>(), 1..200)) {
            let blocks = read(&[appended_log(1, 0, 1, 1, &payload)]).unwrap();
            prop_assert_eq!(&blocks[0].appended[0].payload[..], &payload[..]);
        }

        #[test]
        fn no_data_makes_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,40}") {
            let data = hex::encode(&bytes);
            let _ = (appended(&data, &data, [0; 32]), rejected(&data, [0; 32]));
            let _ = (appended(&text, &text, [0; 32]), rejected(&text, [0; 32]));
        }

        #[test]
        fn a_changed_digit_never_panics(at in 0usize..400, digit in "[0-9a-fx]") {
            let mut log = appended_log(1, 0, 1, 1, b"one");
            let mut data = log["data"].as_str().unwrap().to_owned();
            let at = at % data.len();
            data.replace_range(at..=at, &digit);
            log["data"] = json!(data);
            let _ = read(&[log]);
        }
    }
}
