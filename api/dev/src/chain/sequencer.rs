//! The one place where the chain changes: journal first, then the node.
//!
//! A block is flushed to the disk while the node makes it, and nobody is told anything that may come from it before it is there. Who asks for
//! the newest block while one is being made is told of that one: it takes a millisecond or two, and asking again takes longer. What the
//! newest block is, is known here: the node is not asked for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::web::Bytes;
use futures::FutureExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Notify, RwLock};

use super::course::Course;
use super::journal::{Birth, Entry, Journal, Opened};
use crate::anvil::Anvil;
use crate::error::DevError;
use crate::rpc::Rpc;

/// The method that asks for a block by its number.
pub(super) const BLOCK_BY_NUMBER: &str = "eth_getBlockByNumber";

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

/// The newest block.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tip {
    number: String,
    hash: String,
    parent_hash: String,
    timestamp: String,
}

impl Tip {
    fn of(block: &Value) -> Result<Self, DevError> {
        Self::deserialize(block).map_err(|error| DevError::Chain {
            method: BLOCK_BY_NUMBER,
            message: error.to_string(),
        })
    }

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
    /// The node for reads, which need not wait for their turn, and the newest block as it tells it.
    reads: RwLock<Option<(Rpc, Arc<Value>)>>,
    /// From a transaction that was accepted to the block that is known.
    blocks: Course,
    /// From a block that the node may have to one that the disk has.
    flushes: Course,
    /// Whether somebody was told of the newest block that is known.
    told: AtomicBool,
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
            blocks: Course::default(),
            flushes: Course::default(),
            told: AtomicBool::new(false),
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
        let (block, _) = newest(&rpc).await?;
        let tip = Tip::of(&block)?;
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
            self.mine_one(&mut state).await
        } else {
            *self.reads.write().await = Some((rpc, Arc::new(block)));
            Ok(())
        }
    }

    /// Takes the node out of use.
    pub(super) async fn detach(&self) {
        *self.reads.write().await = None;
        self.state.lock().await.node = None;
        // Nobody waits for it: there is no node now.
        self.blocks.end();
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
        let (node, _) = self.reads.read().await.clone().ok_or(Absent::NoNode)?;
        let answer = self.forward(&node, body).await?;
        self.flushes.over().await;
        // It may come from a block that the disk did not take.
        self.newest().await.map(|_| answer)
    }

    /// Waits for the block that is being made, if one is. Not if the last one is news: whoever follows the chain has something to do then.
    pub(super) async fn up_to_date(&self) {
        if self.told.swap(true, Ordering::Relaxed) {
            self.blocks.over().await;
            self.told.store(true, Ordering::Relaxed);
        }
    }

    /// The newest block, as the node tells it.
    pub(super) async fn newest(&self) -> Result<Arc<Value>, Absent> {
        let reads = self.reads.read().await;
        let (_, block) = reads.as_ref().ok_or(Absent::NoNode)?;
        Ok(Arc::clone(block))
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
            self.blocks.begin();
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

    /// Mines a block. Afterwards nobody waits for it, whatever came of it.
    async fn mine_one(&self, state: &mut State) -> Result<(), DevError> {
        let made = self.make_block(state).await;
        if made.is_err() {
            *self.reads.write().await = None;
        }
        self.flushes.end();
        self.blocks.end();
        // A block holds only so much gas: what did not fit goes into the next one.
        if made.is_ok() && state.unmined {
            self.blocks.begin();
            self.work.notify_one();
        }
        made
    }

    async fn make_block(&self, state: &mut State) -> Result<(), DevError> {
        let (Some((node, _)), Some(last)) = (state.node.clone(), state.tip.clone()) else {
            return Ok(());
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs());
        let time = now.max(last.time());
        if let Some(journal) = &mut state.journal {
            let parent = last.hash;
            journal.append(&Entry::Mine { time, parent })?;
        }
        self.flushes.begin();
        let flush = async {
            if let Some(journal) = &state.journal {
                journal.sync().await?;
            }
            self.flushes.end();
            Ok(())
        };
        tokio::try_join!(mine(&node, time), flush)?;
        let (block, left) = newest(&node).await?;
        (state.tip, state.unmined) = (Some(Tip::of(&block)?), left);
        *self.reads.write().await = Some((node, Arc::new(block)));
        self.told.store(false, Ordering::Relaxed);
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

/// The newest block, and whether the node has transactions that could be mined now.
async fn newest(node: &Rpc) -> Result<(Value, bool), DevError> {
    let calls = [
        (BLOCK_BY_NUMBER, json!(["latest", false])),
        ("txpool_status", json!([])),
    ];
    let [block, pool] = node.call_all(calls).await?;
    Ok((block, pool.get("pending").is_some_and(|pending| pending != "0x0")))
}

/// Shared by the gate's workers.
pub(super) type Shared = Arc<Sequencer>;
