//! A small log in which everything happens that can: several namespaces and writers, commits of several entries and streams, rejected ones,
//! strangers, a namespace that changes hands, another contract that logs what looks like entries.

use std::path::PathBuf;
use std::sync::Arc;

use api_audit::{Audit, ChapterReport, verify};
use api_dev::anvil::{Anvil, AnvilOptions, Mining};
use api_dev::tools::{AnvilTool, silent};
use infrastructure::chain::codec::append_calldata;
use infrastructure::chain::contract::{
    APPENDED, accept_namespace, admit, bytecode, dismiss, open_namespace, transfer_namespace,
};
use infrastructure::chain::{Address, Hash, Node, keccak256};
use infrastructure::log::{Commit, Namespace, Payload, StreamPart, StreamTip};
use serde_json::{Value, json};

use crate::node::{Recorder, Recording, over};

/// See the [module](self).
pub(crate) struct SmallLog {
    anvil: Anvil,
    /// A chain that this one continues, so that it has no state roots.
    _forked: Option<Anvil>,
    _folder: tempfile::TempDir,
    pub(crate) chain_id: u64,
    pub(crate) accounts: Vec<Address>,
    pub(crate) contract: Address,
    /// The hash of the newest block.
    pub(crate) trusted: Hash,
    tips: std::collections::BTreeMap<[u8; 32], StreamTip>,
}

const SEALED: Namespace = Namespace(1);
const SHARED: Namespace = Namespace(2);
const PLAIN: Namespace = Namespace(3);

impl SmallLog {
    /// On a chain with state roots.
    pub(crate) async fn start() -> Self {
        let mut log = Self::on(None).await;
        log.fill().await;
        log
    }

    /// A contract in which nobody has written.
    pub(crate) async fn empty() -> Self {
        Self::on(None).await
    }

    /// On a chain without state roots: one that continues another.
    pub(crate) async fn on_a_fork() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let forked = anvil(folder.path().join("forked.log"), None).await;
        let mut log = Self::on(Some(forked)).await;
        log.fill().await;
        log
    }

    async fn on(forked: Option<Anvil>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = forked.as_ref().map(|node| node.url().to_owned());
        let anvil = anvil(folder.path().join("anvil.log"), url).await;
        let accounts: Vec<Address> = anvil.rpc().call("eth_accounts", json!([])).await.unwrap();
        let mut log = Self {
            anvil,
            _forked: forked,
            _folder: folder,
            chain_id: api_dev::CHAIN_ID,
            accounts,
            contract: Address([0; 20]),
            trusted: [0; 32],
            tips: std::collections::BTreeMap::new(),
        };
        log.mine(2).await;
        let creation = bytecode().unwrap().creation;
        let hash = log.send(0, None, &creation, json!({})).await;
        log.mine(1).await;
        let receipt: Value = log.call("eth_getTransactionReceipt", json!([hash])).await;
        log.contract = receipt["contractAddress"].as_str().unwrap().parse().unwrap();
        log.trust().await;
        log
    }

    pub(crate) async fn live_node(&self) -> Node {
        Node::discover(
            &[self.anvil.url().to_owned()],
            infrastructure::chain::RpcOptions::default(),
        )
        .await
        .unwrap()
    }

    pub(crate) fn url(&self) -> &str {
        self.anvil.url()
    }

    /// Streams of some entries, with names.
    pub(crate) fn streams(&self) -> [(&'static str, [u8; 32]); 3] {
        ["a", "b", "c"].map(|name| (name, SEALED.stream(name.as_bytes()).0))
    }

    /// Holds what was proved of a stream against what was done.
    pub(crate) fn check_stream(&self, report: &ChapterReport) {
        let tip = self.tips[&report.stream.0];
        assert_eq!(
            (report.version, report.entries.len() as u64),
            (tip.version, tip.version)
        );
        assert_eq!(report.tag.to_string(), hex::encode_prefixed(tip.head().tag));
        let versions = report.entries.iter().map(|entry| entry.version);
        assert!(versions.eq(1..=tip.version));
        assert!(
            report
                .entries
                .iter()
                .all(|entry| entry.block_time.is_some() && entry.state.is_none())
        );
    }

    /// An audit of the live node, and everything that it answered.
    pub(crate) async fn recorded(&self) -> (Recording, Audit) {
        let recorder = Arc::new(Recorder::default());
        let node = over(Arc::clone(&recorder) as _, self.anvil.url(), self.chain_id);
        let audit = verify(&node, self.contract, self.trusted, &|_| ()).await.unwrap();
        (recorder.recording(), audit)
    }

    /// Holds what was proved against what was done.
    pub(crate) fn check(&self, audit: &Audit) {
        let proved = audit.report.proved.as_ref().expect("something is proved");
        assert_eq!(proved.entries, audit.entries().count() as u64);
        assert_eq!(proved.rejected_commits, 5);
        let namespaces: Vec<_> = proved.namespaces.iter().collect();
        assert_eq!(namespaces.len(), 3);
        let writers = |number: usize| {
            let writers = namespaces[number].writers.iter();
            writers
                .map(|writer| (writer.number, writer.account))
                .collect::<Vec<_>>()
        };
        assert_eq!(writers(0), [(2, self.accounts[1]), (3, self.accounts[0])]);
        assert_eq!(namespaces[1].owner, self.accounts[2]);
        assert_eq!((namespaces[2].is_sealed, namespaces[2].entries), (false, 3));
        for (stream, tip) in &self.tips {
            let of_stream = audit.entries().filter(|entry| entry.place.stream == Some(*stream));
            let last = of_stream.last().unwrap();
            assert_eq!((last.version, last.payload_hash), (tip.version, tip.hash));
        }
    }

    async fn fill(&mut self) {
        let opened = |is_sealed, delay| open_namespace(is_sealed, delay);
        self.act(0, &opened(true, 0)).await;
        self.act(1, &opened(true, 60)).await;
        self.act(2, &opened(false, 0)).await;
        self.mine(1).await;
        self.act(0, &admit(SEALED, self.accounts[0])).await;
        self.act(0, &admit(SEALED, self.accounts[1])).await;
        self.act(1, &admit(SHARED, self.accounts[0])).await;
        self.act(2, &admit(PLAIN, self.accounts[3])).await;
        self.mine(3).await;

        let [a, b, c] = [*b"a", *b"b", *b"c"].map(|name| SEALED.stream(&name).0);
        let shared = SHARED.stream(b"calendar").0;
        // One commit, several, one of several entries, one over two namespaces.
        let first = self.commit(&[(a, &["one"])]);
        self.append(0, &[first]).await;
        self.mine(2).await;
        let second = self.commit(&[(a, &["two", "three"])]);
        let third = self.commit(&[(b, &["four"])]);
        let across = self.commit(&[(b, &["five"]), (shared, &["six", "seven"]), (c, &["eight"])]);
        self.append(0, &[second.clone(), third, across]).await;
        // A copy of one that is taken; and one of somebody who is no writer of the second namespace.
        self.append(1, &[second]).await;
        let (kept, foreign) = (self.tips.clone(), self.commit(&[(shared, &["not mine"])]));
        self.tips = kept;
        self.append(1, &[foreign]).await;
        self.mine(1).await;
        let transaction = json!({ "gasPrice": "0x4a817c800" });
        let by_legacy = self.commit(&[(a, &["nine"])]);
        self.append_as(1, &[by_legacy], transaction).await;
        let list = json!({ "gasPrice": "0x4a817c800", "accessList": [{ "address": self.contract, "storageKeys": [word(4), word(5)] }] });
        let with_list = self.commit(&[(c, &["ten, which is longer than a word of the contract's memory"])]);
        self.append_as(0, &[with_list], list).await;
        self.foreign_log(a).await;
        self.mine(2).await;

        // What is plain, and a stranger's attempt.
        self.act(3, &record(PLAIN.stream(b"consents").0, b"granted")).await;
        self.act(3, &record(PLAIN.stream(b"consents").0, b"revoked")).await;
        self.mine(1).await;
        self.act(3, &record(PLAIN.stream(b"prices").0, b"12")).await;
        self.act(0, &publish(SEALED, b"profile")).await;
        // A writer goes, tries again, and comes back under another number.
        self.act(0, &dismiss(SEALED, self.accounts[0])).await;
        self.mine(1).await;
        let (kept, late) = (self.tips.clone(), self.commit(&[(a, &["too late"]), (b, &["as well"])]));
        self.tips = kept;
        let stale = Commit {
            parts: vec![StreamPart {
                expected: StreamTip::default().head(),
                ..late.parts[0].clone()
            }],
            ..late.clone()
        };
        self.append(0, &[late, stale]).await;
        self.act(0, &admit(SEALED, self.accounts[0])).await;
        self.mine(1).await;
        let back = self.commit(&[(a, &["eleven"])]);
        self.append(0, &[back]).await;
        // The second namespace changes hands, by way of an offer that is taken back.
        self.act(1, &transfer_namespace(SHARED, self.accounts[3])).await;
        self.act(1, &transfer_namespace(SHARED, Address([0; 20]))).await;
        self.act(1, &transfer_namespace(SHARED, self.accounts[2])).await;
        self.mine(1).await;
        self.call("evm_increaseTime", json!([120])).await;
        self.mine(1).await;
        self.act(2, &accept_namespace(SHARED)).await;
        self.mine(1).await;
        let last = self.commit(&[(a, &["twelve"]), (b, &["thirteen"])]);
        self.append(0, std::slice::from_ref(&last)).await;
        self.append(1, &[last]).await;
        self.mine(4).await;
        self.trust().await;
    }

    /// A commit on the streams' heads, which are moved on.
    fn commit(&mut self, parts: &[([u8; 32], &[&str])]) -> Commit {
        let parts = parts.iter().map(|(stream, payloads)| {
            let tip = self.tips.entry(*stream).or_default();
            let expected = tip.head();
            let payloads: Vec<Payload> = payloads
                .iter()
                .map(|payload| Payload::from(payload.as_bytes()))
                .collect();
            *tip = payloads.iter().fold(*tip, |tip, payload| tip.after(payload));
            StreamPart {
                stream: application::log::StreamId(*stream),
                expected,
                payloads,
            }
        });
        Commit {
            command_id: serde_json::from_value(json!("00000000-0000-0000-0000-000000000000")).unwrap(),
            parts: parts.collect(),
        }
    }

    async fn append(&self, from: usize, commits: &[Commit]) {
        self.append_as(from, commits, json!({})).await;
    }

    async fn append_as(&self, from: usize, commits: &[Commit], further: Value) {
        let data = append_calldata(commits).unwrap();
        self.send(from, Some(self.contract), &data, further).await;
    }

    async fn act(&self, from: usize, data: &[u8]) {
        self.send(from, Some(self.contract), data, json!({})).await;
    }

    /// Another contract logs what looks like an entry of ours.
    async fn foreign_log(&self, stream: [u8; 32]) {
        let topic = hex::decode(APPENDED).unwrap();
        let code = [&[0x7f][..], &stream, &[0x7f], &topic, &[0x60, 0x20, 0x60, 0, 0xa2, 0]].concat();
        self.send(2, None, &code, json!({})).await;
    }

    /// Hands a transaction over; it waits for a block.
    async fn send(&self, from: usize, to: Option<Address>, data: &[u8], further: Value) -> Value {
        let mut transaction =
            json!({ "from": self.accounts[from], "gas": "0x7a1200", "data": hex::encode_prefixed(data) });
        let fields = transaction.as_object_mut().unwrap();
        fields.extend(to.map(|to| ("to".to_owned(), json!(to))));
        fields.extend(further.as_object().unwrap().clone());
        self.call("eth_sendTransaction", json!([transaction])).await
    }

    async fn mine(&self, blocks: u64) {
        for _ in 0..blocks {
            self.call("evm_mine", json!([])).await;
        }
    }

    async fn trust(&mut self) {
        let block = self.call("eth_getBlockByNumber", json!(["latest", false])).await;
        hex::decode_to_slice(block["hash"].as_str().unwrap(), &mut self.trusted).unwrap();
    }

    async fn call(&self, method: &'static str, params: Value) -> Value {
        self.anvil.rpc().call(method, params).await.expect(method)
    }
}

async fn anvil(log: PathBuf, fork_of: Option<String>) -> Anvil {
    let tool = AnvilTool::find(&silent).await.expect("Anvil");
    let options = AnvilOptions {
        mining: Mining::OnDemand,
        fork_of,
        genesis_time: Some(1_800_000_000),
        ..AnvilOptions::new(log)
    };
    Anvil::start(&tool, &options).await.expect("Anvil")
}

fn word(number: u8) -> String {
    format!("0x{number:064x}")
}

/// The calldata of a function that takes a word and bytes.
fn with_bytes(signature: &str, first: [u8; 32], bytes: &[u8]) -> Vec<u8> {
    let mut data = keccak256(signature.as_bytes())[..4].to_vec();
    data.extend(first);
    for number in [64, bytes.len()] {
        data.extend([0; 24]);
        data.extend((number as u64).to_be_bytes());
    }
    data.extend(bytes);
    data.resize(4 + 32 * (3 + bytes.len().div_ceil(32)), 0);
    data
}

fn record(stream: [u8; 32], payload: &[u8]) -> Vec<u8> {
    with_bytes("record(bytes32,bytes)", stream, payload)
}

fn publish(namespace: Namespace, profile: &[u8]) -> Vec<u8> {
    let mut word = [0; 32];
    word[28..].copy_from_slice(&namespace.0.to_be_bytes());
    with_bytes("publish(uint32,bytes)", word, profile)
}
