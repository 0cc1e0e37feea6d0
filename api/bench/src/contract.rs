//! The contract alone, fed with full batches by one client: what the chain can take at most.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use api_dev::system::System as Surroundings;
use application::log::StreamId;
use domain::kernel::CommandId;
use infrastructure::chain::codec::append_calldata;
use infrastructure::chain::gas::{GasBounds, GasRules, Size, TRANSACTION_CAP, probe};
use infrastructure::chain::{Address, BlockId, EventLog, Node, RpcOptions, Signer, Transaction, deploy};
use infrastructure::log::{Commit, LogLocation, Namespace, StreamHead, StreamPart};
use serde::Serialize;
use uuid::Uuid;

use super::measure::round;

/// How many events a batch has at most.
const BATCH: usize = 300;

/// How many batches are sent.
const BATCHES: usize = 60;

/// The size of a payload: the median of an import's events.
const PAYLOAD: usize = 128;

/// What is offered for a unit of gas at least, in wei. More than the market asks for is not paid.
const MAX_FEE: u128 = 100_000_000_000;

/// The most that a transaction may come to, in wei: Geth refuses to take one that might pay more than an ether.
const MOST_PAID: u128 = 900_000_000_000_000_000;

/// How long the last batches may take to be mined.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the contract took.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct ContractAlone {
    /// Events appended.
    pub events: u64,
    /// Events in a batch.
    pub batch: usize,
    /// Events a second.
    pub per_second: f64,
}

/// A contract of its own, and who may append to it.
pub(super) struct Bench {
    pub(super) log: EventLog,
    pub(super) signer: Signer,
    /// The namespace in it.
    pub(super) namespace: Namespace,
    /// How many entries the log had before anything was appended: those that opened the namespace.
    before: u64,
    /// The block in which it was deployed.
    pub(super) deployed_in: u64,
    rules: GasRules,
    bounds: GasBounds,
    /// The most that is paid for a unit of gas, in wei.
    max_fee: u128,
    /// The most of it that goes to the block's producer, in wei.
    priority_fee: u128,
    nonce: u64,
}

impl Bench {
    /// Deploys a contract to the chain of a system.
    pub(super) async fn deploy(surroundings: &Surroundings) -> anyhow::Result<Self> {
        let chain = surroundings.chain();
        let node = Node::new(&[chain.url()], chain.chain_id(), RpcOptions::default())?;
        let mut secret = Uuid::new_v4().simple().to_string();
        secret += &Uuid::new_v4().simple().to_string();
        let signer: Signer = secret.parse()?;
        chain.fund(&node, signer.address()).await?;
        let deployment = deploy::deploy(&node, &signer, &[signer.address()], 0, |_| ()).await?;
        let nonce = node.nonce(signer.address()).await?;
        let newest = node.header(BlockId::Latest).await?.context("a chain without blocks")?;
        let fees = node.fees().await?;
        let log = EventLog::new(node, deployment.address);
        let namespace = deployment.namespace;
        Ok(Self {
            bounds: GasBounds {
                cap: TRANSACTION_CAP,
                // Fuller blocks raise the base fee from one to the next.
                block: newest.gas_limit / 2,
            },
            max_fee: MAX_FEE.max(2 * fees.base + fees.priority),
            priority_fee: fees.priority,
            rules: probe(&log, namespace, signer.address(), &[]).await?,
            before: log.head(BlockId::Latest).await?.position,
            log,
            signer,
            namespace,
            deployed_in: deployment.block,
            nonce,
        })
    }

    /// Sends a batch, without waiting until it is mined.
    pub(super) async fn send(&mut self, commits: &[Commit]) -> anyhow::Result<()> {
        let raw = self.sign(commits)?;
        Ok(self.log.node().send_raw(&raw).await.map(drop)?)
    }

    /// Waits until the log has so many events.
    pub(super) async fn appended(&self, events: u64) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let head = self.log.head(BlockId::Latest).await?;
            let appended = head.position.saturating_sub(self.before);
            if appended >= events {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                bail!("only {appended} of {events} events were appended");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How many of these commits, from the first on, go into one batch on this chain.
    pub(super) fn most(&self, commits: &[Commit]) -> anyhow::Result<usize> {
        let mut size = Size::default();
        for (count, commit) in commits.iter().take(BATCH).enumerate() {
            size = size.plus(Size::of(commit)?);
            if !self.rules.allow(size, self.bounds) {
                anyhow::ensure!(count > 0, "no commit fits into a block of this chain");
                return Ok(count);
            }
        }
        Ok(commits.len().min(BATCH))
    }

    /// Signs a batch.
    pub(super) fn sign(&mut self, commits: &[Commit]) -> anyhow::Result<Vec<u8>> {
        let mut size = Size::default();
        for commit in commits {
            size = size.plus(Size::of(commit)?);
        }
        let gas_limit = self.rules.limit(size);
        let affordable = MOST_PAID / u128::from(gas_limit.max(1));
        let transaction = Transaction {
            chain_id: self.log.node().chain_id(),
            nonce: self.nonce,
            to: Some(self.address()),
            gas_limit,
            max_fee: self.max_fee.min(affordable),
            priority_fee: self.priority_fee.min(affordable),
            data: append_calldata(commits)?,
        };
        self.nonce = self.nonce.saturating_add(1);
        Ok(self.signer.sign(transaction)?.raw)
    }

    /// Which log it is.
    pub(super) const fn location(&self) -> LogLocation {
        LogLocation {
            chain_id: self.log.node().chain_id(),
            contract: self.log.address().0,
            namespace: self.namespace,
        }
    }

    const fn address(&self) -> Address {
        self.log.address()
    }
}

/// A commit of one event to a new stream.
pub(super) fn commit(namespace: Namespace, payload: usize) -> Commit {
    Commit {
        command_id: CommandId::new(Uuid::new_v4()),
        parts: vec![part(random_stream(namespace), StreamHead::default(), payload)],
    }
}

/// One event for a stream.
pub(super) fn part(stream: StreamId, expected: StreamHead, payload: usize) -> StreamPart {
    let bytes = std::iter::repeat_with(Uuid::new_v4)
        .flat_map(Uuid::into_bytes)
        .take(payload);
    StreamPart {
        stream,
        expected,
        payloads: vec![bytes.collect::<Vec<u8>>().into()],
    }
}

/// A stream that nobody has.
pub(super) fn random_stream(namespace: Namespace) -> StreamId {
    let halves = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()];
    namespace.stream(&halves.concat())
}

/// Measures.
pub(super) async fn run(surroundings: &Surroundings) -> anyhow::Result<ContractAlone> {
    let mut bench = Bench::deploy(surroundings).await?;
    // Signed before the clock starts: it is the chain that is measured.
    let mut batches = Vec::with_capacity(BATCHES);
    let mut batch = BATCH;
    for _ in 0..BATCHES {
        let mut commits: Vec<_> = (0..batch).map(|_| commit(bench.namespace, PAYLOAD)).collect();
        batch = bench.most(&commits)?;
        commits.truncate(batch);
        batches.push(bench.sign(&commits)?);
    }
    let events = (batch * BATCHES) as u64;
    let started = Instant::now();
    // One after another, so that nonces arrive in order; none waits for the one before it to be mined.
    for raw in batches {
        bench.log.node().send_raw(&raw).await?;
    }
    bench.appended(events).await?;
    #[expect(clippy::cast_precision_loss, reason = "a count of events in one run")]
    let per_second = round(events as f64 / started.elapsed().as_secs_f64());
    Ok(ContractAlone {
        events,
        batch,
        per_second,
    })
}

/// The gas that a batch used in the end.
pub(super) async fn gas_of(bench: &mut Bench, commits: &[Commit]) -> anyhow::Result<(u64, Vec<u8>)> {
    let raw = bench.sign(commits)?;
    let hash = bench.log.node().send_raw(&raw).await?;
    for _ in 0..1000 {
        let receipt = bench.log.node().receipts(&[hash]).await?.into_iter().flatten().next();
        if let Some(receipt) = receipt {
            anyhow::ensure!(receipt.succeeded, "a batch was reverted");
            let (transaction, _) = Transaction::decode(&raw)?;
            return Ok((receipt.gas_used, transaction.data));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    None.context("a batch was never mined")
}
