//! Lies, by kind. Each changes one answer of a recording, or several to match.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::meaning::HEADER;
use crate::node::{Question, Recording, Said};
use fixtures::random::Random;

/// What a node says instead of the truth.
#[derive(Clone, Default, Debug)]
pub(crate) struct Lie(BTreeMap<Question, Said>);

impl Lie {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn answer(&self, question: &str) -> Option<&Said> {
        self.0.get(question)
    }

    pub(crate) fn answers(&self) -> impl Iterator<Item = (&Question, &Said)> {
        self.0.iter()
    }

    fn one(question: &str, answer: Value) -> Self {
        Self(BTreeMap::from([(question.to_owned(), Said::Result(answer))]))
    }

    fn and(mut self, question: &str, answer: Value) -> Self {
        self.0.insert(question.to_owned(), Said::Result(answer));
        self
    }
}

/// Makes a lie, unless these numbers lead to none.
type Make = fn(&Recording, &mut Random) -> Option<Lie>;

/// All kinds.
pub(crate) const KINDS: &[(&str, Make)] = &[
    ("header: a field is changed", header_changed),
    ("header: a field is left out", header_cut),
    ("header: the block is left out", header_omitted),
    ("header: another block's", header_swapped),
    ("header: changed, and its child relinked", header_relinked),
    (
        "header: said to be of an empty block, with all that it holds",
        block_emptied,
    ),
    ("transactions: one is left out", transaction_omitted),
    ("transactions: one is shown twice", transaction_doubled),
    ("transactions: two are swapped", transactions_swapped),
    ("transactions: a field is changed", transaction_changed),
    ("transactions: another block's", transactions_of_another),
    ("receipt: left out", receipt_omitted),
    ("receipt: another transaction's", receipt_swapped),
    ("receipt: status, gas or bloom filter is changed", receipt_changed),
    ("receipt: a log is left out", log_omitted),
    ("receipt: a log is invented", log_invented),
    ("receipt: two logs are swapped", logs_swapped),
    ("receipt: a log is moved to another transaction", log_moved),
    ("receipt: a payload is changed", payload_changed),
    ("receipt: stream, place or address is changed", log_changed),
    ("list: an entry is left out", listed_omitted),
    ("list: an entry is invented", listed_invented),
    ("list: a payload is changed", listed_payload),
    ("list: an entry is in another block", listed_in_another_block),
    (
        "list: an entry is of another transaction",
        listed_of_another_transaction,
    ),
    ("list: two entries change places", listed_swapped),
    ("list: written in another order", listed_reordered),
    ("list: an entry is shown twice", listed_twice),
    ("list: cut short", listed_short),
    ("list: an entry is called removed", listed_removed),
    ("list: another field is changed", listed_changed),
    (
        "receipt and list: the same payload is changed",
        payload_changed_everywhere,
    ),
    ("receipt and list: an entry is left out", omitted_everywhere),
    ("proof: a node of the trie is changed", proof_changed),
    ("proof: a node of the trie is left out", proof_cut),
    ("proof: the head is changed", proof_of_another_head),
    ("proof: the account is changed", proof_of_another_account),
    ("proof: a slot is left out, or another's", proof_of_another_slot),
    ("proof: refused", proof_refused),
    ("proof: none is given", proof_withheld),
    ("anything is changed anywhere", anything),
    ("anything is left out anywhere", anything_cut),
];

/// Without an entry in the node's list.
pub(crate) fn without_in_list(recording: &Recording, position: u64) -> Lie {
    let (question, list) = the_list(recording);
    let list = list.iter().filter(|log| position_of(log) != Some(position));
    Lie::one(question, list.cloned().collect())
}

/// Without an entry in the list and in the receipts.
pub(crate) fn without_anywhere(recording: &Recording, position: u64) -> Lie {
    let mut lie = without_in_list(recording, position);
    for (question, receipt) in recording.of("eth_getTransactionReceipt") {
        let logs = receipt["logs"].as_array().unwrap();
        if logs.iter().any(|log| position_of(log) == Some(position)) {
            let mut receipt = receipt.clone();
            let kept = logs.iter().filter(|log| position_of(log) != Some(position));
            receipt["logs"] = kept.cloned().collect();
            lie = lie.and(question, receipt);
        }
    }
    lie
}

/// The position of an entry, of whatever contract.
fn position_of(log: &Value) -> Option<u64> {
    let topics = log["topics"].as_array()?;
    let data = log["data"].as_str()?;
    (topics.len() == 2).then_some(())?;
    // A foreign contract logs one word; ours has at least four.
    (data.len() > 2 + 3 * 64).then_some(())?;
    u64::from_str_radix(data.get(2 + 48..2 + 64)?, 16).ok()
}

fn the_list(recording: &Recording) -> (&Question, &Vec<Value>) {
    let (question, list) = recording.of("eth_getLogs").next().unwrap();
    (question, list.as_array().unwrap())
}

fn headers(recording: &Recording) -> Vec<(&Question, &Value)> {
    let by_hash = recording
        .of("eth_getBlockByHash")
        .filter(|(question, _)| question.contains("false"));
    recording.of("eth_getBlockByNumber").chain(by_hash).collect()
}

fn blocks(recording: &Recording) -> Vec<(&Question, &Value)> {
    recording
        .of("eth_getBlockByHash")
        .filter(|(question, _)| question.contains("true"))
        .collect()
}

fn receipts(recording: &Recording) -> Vec<(&Question, &Value)> {
    recording.of("eth_getTransactionReceipt").collect()
}

fn proof(recording: &Recording) -> (&Question, Value) {
    let (question, proof) = recording.of("eth_getProof").next().unwrap();
    (question, proof.clone())
}

/// One of these, with a change.
fn changed(
    of: &[(&Question, &Value)],
    random: &mut Random,
    change: impl FnOnce(&mut Value, &mut Random) -> Option<()>,
) -> Option<Lie> {
    let (question, answer) = random.one(of)?;
    let mut lie = (*answer).clone();
    change(&mut lie, random)?;
    (lie != **answer).then(|| Lie::one(question, lie))
}

/// Another value of the kind that stands there.
fn twist(value: &mut Value, random: &mut Random) -> Option<()> {
    *value = match &*value {
        Value::String(text) => {
            let digits = text.strip_prefix("0x")?;
            if digits.is_empty() {
                json!("0x01")
            } else {
                let at = random.below(digits.len());
                let digit = digits.chars().nth(at)?.to_digit(16)?;
                let other = char::from_digit((digit + 1 + u32::try_from(random.below(15)).ok()?) % 16, 16)?;
                let mut twisted: Vec<char> = digits.chars().collect();
                twisted[at] = other;
                json!(format!("0x{}", twisted.into_iter().collect::<String>()))
            }
        }
        Value::Number(number) => json!(number.as_u64()? ^ (1 << random.below(16))),
        Value::Bool(is) => json!(!is),
        Value::Null => json!("0x1"),
        Value::Array(_) | Value::Object(_) => return None,
    };
    Some(())
}

fn twist_one_of(answer: &mut Value, fields: &[&str], random: &mut Random) -> Option<()> {
    let field = random.one(fields)?;
    twist(answer.get_mut(*field)?, random)
}

fn header_changed(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&headers(recording), random, |header, random| {
        twist_one_of(header, &HEADER, random)
    })
}

fn header_cut(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&headers(recording), random, |header, random| {
        let field = random.one(&HEADER)?;
        header.as_object_mut()?.remove(*field).map(drop)
    })
}

fn header_omitted(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&headers(recording), random, |header, _| {
        *header = Value::Null;
        Some(())
    })
}

fn header_swapped(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let headers = headers(recording);
    changed(&headers, random, |header, random| {
        *header = random.one(&headers)?.1.clone();
        Some(())
    })
}

fn header_relinked(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let headers = headers(recording);
    let (question, header) = random.one(&headers)?;
    let (mut lie, mut hash) = ((*header).clone(), header["hash"].clone());
    twist_one_of(&mut lie, &HEADER, random)?;
    twist(&mut hash, random)?;
    let (of_child, child) = headers
        .iter()
        .find(|(_, child)| child["parentHash"] == header["hash"])?;
    let mut relinked = (*child).clone();
    relinked["parentHash"] = hash.clone();
    lie["hash"] = hash;
    Some(Lie::one(question, lie).and(of_child, relinked))
}

fn block_emptied(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let headers = headers(recording);
    let (question, header) = random.one(&headers)?;
    if header["transactions"].as_array()?.is_empty() {
        return None;
    }
    let empty = json!("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    let mut lie = (*header).clone();
    lie["transactionsRoot"] = empty.clone();
    lie["receiptsRoot"] = empty;
    lie["logsBloom"] = json!(format!("0x{}", "0".repeat(512)));
    lie["transactions"] = json!([]);
    let (of_list, list) = the_list(recording);
    let kept = list.iter().filter(|log| log["blockHash"] != header["hash"]);
    Some(Lie::one(question, lie).and(of_list, kept.cloned().collect()))
}

fn transactions(block: &mut Value) -> Option<&mut Vec<Value>> {
    block.get_mut("transactions")?.as_array_mut()
}

fn transaction_omitted(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&blocks(recording), random, |block, random| {
        let list = transactions(block)?;
        let at = random.below(list.len());
        list.remove(at);
        Some(())
    })
}

fn transaction_doubled(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&blocks(recording), random, |block, random| {
        let list = transactions(block)?;
        let one = random.one(list)?.clone();
        list.insert(random.below(list.len() + 1), one);
        Some(())
    })
}

fn transactions_swapped(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&blocks(recording), random, |block, random| {
        let list = transactions(block)?;
        let (first, second) = random.two(list.len())?;
        list.swap(first, second);
        Some(())
    })
}

fn transaction_changed(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let fields = [
        "hash",
        "type",
        "nonce",
        "gas",
        "to",
        "value",
        "input",
        "r",
        "s",
        "chainId",
        "maxFeePerGas",
        "maxPriorityFeePerGas",
        "gasPrice",
        "v",
        "yParity",
        "from",
        "transactionIndex",
        "blockHash",
    ];
    changed(&blocks(recording), random, |block, random| {
        let list = transactions(block)?;
        let at = random.below(list.len());
        twist_one_of(&mut list[at], &fields, random)
    })
}

fn transactions_of_another(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let blocks = blocks(recording);
    changed(&blocks, random, |block, random| {
        block["transactions"] = random.one(&blocks)?.1["transactions"].clone();
        Some(())
    })
}

fn receipt_omitted(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&receipts(recording), random, |receipt, _| {
        *receipt = Value::Null;
        Some(())
    })
}

fn receipt_swapped(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let receipts = receipts(recording);
    changed(&receipts, random, |receipt, random| {
        *receipt = random.one(&receipts)?.1.clone();
        Some(())
    })
}

fn receipt_changed(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let fields = [
        "type",
        "status",
        "cumulativeGasUsed",
        "logsBloom",
        "transactionHash",
        "transactionIndex",
        "blockHash",
        "blockNumber",
        "from",
        "to",
    ];
    changed(&receipts(recording), random, |receipt, random| {
        twist_one_of(receipt, &fields, random)
    })
}

fn logs(receipt: &mut Value) -> Option<&mut Vec<Value>> {
    receipt.get_mut("logs")?.as_array_mut().filter(|logs| !logs.is_empty())
}

fn log_omitted(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&receipts(recording), random, |receipt, random| {
        let logs = logs(receipt)?;
        let at = random.below(logs.len());
        logs.remove(at);
        Some(())
    })
}

fn log_invented(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&receipts(recording), random, |receipt, random| {
        let logs = logs(receipt)?;
        let mut invented = random.one(logs)?.clone();
        twist(invented.get_mut("data")?, random)?;
        logs.insert(random.below(logs.len() + 1), invented);
        Some(())
    })
}

fn logs_swapped(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&receipts(recording), random, |receipt, random| {
        let logs = logs(receipt)?;
        let (first, second) = random.two(logs.len())?;
        logs.swap(first, second);
        Some(())
    })
}

fn log_moved(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let receipts = receipts(recording);
    let (from, to) = random.two(receipts.len())?;
    let ((of_one, one), (of_other, other)) = (receipts[from], receipts[to]);
    let (mut one, mut other) = (one.clone(), other.clone());
    let logs = logs(&mut one)?;
    let moved = logs.remove(random.below(logs.len()));
    other.get_mut("logs")?.as_array_mut()?.push(moved);
    Some(Lie::one(of_one, one).and(of_other, other))
}

/// Changes a digit of a payload, behind place, offset and length; not of its padding.
fn twist_payload(log: &mut Value, random: &mut Random) -> Option<()> {
    const HEAD: usize = 2 + 3 * 64;
    position_of(log)?;
    let data = log["data"].as_str()?.to_owned();
    let length = usize::from_str_radix(data.get(HEAD - 16..HEAD)?, 16).ok()?;
    let at = HEAD + random.below(2 * length);
    let digit = data.chars().nth(at)?.to_digit(16)?;
    let other = char::from_digit(digit ^ 1, 16)?;
    let mut changed = data;
    changed.replace_range(at..=at, &other.to_string());
    log["data"] = json!(changed);
    Some(())
}

fn payload_changed(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&receipts(recording), random, |receipt, random| {
        let logs = logs(receipt)?;
        let at = random.below(logs.len());
        twist_payload(&mut logs[at], random)
    })
}

fn log_changed(recording: &Recording, random: &mut Random) -> Option<Lie> {
    changed(&receipts(recording), random, |receipt, random| {
        let logs = logs(receipt)?;
        let at = random.below(logs.len());
        let log = &mut logs[at];
        match random.below(3) {
            0 => twist(log.get_mut("address")?, random),
            1 => {
                let topics = log.get_mut("topics")?.as_array_mut()?;
                let at = random.below(topics.len());
                twist(&mut topics[at], random)
            }
            _ => twist(log.get_mut("data")?, random),
        }
    })
}

fn listed(
    recording: &Recording,
    random: &mut Random,
    change: impl FnOnce(&mut Vec<Value>, &mut Random) -> Option<()>,
) -> Option<Lie> {
    let (question, list) = the_list(recording);
    let mut lie = list.clone();
    change(&mut lie, random)?;
    (lie != *list).then(|| Lie::one(question, lie.into()))
}

fn listed_omitted(recording: &Recording, random: &mut Random) -> Option<Lie> {
    listed(recording, random, |list, random| {
        let at = random.below(list.len());
        list.remove(at);
        Some(())
    })
}

fn listed_invented(recording: &Recording, random: &mut Random) -> Option<Lie> {
    listed(recording, random, |list, random| {
        let mut invented = random.one(list)?.clone();
        let field = *random.one(&["blockNumber", "logIndex"])?;
        twist(invented.get_mut(field)?, random)?;
        list.push(invented);
        Some(())
    })
}

fn listed_payload(recording: &Recording, random: &mut Random) -> Option<Lie> {
    listed(recording, random, |list, random| {
        let at = random.below(list.len());
        twist_payload(&mut list[at], random)
    })
}

fn listed_in_another_block(recording: &Recording, random: &mut Random) -> Option<Lie> {
    listed(recording, random, |list, random| {
        let (one, other) = random.two(list.len())?;
        for field in ["blockNumber", "blockHash", "logIndex"] {
            list[one][field] = list[other][field].clone();
        }
        Some(())
    })
}

fn listed_of_another_transaction(recording: &Recording, random: &mut Random) -> Option<Lie> {
    listed(recording, random, |list, random| {
        let (one, other) = random.two(list.len())?;
        list[one]["transactionHash"] = list[other]["transactionHash"].clone();
        list[one]["transactionIndex"] = list[other]["transactionIndex"].clone();
        Some(())
    })
}

fn listed_swapped(recording: &Recording, random: &mut Random) -> Option<Lie> {
    listed(recording, random, |list, random| {
        let (one, other) = random.two(list.len())?;
        for field in ["topics", "data"] {
            let kept = list[one][field].take();
            list[one][field] = list[other][field].take();
            list[other][field] = kept;
        }
        Some(())
    })
}

fn listed_reordered(recording: &Recording, random: &mut Random) -> Option<Lie> {
    listed(recording, random, |list, random| {
        let (one, other) = random.two(list.len())?;
        list.swap(one, other);
        Some(())
    })
}

fn listed_twice(recording: &Recording, random: &mut Random) -> Option<Lie> {
    listed(recording, random, |list, random| {
        let at = random.below(list.len());
        list.insert(at, list[at].clone());
        Some(())
    })
}

fn listed_short(recording: &Recording, random: &mut Random) -> Option<Lie> {
    listed(recording, random, |list, random| {
        list.truncate(random.below(list.len()));
        Some(())
    })
}

fn listed_removed(recording: &Recording, random: &mut Random) -> Option<Lie> {
    listed(recording, random, |list, random| {
        let at = random.below(list.len());
        list[at]["removed"] = json!(true);
        Some(())
    })
}

fn listed_changed(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let fields = [
        "address",
        "data",
        "blockNumber",
        "blockHash",
        "transactionHash",
        "transactionIndex",
        "logIndex",
        "removed",
    ];
    listed(recording, random, |list, random| {
        let at = random.below(list.len());
        twist_one_of(&mut list[at], &fields, random)
    })
}

fn payload_changed_everywhere(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let (of_list, list) = the_list(recording);
    let mut list = list.clone();
    let at = random.below(list.len());
    let position = position_of(&list[at])?;
    twist_payload(&mut list[at], random)?;
    let data = list[at]["data"].clone();
    for (question, receipt) in receipts(recording) {
        let mut receipt = receipt.clone();
        let logs = receipt.get_mut("logs")?.as_array_mut()?;
        if let Some(log) = logs.iter_mut().find(|log| position_of(log) == Some(position)) {
            log["data"] = data;
            return Some(Lie::one(of_list, list.into()).and(question, receipt));
        }
    }
    None
}

fn omitted_everywhere(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let (_, list) = the_list(recording);
    Some(without_anywhere(recording, position_of(random.one(list)?)?))
}

fn proof_nodes<'a>(proof: &'a mut Value, random: &mut Random) -> Option<&'a mut Vec<Value>> {
    match random.below(3) {
        0 => proof.get_mut("accountProof")?.as_array_mut(),
        slot => proof
            .pointer_mut(&format!("/storageProof/{}/proof", slot - 1))?
            .as_array_mut(),
    }
}

fn proof_changed(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let (question, mut proof) = proof(recording);
    let nodes = proof_nodes(&mut proof, random)?;
    let at = random.below(nodes.len());
    twist(&mut nodes[at], random)?;
    Some(Lie::one(question, proof))
}

fn proof_cut(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let (question, mut proof) = proof(recording);
    let nodes = proof_nodes(&mut proof, random)?;
    let at = random.below(nodes.len());
    nodes.remove(at);
    Some(Lie::one(question, proof))
}

fn proof_of_another_head(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let (question, mut proof) = proof(recording);
    let slots = proof["storageProof"].as_array()?.len();
    twist(
        proof.pointer_mut(&format!("/storageProof/{}/value", random.below(slots)))?,
        random,
    )?;
    Some(Lie::one(question, proof))
}

fn proof_of_another_account(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let (question, mut proof) = proof(recording);
    twist_one_of(&mut proof, &["balance", "codeHash", "nonce", "storageHash"], random)?;
    Some(Lie::one(question, proof))
}

fn proof_of_another_slot(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let (question, mut proof) = proof(recording);
    let slots = proof.get_mut("storageProof")?.as_array_mut()?;
    let other = random.two(slots.len());
    match (random.below(3), other) {
        (0, _) => {
            slots.remove(random.below(slots.len()));
        }
        (1, Some((one, other))) => {
            let key = slots[one]["key"].take();
            slots[one]["key"] = slots[other]["key"].take();
            slots[other]["key"] = key;
        }
        _ => {
            let at = random.below(slots.len());
            twist(&mut slots[at]["key"], random)?;
        }
    }
    Some(Lie::one(question, proof))
}

fn proof_refused(recording: &Recording, _: &mut Random) -> Option<Lie> {
    let (by_hash, proof) = recording.of("eth_getProof").next()?;
    let _ = proof;
    Some(Lie(BTreeMap::from([(by_hash.clone(), Said::Refusal)])))
}

fn proof_withheld(recording: &Recording, _: &mut Random) -> Option<Lie> {
    Some(without_proof(recording))
}

/// With nothing for a proof of state.
pub(crate) fn without_proof(recording: &Recording) -> Lie {
    let questions = recording.of("eth_getProof");
    questions.fold(Lie::none(), |lie, (question, _)| lie.and(question, Value::Null))
}

/// The places of all values within a value that hold no others.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                leaves(value, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (field, value) in fields {
                leaves(value, &format!("{at}/{field}"), found);
            }
        }
        _ => found.push(at.to_owned()),
    }
}

fn anything(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let all: Vec<_> = recording.all().collect();
    changed(&all, random, |answer, random| {
        let mut places = Vec::new();
        leaves(answer, "", &mut places);
        twist(answer.pointer_mut(random.one(&places)?)?, random)
    })
}

fn anything_cut(recording: &Recording, random: &mut Random) -> Option<Lie> {
    let all: Vec<_> = recording.all().collect();
    changed(&all, random, |answer, random| {
        let mut places = Vec::new();
        leaves(answer, "", &mut places);
        let (parent, last) = random.one(&places)?.rsplit_once('/')?;
        match answer.pointer_mut(parent)? {
            Value::Array(list) => drop(list.remove(last.parse().ok()?)),
            Value::Object(fields) => drop(fields.remove(last)),
            _ => return None,
        }
        Some(())
    })
}
