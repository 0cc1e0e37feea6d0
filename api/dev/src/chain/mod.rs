//! A lasting chain on one machine: Anvil, with a journal in front of it.
//!
//! Anvil keeps its chain in memory, and its own way to save it writes the whole state every second, so that a kill takes with it
//! what was acknowledged in the last one. Here the chain is what it is by definition: its transactions, in order. Everything that
//! changes it goes through one place that writes it to a journal first ([`journal`]), hands it to Anvil, and says when to mine and at
//! which time. Anvil's blocks follow from these alone, so after a kill of anything a new Anvil gets the journal and has the same
//! chain again, hash for hash: to everybody else it was away for a moment. That is why this chain's blocks are final at once.
//!
//! Clients talk to the [`gate`], at a URL that stays the same: it passes reads on, sequences what writes, and refuses what
//! would change the chain past the journal.
//!
//! Anvil computes the root over its whole state for every block, so that a block takes longer the more the chain holds: with
//! 100,000 slots some 100 ms. For a chain that continues another it does not, and the same block takes 1 ms. So this one continues
//! an empty chain that we serve it ourselves ([`genesis`]), unless it is begun to have state roots, by which its state can be proved
//! ([`ChainOptions::proofs`]).

mod course;
mod gate;
mod genesis;
mod journal;
mod sequencer;

use std::path::PathBuf;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::sequencer::Sequencer;
use super::anvil::{Anvil, AnvilOptions, Mining};
use super::error::DevError;
use super::port::Port;
use super::restart::{Listener, restarted};
use super::tools::AnvilTool;

/// How the chain is run.
#[derive(Clone)]
pub struct ChainOptions {
    /// The file of the journal; `None` for a chain that is gone with the process.
    pub journal: Option<PathBuf>,
    /// The file of Anvil's log.
    pub log: PathBuf,
    /// Where clients find the chain.
    pub port: Port,
    /// The chain id, if the journal is new.
    pub chain_id: u64,
    /// For how many blocks before the last one the state can be asked for. Each is a copy of the whole state, made anew for
    /// every block: with 100,000 slots 16 MB and 5 ms.
    pub states: u32,
    /// Whether blocks have state roots, so that `eth_getProof` proves something. A chain that was begun with them keeps them.
    pub proofs: bool,
}

/// A running chain.
#[derive(Debug)]
pub struct DevChain {
    port: u16,
    chain_id: u64,
    sequencer: Arc<Sequencer>,
    servers: Vec<ServerHandle>,
    stop: oneshot::Sender<()>,
    keeper: JoinHandle<()>,
    miner: JoinHandle<()>,
}

impl DevChain {
    /// Starts it, with everything that its journal holds. `listener` is told of restarts.
    ///
    /// # Errors
    /// When the port is taken, the journal is damaged, or Anvil does not run.
    pub async fn start(tool: AnvilTool, options: ChainOptions, listener: Listener) -> Result<Self, DevError> {
        let opened = journal::open(
            options.journal.as_deref(),
            options.chain_id,
            &tool.version,
            options.proofs,
        )?;
        let birth = opened.birth.clone();
        let sequencer = Arc::new(Sequencer::new(opened, tool.version.clone()));
        let (port, gate) = gate::serve(options.port, Arc::clone(&sequencer))?;
        let mut servers = vec![gate];
        let mut fork_of = None;
        if !birth.proofs {
            let (port, genesis) = genesis::serve(birth.id, birth.time)?;
            servers.push(genesis);
            fork_of = Some(format!("http://127.0.0.1:{port}"));
        }
        let node_options = AnvilOptions {
            log: options.log,
            port: Port::Any,
            chain_id: birth.id,
            mining: Mining::OnDemand,
            states: Some(options.states),
            // Of a chain that is continued the other one's counts.
            genesis_time: fork_of.is_none().then_some(birth.time),
            fork_of,
            // Those who hold money are funded in the journal; nobody else has any.
            accounts: 1,
            extra: Vec::new(),
        };
        let node = match start_node(&tool, &node_options, &sequencer, &listener).await {
            Ok(node) => node,
            Err(error) => {
                for server in &servers {
                    server.stop(false).await;
                }
                return Err(error);
            }
        };
        let (stop, stopped) = oneshot::channel();
        let miner = tokio::spawn({
            let sequencer = Arc::clone(&sequencer);
            async move { sequencer.mine_when_needed().await }
        });
        let keeper = tokio::spawn(keep(
            tool,
            node_options,
            node,
            Arc::clone(&sequencer),
            listener,
            stopped,
        ));
        Ok(Self {
            port,
            chain_id: birth.id,
            sequencer,
            servers,
            stop,
            keeper,
            miner,
        })
    }

    /// Where clients find the chain.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its chain id.
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Sees to it that an address (with `0x`) has so much, in wei.
    ///
    /// # Errors
    /// When the journal cannot be written or the node does not answer.
    pub async fn fund(&self, address: &str, wei: u128) -> Result<(), DevError> {
        self.sequencer.fund(address, wei).await
    }

    /// The process id of the node behind it, if there is one just now.
    pub async fn node_pid(&self) -> Option<i32> {
        self.sequencer.node_pid().await
    }

    /// Stops it. What was accepted is in the journal.
    pub async fn stop(self) {
        for server in &self.servers {
            server.stop(false).await;
        }
        self.miner.abort();
        let _ = self.stop.send(());
        let _ = self.keeper.await;
    }
}

/// Starts a node and gives it the chain.
async fn start_node(
    tool: &AnvilTool,
    options: &AnvilOptions,
    sequencer: &Sequencer,
    listener: &Listener,
) -> Result<Anvil, DevError> {
    let node = Anvil::start(tool, options).await?;
    match sequencer.replay(&node, listener.as_ref()).await {
        Ok(()) => Ok(node),
        Err(error) => {
            node.kill().await;
            Err(error)
        }
    }
}

/// Keeps a node behind the sequencer: when it dies, or no longer does what it is told, another one takes its place.
async fn keep(
    tool: AnvilTool,
    options: AnvilOptions,
    mut node: Anvil,
    sequencer: Arc<Sequencer>,
    listener: Listener,
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            _ = &mut stopped => return node.stop().await,
            () = node.ended() => {}
            () = sequencer.fault() => {}
        }
        sequencer.detach().await;
        node.kill().await;
        listener("the chain's node died; starting another and giving it the chain");
        let start = || start_node(&tool, &options, &sequencer, &listener);
        let Some(started) = restarted("the chain", start, &listener, &mut stopped).await else {
            return;
        };
        node = started;
        listener("the chain is back");
    }
}
