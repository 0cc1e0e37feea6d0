//! The one place where the chain changes: journal first, then the node.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::web::Bytes;
use futures::FutureExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Notify, RwLock};

use super::journal::{Birth, Entry, Journal, Opened};
use crate::dev::anvil::Anvil;
use crate::dev::error::DevError;
use crate::dev::rpc::Rpc;

/// After how many blocks a replay says how far it is: a few seconds.
const TOLD: u64 = 2_000;

/// Why a request could not be passed on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Absent {
    /// There is no node just now.
    #[error("the chain's node is being started")]
    NoNode,
    /// The node did not answer.
    #[error("the chain's node does not answer")]
    Silent,
    /// The journal cannot be written, so nothing may change.
    #[error("the chain's journal cannot be written")]
    NoJournal,
}

/// A block's hash and time.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tip {
    number: String,
    hash: String,
    parent_hash: String,
    timestamp: String,
}

impl Tip {
    fn time(&self) -> u64 {
        u64::from_str_radix(self.timestamp.trim_start_matches("0x"), 16).unwrap_or(0)
    }
}

/// What only one at a time may touch.
#[derive(Debug)]
struct State {
    journal: Option<Journal>,
    node: Option<(Rpc, i32)>,
    tip: Option<Tip>,
    unmined: bool,
}

/// Sequences what changes the chain.
#[derive(Debug)]
pub(super) struct Sequencer {
    birth: Birth,
    running: String,
    state: Mutex<State>,
    /// The node for reads, which need not wait for their turn.
    reads: RwLock<Option<Rpc>>,
    client: reqwest::Client,
    work: Notify,
    fault: Notify,
}

impl Sequencer {
    pub(super) fn new(opened: Opened, running: String) -> Self {
        Self {
            birth: opened.birth,
            running,
            state: Mutex::new(State {
                journal: opened.journal,
                node: None,
                tip: None,
                unmined: false,
            }),
            reads: RwLock::new(None),
            client: reqwest::Client::new(),
            work: Notify::new(),
            fault: Notify::new(),
        }
    }

    /// Gives the whole chain to a new node, and puts it to use.
    pub(super) async fn replay(&self, node: &Anvil, tell: &(dyn Fn(&str) + Send + Sync)) -> Result<(), DevError> {
        let mut state = self.state.lock().await;
        let rpc = node.rpc();
        let mut mined = None;
        let mut unmined = false;
        let mut blocks = 0_u64;
        if let Some(journal) = &state.journal {
            for entry in journal.entries()? {
                match entry? {
                    Entry::Chain(_) => {}
                    Entry::Fund { address, wei } => set_balance(&rpc, &address, &wei).await?,
                    Entry::Send(raw) => {
                        // A refusal is what happened the first time too.
                        let answer: Result<Value, _> = rpc.call("eth_sendRawTransaction", json!([raw])).await;
                        unmined |= answer.is_ok();
                    }
                    Entry::Mine { time, parent } => {
                        mine(&rpc, time).await?;
                        (mined, unmined) = (Some(parent), false);
                        blocks += 1;
                        if blocks.is_multiple_of(TOLD) {
                            tell(&format!("the chain has {blocks} of its blocks again"));
                        }
                    }
                }
            }
        }
        let tip = tip(&rpc).await?;
        // The hash of a block stands for everything before it, so the last one that is written down speaks for all.
        if let (Some(expected), Some(journal)) = (mined, &state.journal)
            && tip.parent_hash != expected
        {
            return Err(DevError::OtherBlocks {
                path: journal.path().to_owned(),
                written: self.birth.anvil.clone(),
                running: self.running.clone(),
                block: u64::from_str_radix(tip.number.trim_start_matches("0x"), 16)
                    .unwrap_or(0)
                    .saturating_sub(1),
            });
        }
        // About its first block the node asks the chain that it continues, which knows nothing of ours: ours begins with the next.
        state.unmined = unmined || tip.number == "0x0";
        state.tip = Some(tip);
        state.node = Some((rpc.clone(), node.pid()));
        if state.unmined {
            self.mine_one(&mut state).await?;
        }
        drop(state);
        *self.reads.write().await = Some(rpc);
        Ok(())
    }

    /// Takes the node out of use.
    pub(super) async fn detach(&self) {
        *self.reads.write().await = None;
        self.state.lock().await.node = None;
        // What was said of the former node must not be held against the next one.
        let _ = self.fault.notified().now_or_never();
    }

    /// Waits until the node no longer does what it is told.
    pub(super) async fn fault(&self) {
        self.fault.notified().await;
    }

    pub(super) async fn node_pid(&self) -> Option<i32> {
        self.state.lock().await.node.as_ref().map(|(_, pid)| *pid)
    }

    /// Passes on what changes nothing, and answers with what the node says.
    pub(super) async fn read(&self, body: Bytes) -> Result<Bytes, Absent> {
        let node = self.reads.read().await.clone().ok_or(Absent::NoNode)?;
        self.forward(&node, body).await
    }

    /// Hands a signed transaction to the node, and has a block mined if it is accepted. `body` is the whole request.
    pub(super) async fn send(&self, raw: &str, body: Bytes) -> Result<Bytes, Absent> {
        let mut state = self.state.lock().await;
        let (node, _) = state.node.clone().ok_or(Absent::NoNode)?;
        if let Some(journal) = &mut state.journal {
            journal
                .append(&Entry::Send(raw.to_owned()))
                .map_err(|_| Absent::NoJournal)?;
        }
        let answer = self.forward(&node, body).await?;
        let accepted = serde_json::from_slice::<Value>(&answer).is_ok_and(|answer| answer.get("result").is_some());
        if accepted {
            state.unmined = true;
            self.work.notify_one();
        }
        Ok(answer)
    }

    /// Sees to it that an address has so much.
    pub(super) async fn fund(&self, address: &str, wei: u128) -> Result<(), DevError> {
        let mut state = self.state.lock().await;
        let wei = format!("{wei:#x}");
        let refused = || DevError::Chain {
            method: "anvil_setBalance",
            message: Absent::NoNode.to_string(),
        };
        let (node, _) = state.node.clone().ok_or_else(refused)?;
        if let Some(journal) = &mut state.journal {
            journal.append(&Entry::Fund {
                address: address.to_owned(),
                wei: wei.clone(),
            })?;
            journal.sync().await?;
        }
        set_balance(&node, address, &wei).await
    }

    /// Mines whenever there is something to mine. Never returns.
    pub(super) async fn mine_when_needed(&self) {
        loop {
            self.work.notified().await;
            let mut state = self.state.lock().await;
            if !state.unmined || state.node.is_none() {
                continue;
            }
            if self.mine_one(&mut state).await.is_err() {
                // The journal may hold a block that the node has not mined, or the node one that we do not know: a new node,
                // from the journal, has exactly what the journal has.
                state.node = None;
                self.fault.notify_one();
            }
        }
    }

    async fn mine_one(&self, state: &mut State) -> Result<(), DevError> {
        let (Some((node, _)), Some(last)) = (state.node.clone(), state.tip.clone()) else {
            return Ok(());
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs());
        let time = now.max(last.time());
        if let Some(journal) = &mut state.journal {
            journal.append(&Entry::Mine {
                time,
                parent: last.hash,
            })?;
            journal.sync().await?;
        }
        mine(&node, time).await?;
        // A block holds only so much gas: what did not fit goes into the next one.
        let (tip, left) = tokio::try_join!(tip(&node), has_pending(&node))?;
        (state.tip, state.unmined) = (Some(tip), left);
        if state.unmined {
            self.work.notify_one();
        }
        Ok(())
    }

    async fn forward(&self, node: &Rpc, body: Bytes) -> Result<Bytes, Absent> {
        let answer = self
            .client
            .post(node.url())
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .map_err(|_| Absent::Silent)?;
        answer.bytes().await.map_err(|_| Absent::Silent)
    }
}

async fn set_balance(node: &Rpc, address: &str, wei: &str) -> Result<(), DevError> {
    node.call::<Value>("anvil_setBalance", json!([address, wei]))
        .await
        .map(drop)
}

async fn mine(node: &Rpc, time: u64) -> Result<(), DevError> {
    node.call::<Value>("evm_mine", json!([{ "timestamp": time }]))
        .await
        .map(drop)
}

/// Whether the node has transactions that could be mined now.
async fn has_pending(node: &Rpc) -> Result<bool, DevError> {
    let pool: Value = node.call("txpool_status", json!([])).await?;
    Ok(pool.get("pending").is_some_and(|pending| pending != "0x0"))
}

async fn tip(node: &Rpc) -> Result<Tip, DevError> {
    node.call("eth_getBlockByNumber", json!(["latest", false])).await
}

/// Shared by the gate's workers.
pub(super) type Shared = Arc<Sequencer>;
