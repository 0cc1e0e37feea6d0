//! The nodes of other makers: each is started by its script in `tools/`, on a free port, and has ether for the tests' keys.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use api_dev::process::{Ending, Service};
use api_dev::rpc::Rpc;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::binary::free_port;
use tests::chain::KEYS;
use tests::site::signer;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// How long a node may take until it answers. What its script fetches or builds is there by then.
const START: Duration = Duration::from_secs(60);

/// What each of the tests' keys gets, in wei: a million ether.
const FUNDS: u128 = 1_000_000 * 1_000_000_000_000_000_000;

/// A node in a process of its own. It ends, and its folder goes away, when it is dropped.
pub(crate) struct Node {
    service: Service,
    rpc: Rpc,
}

/// Ganache, as it comes: Shanghai rules, a block for every transaction.
pub(crate) async fn ganache() -> Node {
    let (folder, port) = (prepared("ganache").await, free_port());
    let mut command = script("ganache");
    command.args(["--server.host", "127.0.0.1", "--server.port", &port.to_string()]);
    for key in KEYS {
        command.args(["--wallet.accounts", &format!("0x{key},{FUNDS:#x}")]);
    }
    Node::start("Ganache", command, folder, port).await
}

/// Geth with every rule that it knows of.
pub(crate) async fn geth_with_its_newest_rules() -> Node {
    let (folder, port) = (prepared("geth").await, free_port());
    let node = Node::start("Geth", geth(port), folder, port).await;
    node.fund().await;
    node
}

/// Geth with the rules of `genesis.json`, which also has the keys' ether.
pub(crate) async fn geth_with_todays_rules() -> Node {
    let (folder, port) = (prepared("geth").await, free_port());
    let data = folder.join("data");
    let mut init = script("geth");
    init.arg("--datadir").arg(&data).arg("init").arg(here("genesis.json"));
    init.stdout(Stdio::null()).stderr(Stdio::null());
    succeed(init).await;
    let mut command = geth(port);
    command.arg("--datadir").arg(&data);
    Node::start("Geth", command, folder, port).await
}

/// A development network of one node, which mines when there is something to mine.
fn geth(port: u16) -> Command {
    let mut command = script("geth");
    command.args([
        "--dev",
        "--nodiscover",
        "--port",
        "0",
        "--ipcdisable",
        "--verbosity",
        "2",
    ]);
    command.args(["--http", "--http.port", &port.to_string()]);
    command
}

impl Node {
    /// Its URL.
    pub(crate) fn url(&self) -> String {
        self.rpc.url().to_owned()
    }

    /// Starts it, and waits until it answers.
    async fn start(name: &'static str, command: Command, folder: PathBuf, port: u16) -> Self {
        let log = folder.join("node.log");
        let ending = Ending {
            signal: Signal::SIGTERM,
            temporary: Some(folder),
        };
        let mut node = Self {
            service: Service::start(name, command, &log, ending).expect(name),
            rpc: Rpc::new(format!("http://127.0.0.1:{port}")),
        };
        let deadline = Instant::now() + START;
        while node.rpc.call::<String>("eth_chainId", json!([])).await.is_err() {
            node.service.check().expect(name);
            assert!(Instant::now() < deadline, "{name} does not answer");
            sleep(Duration::from_millis(50)).await;
        }
        node
    }

    /// Gives the tests' keys ether from the account that the node has unlocked.
    async fn fund(&self) {
        let accounts: Vec<String> = self.rpc.call("eth_accounts", json!([])).await.expect("accounts");
        for number in 0..KEYS.len() {
            let to = signer(number).address();
            let transfer = json!({ "from": accounts[0], "to": to, "value": format!("{FUNDS:#x}") });
            let _: String = self
                .rpc
                .call("eth_sendTransaction", json!([transfer]))
                .await
                .expect("a transfer");
            let deadline = Instant::now() + START;
            while self.balance(to).await == json!("0x0") {
                assert!(Instant::now() < deadline, "the transfer is not mined");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    async fn balance(&self, of: infrastructure::chain::Address) -> Value {
        let balance = self.rpc.call("eth_getBalance", json!([of, "latest"])).await;
        balance.expect("a balance")
    }
}

/// Waits until the script has fetched or built what it runs, and answers with a new folder for the node.
async fn prepared(name: &str) -> PathBuf {
    let mut command = script(name);
    command.arg("--version");
    succeed(command).await;
    tests::postgres::folder().keep()
}

async fn succeed(mut command: Command) {
    let ended = command.stdin(Stdio::null()).kill_on_drop(true).status().await;
    let ended = ended.expect("the node's script");
    assert!(
        ended.success(),
        "{command:?}: {ended}. tests/nodes/README.md says how each node is had"
    );
}

fn script(name: &str) -> Command {
    Command::new(here("tools").join(name))
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes").join(name)
}
