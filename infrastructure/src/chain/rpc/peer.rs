//! One node: what it is asked, and what was learned of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Url;
use serde::Serialize;

use super::super::hex::Number;
use super::RpcOptions;
use super::error::ChainError;
use super::limit::Limit;
use super::transport::Transport;
use super::wire::{Answer, Call, Request, many, single};

/// The most calls in one batch.
const MOST_CALLS: u64 = 256;
/// The most blocks in one range.
const MOST_BLOCKS: u64 = 2_000;

/// Where a node is, and what was learned of it.
#[derive(Debug)]
pub(super) struct Endpoint {
    url: Url,
    on_our_chain: AtomicBool,
    limits: Mutex<Limits>,
}

/// How much a node gives at once.
#[derive(Debug)]
pub(in crate::chain) struct Limits {
    /// Calls in a batch; one is no batch.
    pub(in crate::chain) calls: Limit,
    /// Blocks in a range of logs; none is one block, asked for by its hash.
    pub(in crate::chain) blocks: Limit,
}

/// The node at this URL, of which nothing is known.
pub(super) fn endpoint(url: &str) -> Result<Arc<Endpoint>, ChainError> {
    let url = Url::parse(url).map_err(|_| ChainError::Url)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ChainError::Url);
    }
    Ok(Arc::new(Endpoint {
        url,
        on_our_chain: AtomicBool::new(false),
        limits: Mutex::new(Limits {
            calls: Limit::new(1, MOST_CALLS),
            blocks: Limit::new(0, MOST_BLOCKS),
        }),
    }))
}

impl Endpoint {
    /// Whichever chain it was on, it may be on another now.
    pub(super) fn doubt(&self) {
        self.on_our_chain.store(false, Ordering::Relaxed);
    }
}

/// A node that is being asked.
#[derive(Clone, Debug)]
pub(in crate::chain) struct Peer {
    transport: Arc<dyn Transport>,
    endpoint: Arc<Endpoint>,
    chain_id: Option<u64>,
    options: RpcOptions,
}

impl Peer {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        endpoint: Arc<Endpoint>,
        chain_id: Option<u64>,
        options: RpcOptions,
    ) -> Self {
        Self {
            transport,
            endpoint,
            chain_id,
            options,
        }
    }

    /// What is known of how much it gives at once.
    pub(in crate::chain) fn limits(&self) -> MutexGuard<'_, Limits> {
        self.endpoint.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call whose answer's body is read by `read`, which may borrow from it: see [`single`].
    pub(in crate::chain) async fn call<R>(
        &self,
        method: &str,
        params: impl Serialize,
        read: &impl Fn(&[u8]) -> Result<R, ChainError>,
    ) -> Result<R, ChainError> {
        self.post(&Request::new(0, method, params), read).await
    }

    /// Several calls of a kind, in as few requests as the node takes. What it does not answer even alone is that call's error.
    ///
    /// # Errors
    /// What kept the node from answering, or from answering the first call.
    pub(in crate::chain) async fn batch(&self, calls: &[Call]) -> Result<Vec<Answer>, ChainError> {
        let mut answers = Vec::with_capacity(calls.len());
        let mut rest = calls;
        while !rest.is_empty() {
            let size = self.limits().calls.allowed().min(rest.len() as u64).max(1);
            let at = usize::try_from(size).unwrap_or(usize::MAX);
            let (piece, after) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            match self.at_once(piece).await {
                Ok(some) => {
                    self.limits().calls.took(size);
                    answers.extend(some);
                    rest = after;
                }
                Err(error) if error.may_be_too_much() => {
                    if !self.limits().calls.refused(size) {
                        if answers.is_empty() {
                            return Err(error);
                        }
                        answers.push(Err(error));
                        rest = after;
                    }
                }
                Err(error) => {
                    if error.may_be_too_slow() {
                        self.limits().calls.refused(size);
                    }
                    return Err(error);
                }
            }
        }
        Ok(answers)
    }

    /// Several calls in one request; one alone is no batch. Nothing is learned from it.
    pub(in crate::chain) async fn at_once(&self, calls: &[Call]) -> Result<Vec<Answer>, ChainError> {
        if let [call] = calls {
            let read = |body: &[u8]| Ok(vec![Ok(single(body)?)]);
            return self.call(call.method, &call.params, &read).await;
        }
        let requests = calls.iter().enumerate();
        let requests: Vec<_> = requests
            .map(|(id, call)| Request::new(id, call.method, &call.params))
            .collect();
        let read = |body: &[u8]| many(body, calls.len());
        let answers = self.post(&requests, &read).await?;
        // Some nodes answer the first calls, and the others with this.
        let too_large = |answer: &Answer| matches!(answer, Err(error) if error.is_too_large_an_answer());
        match answers.iter().find(|answer| too_large(answer)) {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(answers),
        }
    }

    async fn post<R>(
        &self,
        request: &impl Serialize,
        read: &impl Fn(&[u8]) -> Result<R, ChainError>,
    ) -> Result<R, ChainError> {
        if let Some(expected) = self.chain_id
            && !self.endpoint.on_our_chain.load(Ordering::Relaxed)
        {
            let question = Request::new(0, "eth_chainId", [(); 0]);
            let answer = self.exchange(&question, &|body: &[u8]| single::<Number>(body)).await;
            let Number(actual) = answer.map_err(ChainError::owed)?;
            if actual != expected {
                return Err(ChainError::WrongChain { expected, actual });
            }
            self.endpoint.on_our_chain.store(true, Ordering::Relaxed);
        }
        self.exchange(request, read).await
    }

    async fn exchange<R>(
        &self,
        request: &impl Serialize,
        read: &impl Fn(&[u8]) -> Result<R, ChainError>,
    ) -> Result<R, ChainError> {
        let body = serde_json::to_vec(request).map_err(ChainError::malformed)?;
        let limit = self.options.response_limit;
        let reply = self.transport.send(&self.endpoint.url, body, limit).await?;
        read(&reply.body).map_err(|error| {
            if (200..300).contains(&reply.status) {
                error
            } else {
                error.under(reply.status)
            }
        })
    }
}
