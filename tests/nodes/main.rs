//! The program on nodes of other makers: deploy, serve and import, through kills, on each of them. `README.md` says how each is had.
//!
//! A node that cannot be had fails its test. None of this is part of `cargo test --workspace`, which needs nothing but Rust and npm.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking when it does not"
)]

mod measure;
mod node;
mod scenario;

use api_dev::rpc::Rpc;
use scenario::Audited;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::proxy::{Conduct, Proxy, Refusal};
use tests::site::Site;
use tests::system::until;

#[tokio::test(flavor = "multi_thread")]
async fn anvil() {
    scenario::run(Site::bare().await, Audited::Whole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ganache() {
    let node = node::ganache().await;
    scenario::run(Site::at(&node.url(), node).await, Audited::Whole).await;
}

/// Besu's ways, in front of an Anvil on which nobody has ether: see `README.md` for what that shows, and what not.
#[tokio::test(flavor = "multi_thread")]
async fn besu_as_imitated() {
    let chain = TestChain::with(|options| {
        let free = ["--base-fee", "0", "--disable-min-priority-fee", "--balance", "0"];
        options.extra.extend(free.map(str::to_owned));
    })
    .await;
    let besu = Proxy::of(chain.url());
    besu.behave_all([
        Conduct::IsBesu(64),
        Conduct::RefusesToNameAFinalBlock,
        Conduct::LimitsRanges(5_000),
        Conduct::LimitsBatches(1_024, Refusal::OneError),
    ]);
    // The hashes that it imitates are of no header.
    scenario::run(Site::at(&besu.url(), (chain, besu)).await, Audited::Not).await;
}

/// See `besu::is_lying`: a transaction whose turn has not come lies as one does whose turn Anvil has missed.
#[tokio::test(flavor = "multi_thread")]
async fn besu_as_imitated_takes_anew_what_lies_there_when_it_is_sent_again() {
    let chain = TestChain::start().await;
    let besu = Proxy::of(chain.url());
    besu.behave(Conduct::IsBesu(64));
    let (anvil, besu) = (Rpc::new(chain.url().to_owned()), Rpc::new(besu.url()));
    let accounts: Value = anvil.call("eth_accounts", json!([])).await.unwrap();
    let account = &accounts[0];
    let next = async || {
        let counted: Value = anvil
            .call("eth_getTransactionCount", json!([account, "latest"]))
            .await
            .unwrap();
        u64::from_str_radix(counted.as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
    };
    let send = async |nonce: u64| {
        let transaction = json!([{ "from": account, "to": account, "nonce": format!("{nonce:#x}") }]);
        let hash: Value = anvil.call("eth_sendTransaction", transaction).await.unwrap();
        hash
    };
    let first = next().await;
    let hash = send(first + 1).await;
    let raw: Value = anvil.call("eth_getRawTransactionByHash", json!([hash])).await.unwrap();
    let by_itself: Result<Value, _> = anvil.call("eth_sendRawTransaction", json!([raw])).await;
    assert!(by_itself.is_err(), "it has it already");
    let again: Result<Value, _> = besu.call("eth_sendRawTransaction", json!([raw])).await;
    assert_eq!(again.unwrap(), hash, "it was taken anew");
    send(first).await;
    until("both are mined", async || next().await == first + 2).await;
    let mined: Result<Value, _> = besu.call("eth_sendRawTransaction", json!([raw])).await;
    assert!(mined.is_err(), "what is in a block is not taken: {mined:?}");
}

/// The gas rules that this Geth knows of and no network has yet.
#[tokio::test(flavor = "multi_thread")]
async fn geth_with_its_newest_rules() {
    let node = node::geth_with_its_newest_rules().await;
    scenario::run(Site::at(&node.url(), node).await, Audited::Whole).await;
}

/// The rules that networks have today: those of `genesis.json`.
#[tokio::test(flavor = "multi_thread")]
async fn geth_with_todays_rules() {
    let node = node::geth_with_todays_rules().await;
    scenario::run(Site::at(&node.url(), node).await, Audited::Whole).await;
}
