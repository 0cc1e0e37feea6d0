//! A chain for each test, and its accounts.

use std::sync::Arc;
use std::time::Duration;

use api_dev::anvil::{Anvil, AnvilOptions};
use api_dev::tools::{AnvilTool, silent};
use serde_json::json;
use tokio::sync::Mutex;

/// Private keys of accounts that have money on every test chain: those that Anvil publishes.
pub const KEYS: [&str; 4] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
];

/// A chain that goes away when it is dropped.
#[derive(Debug)]
pub struct TestChain {
    /// The node.
    pub node: Anvil,
    /// Holds its log.
    _folder: tempfile::TempDir,
}

impl TestChain {
    /// One that mines each transaction at once.
    pub async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// One with other options.
    pub async fn with(change: impl FnOnce(&mut AnvilOptions)) -> Self {
        let tool = AnvilTool::find(&silent).await.expect("Anvil");
        let folder = tempfile::Builder::new()
            .prefix("medconnect-test-")
            .tempdir()
            .expect("a temporary folder");
        let mut options = AnvilOptions::new(folder.path().join("anvil.log"));
        change(&mut options);
        Self {
            node: Anvil::start(&tool, &options).await.expect("Anvil"),
            _folder: folder,
        }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        self.node.url()
    }

    /// Calls one of its methods.
    pub async fn call(&self, method: &'static str, params: serde_json::Value) -> serde_json::Value {
        self.node.rpc().call(method, params).await.expect(method)
    }

    /// The number of the newest block.
    pub async fn block_number(&self) -> u64 {
        let number = self.call("eth_blockNumber", json!([])).await;
        let digits = number.as_str().and_then(|digits| digits.strip_prefix("0x"));
        u64::from_str_radix(digits.expect("a quantity"), 16).expect("a number")
    }

    /// Mines blocks, empty ones if there are no transactions.
    pub async fn mine(&self, blocks: u64) {
        for _ in 0..blocks {
            self.call("evm_mine", json!([])).await;
        }
    }
}

/// Mines a block now and then, as a network does, until it is dropped.
pub struct Heartbeat {
    /// Held by whoever makes blocks: an Anvil that mines while it reorganises loses blocks.
    hand: Arc<Mutex<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Heartbeat {
    /// Of this chain.
    pub fn of(chain: &TestChain) -> Self {
        let hand = Arc::new(Mutex::new(()));
        let task = tokio::spawn({
            let (rpc, hand) = (chain.node.rpc(), Arc::clone(&hand));
            async move {
                loop {
                    let turn = hand.lock().await;
                    // The chain may be stopped before this is.
                    let _ = rpc.call::<serde_json::Value>("evm_mine", json!([])).await;
                    drop(turn);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
        Self { hand, task }
    }

    /// Does something to the chain between two beats. If the chain mines only on demand, nothing else makes blocks meanwhile.
    pub async fn between_beats<T>(&self, work: impl Future<Output = T>) -> T {
        let _turn = self.hand.lock().await;
        work.await
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}
