//! The lasting chain of `medconnect dev`: it has the same blocks again, whatever is killed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api_dev::DevError;
use api_dev::chain::{ChainOptions, DevChain};
use api_dev::port::Port;
use api_dev::rpc::Rpc;
use api_dev::tools::{AnvilTool, silent};
use serde_json::{Value, json};

const JOURNAL: &str = "chain.jsonl";
const SENDER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const RECEIVER: &str = "0x1111111111111111111111111111111111111111";

/// Transfers of one wei from sender to receiver on chain 31337, with nonces from 0, signed beforehand.
const TRANSFERS: [&str; 4] = [
    "0xf866808502540be400825208941111111111111111111111111111111111111111018082f4f5a0e4f8841d2628518dc036eba048e8b03bbc496a0172c321da7f1ea047ac9b55a8a020109c7d522acabcfed111fd305d7fe9f68e805dc499cbf9b86b95865ce0a2c4",
    "0xf866018502540be400825208941111111111111111111111111111111111111111018082f4f5a0ef42554850611d18083f3003ad9b4fdceeb2be58de847247c8a618147c671a42a00d27f9ba22ba9b7e127d776eac9c82dd60b9597053a1766431d870bf6a48c826",
    "0xf866028502540be400825208941111111111111111111111111111111111111111018082f4f6a0da9c6c5c1ff8dee015c210afeedbf98cd87336507fb027338b6583101725585ba065d68b5031a59a69881ca04260c90c08e2256aa92656aac6e97ccc4f8ad70b2a",
    "0xf866038502540be400825208941111111111111111111111111111111111111111018082f4f6a0c47e8d0d28b42764ceef089f6c11a420fd65c84a3fd4c5767de2c0eb906360fba03b6d478f9d2f8d33a4be809b50dc992fbfd4b31e6a63045a12e14f275fefbe05",
];

/// The chain whose journal and log are in a folder.
async fn start(folder: &Path) -> DevChain {
    try_start(folder, true).await.unwrap()
}

async fn try_start(folder: &Path, lasting: bool) -> Result<DevChain, DevError> {
    start_with(folder, lasting, false).await
}

async fn start_with(folder: &Path, lasting: bool, proofs: bool) -> Result<DevChain, DevError> {
    let tool = AnvilTool::find(&silent).await.unwrap();
    let options = ChainOptions {
        journal: lasting.then(|| folder.join(JOURNAL)),
        log: folder.join("anvil.log"),
        port: Port::Any,
        chain_id: 31337,
        states: 16,
        proofs,
    };
    DevChain::start(tool, options, Arc::new(|_: &str| ())).await
}

async fn send(rpc: &Rpc, raw: &str) -> String {
    rpc.call("eth_sendRawTransaction", json!([raw])).await.unwrap()
}

/// Waits for its block.
async fn mined(rpc: &Rpc, hash: &str) -> Value {
    loop {
        let receipt: Value = rpc
            .call("eth_getTransactionReceipt", json!([hash]))
            .await
            .unwrap_or_default();
        if !receipt.is_null() {
            return receipt;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn block(rpc: &Rpc) -> Value {
    rpc.call("eth_getBlockByNumber", json!(["latest", true])).await.unwrap()
}

async fn received(rpc: &Rpc) -> String {
    rpc.call("eth_getBalance", json!([RECEIVER, "latest"])).await.unwrap()
}

#[tokio::test]
async fn a_restart_has_the_same_blocks_hash_for_hash() {
    let folder = tempfile::tempdir().unwrap();
    let chain = start(folder.path()).await;
    let rpc = Rpc::new(chain.url());
    chain.fund(SENDER, 10_u128.pow(18)).await.unwrap();
    for raw in &TRANSFERS[..3] {
        mined(&rpc, &send(&rpc, raw).await).await;
    }
    let before = block(&rpc).await;
    chain.stop().await;

    let chain = start(folder.path()).await;
    let rpc = Rpc::new(chain.url());
    assert_eq!(block(&rpc).await, before);
    assert_eq!(received(&rpc).await, "0x3");
    mined(&rpc, &send(&rpc, TRANSFERS[3]).await).await;
    assert_eq!(received(&rpc).await, "0x4");
    chain.stop().await;
}

#[tokio::test]
async fn a_killed_node_is_replaced_behind_the_same_url_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let chain = start(folder.path()).await;
    let rpc = Rpc::new(chain.url());
    chain.fund(SENDER, 10_u128.pow(18)).await.unwrap();
    for (count, raw) in TRANSFERS.iter().enumerate() {
        mined(&rpc, &send(&rpc, raw).await).await;
        let before = block(&rpc).await;
        let former = chain.node_pid().await.unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(former), nix::sys::signal::Signal::SIGKILL).unwrap();
        while chain.node_pid().await.is_none_or(|pid| pid == former) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(block(&rpc).await, before);
        assert_eq!(received(&rpc).await, format!("{:#x}", count + 1));
    }
    chain.stop().await;
}

#[tokio::test]
async fn who_asks_for_the_newest_block_again_is_told_of_the_one_that_is_being_made() {
    let folder = tempfile::tempdir().unwrap();
    let chain = start(folder.path()).await;
    let rpc = Rpc::new(chain.url());
    chain.fund(SENDER, 10_u128.pow(18)).await.unwrap();
    let newest = || rpc.call::<Value>("eth_getBlockByNumber", json!(["latest", false]));
    for raw in &TRANSFERS {
        let before = newest().await.unwrap();
        let hash = send(&rpc, raw).await;
        let after = newest().await.unwrap();
        assert_eq!(after["parentHash"], before["hash"], "nobody had to ask once more");
        assert_eq!(after["transactions"], json!([hash]));
        let known: Value = rpc
            .call("eth_getBlockByHash", json!([after["hash"], false]))
            .await
            .unwrap();
        assert_eq!(known, after, "as the node tells it");
    }
    chain.stop().await;
}

#[tokio::test]
async fn a_transaction_that_was_accepted_is_mined_after_a_kill_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let chain = start(folder.path()).await;
    chain.fund(SENDER, 10_u128.pow(18)).await.unwrap();
    chain.stop().await;
    // As a crash between acceptance and block leaves it: sent, not mined, and half a line of something that never happened.
    let journal = folder.path().join(JOURNAL);
    let mut text = std::fs::read_to_string(&journal).unwrap();
    text.push_str(&format!("{}\n", json!({"send": TRANSFERS[0]})));
    text.push_str("{\"mine\":{\"ti");
    std::fs::write(&journal, text).unwrap();

    let chain = start(folder.path()).await;
    let rpc = Rpc::new(chain.url());
    while received(&rpc).await != "0x1" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    chain.stop().await;
}

#[tokio::test]
async fn blocks_that_come_out_differently_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let chain = start(folder.path()).await;
    let rpc = Rpc::new(chain.url());
    chain.fund(SENDER, 10_u128.pow(18)).await.unwrap();
    for raw in &TRANSFERS[..2] {
        mined(&rpc, &send(&rpc, raw).await).await;
    }
    chain.stop().await;
    let journal = folder.path().join(JOURNAL);
    let text = std::fs::read_to_string(&journal).unwrap();
    let without_first = text
        .lines()
        .filter(|line| !line.contains(TRANSFERS[0]))
        .map(|line| format!("{line}\n"));
    std::fs::write(&journal, without_first.collect::<String>()).unwrap();
    let error = try_start(folder.path(), true).await.unwrap_err();
    assert!(matches!(error, DevError::OtherBlocks { .. }), "{error}");
}

#[tokio::test]
async fn what_would_change_the_chain_past_its_journal_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let chain = try_start(folder.path(), false).await.unwrap();
    let rpc = Rpc::new(chain.url());
    for (method, params) in [
        ("evm_mine", json!([])),
        ("anvil_setBalance", json!([SENDER, "0x1"])),
        ("eth_sendTransaction", json!([{"from": SENDER, "to": RECEIVER}])),
    ] {
        let error = rpc.call::<Value>(method, params).await.unwrap_err().to_string();
        assert!(error.contains("-32601"), "{error}");
    }
    assert_eq!(rpc.call::<String>("eth_blockNumber", json!([])).await.unwrap(), "0x1");
    let balance: String = rpc.call("eth_getBalance", json!([SENDER, "latest"])).await.unwrap();
    assert_eq!(balance, "0x0");
    chain.stop().await;
}

#[tokio::test]
async fn a_batch_of_calls_is_answered_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let chain = try_start(folder.path(), false).await.unwrap();
    chain.fund(SENDER, 10_u128.pow(18)).await.unwrap();
    let call =
        |id: u32, method: &str, params: Value| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    let batch = json!([
        call(1, "eth_chainId", json!([])),
        call(2, "eth_sendRawTransaction", json!([TRANSFERS[0]])),
        call(3, "eth_sendRawTransaction", json!([TRANSFERS[1]])),
        call(4, "evm_mine", json!([])),
    ]);
    let answers: Vec<Value> = reqwest::Client::new()
        .post(chain.url())
        .json(&batch)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let ids: Vec<_> = answers.iter().map(|answer| answer["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert_eq!(answers[0]["result"], "0x7a69");
    assert!(answers[3]["error"].is_object());
    let rpc = Rpc::new(chain.url());
    for answer in &answers[1..3] {
        mined(&rpc, answer["result"].as_str().unwrap()).await;
    }
    assert_eq!(received(&rpc).await, "0x2");
    chain.stop().await;
}
