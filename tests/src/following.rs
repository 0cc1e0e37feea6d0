//! A follower of a [`TestLog`], and what its read models show.

use std::sync::Arc;
use std::time::Duration;

use api_server::SystemClock;
use application::ports::queries::{ProjectionHash, Queries};
use infrastructure::chain::{BlockId, EventLog, Node, RpcOptions};
use infrastructure::follower::status::StatusCell;
use infrastructure::follower::{FinalityRule, Follower, FollowerConfig};
use infrastructure::notices::{Notice, Notices};
use infrastructure::postgres::LIVE;
use projections::{PgQueries, ReadModels};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::log::TestLog;

/// How long a follower is waited for.
const SOON: Duration = Duration::from_secs(20);

/// A follower that runs until it is dropped.
pub struct Running {
    /// What it tells.
    pub status: StatusCell,
    notices: UnboundedReceiver<Arc<Notice>>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// One of the log's own node.
    pub fn start(log: &TestLog, finality: FinalityRule) -> Self {
        let notices = Notices::default();
        Self::run(log.follower(finality, notices.clone()), &notices)
    }

    /// One of these nodes. It looks at the others often.
    pub fn over(log: &TestLog, nodes: &[String], finality: FinalityRule) -> Self {
        let node = Node::new(nodes, log.log.node().chain_id(), RpcOptions::default()).expect("nodes");
        let config = FollowerConfig {
            witness_every: Duration::from_millis(50),
            look_every: Duration::from_millis(50),
            still_for: Duration::from_secs(1),
            ..FollowerConfig::new(finality, log.deployed_in)
        };
        let log_of_nodes = EventLog::new(node, log.log.address());
        let notices = Notices::default();
        let follower = Follower::new(
            config,
            log_of_nodes,
            log.opener(),
            log.pool(LIVE),
            ReadModels,
            notices.clone(),
        );
        Self::run(follower, &notices)
    }

    /// This one, with its notices.
    pub fn run(follower: Follower<ReadModels>, notices: &Notices) -> Self {
        let (status, cancel) = (follower.status(), CancellationToken::new());
        let task = tokio::spawn(follower.run(cancel.clone()));
        Self {
            status,
            notices: notices.subscribe(),
            cancel,
            task,
        }
    }

    /// Waits until the follower is where the chain is.
    pub async fn caught_up(&self, log: &TestLog) {
        let head = log.log.head(BlockId::Latest).await.expect("the log's head");
        let block = log.log.node().block_number().await.expect("a block");
        let there = async {
            loop {
                let progress = self.status.get().progress;
                if (progress.position, progress.block) == (head.position, block) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let arrived = tokio::time::timeout(SOON, there).await;
        arrived.unwrap_or_else(|_| panic!("{:?}, not {} in {block}", self.status.get(), head.position));
    }

    /// How often blocks were undone.
    pub fn reverts(&mut self) -> usize {
        let heard = std::iter::from_fn(|| self.notices.try_recv().ok());
        heard
            .filter(|notice| matches!(**notice, Notice::Reverted { .. }))
            .count()
    }

    /// Stops it.
    pub async fn stop(self) {
        self.cancel.cancel();
        self.task.await.expect("a follower that ends");
    }
}

/// The content hashes of the read models in a schema of the log's database.
pub async fn hashes(log: &TestLog, schema: &str) -> Vec<ProjectionHash> {
    let queries = PgQueries::new(log.pool(schema), Arc::new(SystemClock));
    queries.content_hashes().await.expect("hashes")
}
