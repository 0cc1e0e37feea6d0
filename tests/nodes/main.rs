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

use scenario::Audited;
use tests::chain::TestChain;
use tests::proxy::{Conduct, Proxy, Refusal};
use tests::site::Site;

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
