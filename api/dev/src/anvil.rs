//! A plain Anvil: a chain in memory, gone when it stops. Tests and benchmarks use it; [`super::chain`] makes a lasting one of it.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::error::DevError;
use super::port::{self, Port};
use super::process::{Ending, Service};
use super::rpc::Rpc;
use super::tools::AnvilTool;

/// How long a start may take.
const START: Duration = Duration::from_secs(30);

/// Who mines, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mining {
    /// A block for every transaction, at once.
    Instant,
    /// A block every so often, also an empty one.
    Every(Duration),
    /// Only when `evm_mine` is called.
    OnDemand,
}

/// How a node is run.
#[derive(Clone, Debug)]
pub struct AnvilOptions {
    /// The file its log goes to.
    pub log: PathBuf,
    /// Where it listens.
    pub port: Port,
    /// The chain id.
    pub chain_id: u64,
    /// Who mines.
    pub mining: Mining,
    /// For how many blocks before the last one the state can be asked for; `None` for all of them. Every state that is kept is
    /// a copy of the whole: 0 for a chain that grows large.
    pub states: Option<u32>,
    /// The time of the first block, in seconds since the Unix epoch; `None` for the time of the start.
    pub genesis_time: Option<u64>,
    /// The node whose chain this one continues.
    pub fork_of: Option<String>,
    /// How many of Anvil's well-known accounts have money.
    pub accounts: u32,
    /// Further arguments.
    pub extra: Vec<String>,
}

impl AnvilOptions {
    /// An Anvil as tests want it: instant, on any port, with every state of a short history.
    pub fn new(log: PathBuf) -> Self {
        Self {
            log,
            port: Port::Any,
            chain_id: super::CHAIN_ID,
            mining: Mining::Instant,
            states: Some(256),
            genesis_time: None,
            fork_of: None,
            accounts: 10,
            extra: Vec::new(),
        }
    }
}

/// A running Anvil.
#[derive(Debug)]
pub struct Anvil {
    service: Service,
    url: String,
    port: u16,
}

impl Anvil {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// When the port is taken or the program does not run.
    pub async fn start(tool: &AnvilTool, options: &AnvilOptions) -> Result<Self, DevError> {
        let deadline = Instant::now() + START;
        loop {
            let port = port::choose(options.port, "the chain")?;
            let ending = Ending {
                signal: Signal::SIGTERM,
                temporary: None,
            };
            let service = Service::start("Anvil", command(tool, port, options), &options.log, ending)?;
            let mut anvil = Self {
                service,
                url: format!("http://127.0.0.1:{port}"),
                port,
            };
            match anvil.ready(deadline).await {
                Ok(()) => return Ok(anvil),
                // Somebody else was faster with a port that was free just now.
                Err(DevError::Died { tail, .. })
                    if options.port == Port::Any && tail.contains("in use") && Instant::now() < deadline => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.service.pid()
    }

    /// A client of it.
    pub fn rpc(&self) -> Rpc {
        Rpc::new(self.url.clone())
    }

    /// Waits until it ends by itself or is killed.
    pub async fn ended(&mut self) {
        self.service.ended().await;
    }

    /// Stops it.
    pub async fn stop(self) {
        self.service.stop(Duration::from_secs(5)).await;
    }

    /// Kills it, as `kill -9` does.
    pub async fn kill(self) {
        self.service.kill().await;
    }

    async fn ready(&mut self, deadline: Instant) -> Result<(), DevError> {
        let rpc = self.rpc();
        loop {
            self.service.check()?;
            if rpc.call::<String>("eth_chainId", serde_json::json!([])).await.is_ok() {
                // Not somebody else's node that was faster with the port.
                return self.service.check();
            }
            if Instant::now() > deadline {
                return Err(DevError::NotReady {
                    name: "Anvil",
                    seconds: START.as_secs(),
                    log: self.service.log().to_owned(),
                });
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}

fn command(tool: &AnvilTool, port: u16, options: &AnvilOptions) -> Command {
    let mut command = Command::new(&tool.program);
    command
        .current_dir("/")
        .args(["--host", "127.0.0.1", "--quiet", "--order", "fifo"]);
    let mut option = |name: &str, value: String| {
        command.arg(name).arg(value);
    };
    option("--port", port.to_string());
    option("--chain-id", options.chain_id.to_string());
    option("--accounts", options.accounts.to_string());
    // Room for three transactions of the largest size that mainnet allows.
    option("--gas-limit", "60000000".to_owned());
    if let Some(time) = options.genesis_time {
        option("--timestamp", time.to_string());
    }
    if let Some(url) = &options.fork_of {
        option("--fork-url", url.clone());
    }
    if let Mining::Every(interval) = options.mining {
        option("--block-time", interval.as_secs_f64().to_string());
    }
    match options.states {
        // The default writes every state to a temporary folder: gigabytes within minutes.
        None => option("--max-persisted-states", "100000".to_owned()),
        Some(0) => {
            command.arg("--prune-history");
        }
        Some(states) => option("--prune-history", states.to_string()),
    }
    if options.fork_of.is_some() {
        command.args(["--no-storage-caching", "--no-rate-limit"]);
    }
    if options.mining == Mining::OnDemand {
        command.arg("--no-mining");
    }
    command.args(&options.extra);
    command
}
