//! A thin JSON-RPC client: calls and batches over HTTP, with timeouts, limits and failover between nodes.
//!
//! - Nodes are asked in the order of the configuration. One that cannot be reached, answers too late, too much or nonsense, or
//!   says that it does not serve, is left for the next one; a node's refusal ([`ChainError::Rpc`]) is an answer and is handed
//!   on. Who finds that a node's answers contradict what is known says so ([`RpcClient::leave`]). `roster` has the rules.
//! - How many calls a batch may have, and how many blocks a range, each node shows by refusing more; `limit` learns it. A batch
//!   that is refused as a whole is asked for in pieces, down to single calls.
//! - A node is asked for its chain id before its first answer is used, and again after it has failed: what comes back
//!   under an old URL may be another chain.
//! - Nothing here panics on what a node sends, and no error names a URL, which may carry a key.

mod error;
mod limit;
mod peer;
mod roster;
mod transport;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::error::ChainError;
pub(crate) use self::error::{TAKEN_WORDS, USED_WORDS};
pub(super) use self::peer::Peer;
use self::peer::{Endpoint, endpoint};
use self::roster::{Fault, Roster};
use self::transport::Http;
pub use self::transport::{Reply, Transport, Url};
pub use self::wire::{Answer, Call};
pub(super) use self::wire::{read, single};

/// Limits of the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RpcOptions {
    /// How long one request to one node may take, answer included.
    pub timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How many bytes an answer may have.
    pub response_limit: usize,
}

impl Default for RpcOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(2),
            response_limit: 128 << 20,
        }
    }
}

/// The client. Clones share connections, and what was learned of the nodes.
#[derive(Clone, Debug)]
pub struct RpcClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    transport: Arc<dyn Transport>,
    endpoints: Vec<Arc<Endpoint>>,
    roster: Mutex<Roster>,
    chain_id: Option<u64>,
    options: RpcOptions,
}

impl RpcClient {
    /// A client of one or more nodes, the preferred one first. With a chain id, only nodes on that chain are believed. Nothing
    /// is sent yet.
    ///
    /// # Errors
    /// When there is no URL, or one is not of HTTP.
    pub fn new(urls: &[String], chain_id: Option<u64>, options: RpcOptions) -> Result<Self, ChainError> {
        Self::over(Arc::new(Http::new(options)?), urls, chain_id, options)
    }

    /// As [`Self::new`], with requests carried by something else than HTTP.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn over(
        transport: Arc<dyn Transport>,
        urls: &[String],
        chain_id: Option<u64>,
        options: RpcOptions,
    ) -> Result<Self, ChainError> {
        let endpoints = urls.iter().map(|url| endpoint(url)).collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(ChainError::Url);
        }
        Ok(Self::of(transport, endpoints, chain_id, options))
    }

    fn of(
        transport: Arc<dyn Transport>,
        endpoints: Vec<Arc<Endpoint>>,
        chain_id: Option<u64>,
        options: RpcOptions,
    ) -> Self {
        let inner = Inner {
            transport,
            roster: Mutex::new(Roster::new(endpoints.len())),
            endpoints,
            chain_id,
            options,
        };
        Self { inner: Arc::new(inner) }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.inner.endpoints.len()
    }

    /// Which node is asked first.
    pub fn first(&self) -> usize {
        self.roster().first()
    }

    /// A client for each node alone, in the order of the configuration.
    pub fn each(&self) -> Vec<Self> {
        let Inner {
            transport,
            endpoints,
            chain_id,
            options,
            ..
        } = &*self.inner;
        endpoints
            .iter()
            .map(|endpoint| Self::of(Arc::clone(transport), vec![Arc::clone(endpoint)], *chain_id, *options))
            .collect()
    }

    /// What this node answers is not believed, or not up to date: it is asked after the others, until it is welcome again. Alone it is
    /// asked on.
    pub fn leave(&self, node: usize, why: &str) {
        self.note_left(node, Fault::Conduct, why);
    }

    /// Whether a node was left so long ago that it may come back, if it is well.
    pub fn may_return(&self, node: usize) -> bool {
        self.roster().may_return(node, Instant::now())
    }

    /// Whether a node was left.
    pub fn is_left(&self, node: usize) -> bool {
        self.roster().is_left(node)
    }

    /// A node was seen to be well: it has its place again.
    pub fn welcome(&self, node: usize) {
        if self.roster().welcome(node) {
            tracing::info!(node = node.saturating_add(1), "a node that was left is well again");
        }
    }

    /// The nodes that were left, each in a sentence. No URL is named: the nodes are counted as they are configured.
    pub fn left(&self) -> Vec<String> {
        let count = self.nodes();
        let told = |(index, why): (usize, &str)| {
            let number = index.saturating_add(1);
            format!("node {number} of {count} was left for another one: {why}")
        };
        self.roster().all_left().map(told).collect()
    }

    /// One call.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn call<T: DeserializeOwned>(&self, method: &str, params: impl Serialize) -> Result<T, ChainError> {
        self.call_with(method, params, Ok).await
    }

    /// One call whose result is read while it still borrows from the answer. If `read` fails, the next node is asked.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn call_with<T, R>(
        &self,
        method: &str,
        params: impl Serialize,
        read: impl Fn(T) -> Result<R, ChainError>,
    ) -> Result<R, ChainError>
    where
        T: for<'de> Deserialize<'de>,
    {
        let (params, read) = (&params, &read);
        let read = &|body: &[u8]| single::<T>(body).and_then(read);
        self.ask(move |peer| async move { peer.call(method, params, read).await })
            .await
    }

    /// As [`Self::call_with`], for what any node of the chain can tell: one that refuses is at fault, and the next is asked.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn demand<T, R>(
        &self,
        method: &str,
        params: impl Serialize,
        read: impl Fn(T) -> Result<R, ChainError>,
    ) -> Result<R, ChainError>
    where
        T: for<'de> Deserialize<'de>,
    {
        let (params, read) = (&params, &read);
        let read = &|body: &[u8]| single::<T>(body).and_then(read).map_err(ChainError::owed);
        self.ask(move |peer| async move { peer.call(method, params, read).await })
            .await
    }

    /// Several calls in as few requests as the node takes. `read` gets the answers in the order of the calls; if it fails, the next
    /// node is asked.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn batch<R>(
        &self,
        calls: &[Call],
        read: impl Fn(&[Answer]) -> Result<R, ChainError>,
    ) -> Result<R, ChainError> {
        let read = &read;
        self.ask(move |peer| async move { read(&peer.batch(calls).await?) })
            .await
    }

    /// Asks the nodes one after another, until one has an answer. Everything that `question` asks, it asks one node.
    ///
    /// # Errors
    /// [`ChainError`].
    pub(super) async fn ask<R, F>(&self, question: impl Fn(Peer) -> F) -> Result<R, ChainError>
    where
        F: Future<Output = Result<R, ChainError>>,
    {
        let order = self.roster().order();
        let mut failure = ChainError::Url;
        for index in order {
            let Some(endpoint) = self.inner.endpoints.get(index) else {
                continue;
            };
            let peer = Peer::new(
                Arc::clone(&self.inner.transport),
                Arc::clone(endpoint),
                self.inner.chain_id,
                self.inner.options,
            );
            match question(peer).await {
                Err(error) if error.is_the_nodes_fault() => {
                    endpoint.doubt();
                    self.note_left(index, Fault::Silence, &error.to_string());
                    failure = error;
                }
                answer => {
                    if self.roster().answered(index) {
                        tracing::info!(node = index.saturating_add(1), "a node that was left answers again");
                    }
                    return answer;
                }
            }
        }
        Err(failure)
    }

    fn note_left(&self, node: usize, fault: Fault, why: &str) {
        if self.roster().leave(node, fault, why, Instant::now()) {
            let (number, of) = (node.saturating_add(1), self.nodes());
            tracing::warn!(node = number, of, why, "a node is left for the next one");
        }
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.inner.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
