//! A thin JSON-RPC client: calls and batches over HTTP, with timeouts, limits and failover between nodes.
//!
//! - A node that cannot be reached, answers too late, too much or nonsense is left for the next one; whichever answered
//!   last is asked first next time. A node's own refusal ([`ChainError::Rpc`]) is an answer and is handed on.
//! - Who finds that a node's answers contradict what is known says so ([`RpcClient::prefer_another`]).
//! - A node is asked for its chain id before its first answer is used, and again after it has failed: what comes back
//!   under an old URL may be another chain.
//! - Nothing here panics on what a node sends, and no error names a URL, which may carry a key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Client, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::hex::Number;

/// Why a question to the chain has no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChainError {
    /// The node cannot be reached, or the connection broke.
    #[error("the node cannot be reached: {0}")]
    Transport(String),
    /// The node took too long.
    #[error("the node did not answer in time")]
    Timeout,
    /// The node answered with an HTTP status other than success, and no JSON-RPC error.
    #[error("the node answered with HTTP status {0}")]
    Status(u16),
    /// The answer is larger than allowed.
    #[error("the node's answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The answer is not what was asked for.
    #[error("the node's answer is malformed: {0}")]
    Malformed(String),
    /// The answers contradict each other; as after a reorganisation between two of them.
    #[error("the node's answers contradict each other: {0}")]
    Inconsistent(&'static str),
    /// The node refuses.
    #[error("the node refuses ({code}): {message}")]
    Rpc {
        /// The JSON-RPC error code.
        code: i64,
        /// Its message, shortened.
        message: String,
    },
    /// The node is on another chain.
    #[error("the node is on chain {actual}, not {expected}")]
    WrongChain {
        /// The chain that is configured.
        expected: u64,
        /// The chain that the node says it is on.
        actual: u64,
    },
    /// No node's URL is configured, or one is not a URL of HTTP.
    #[error("the node's URL is missing or malformed")]
    Url,
}

impl ChainError {
    /// Whether another node may do better.
    fn is_the_nodes_fault(&self) -> bool {
        !matches!(self, Self::Rpc { .. } | Self::Url)
    }

    /// Whether no node could be reached, as against one that answered something unwelcome.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Transport(_) | Self::Timeout | Self::Status(_))
    }

    /// Whether the node refuses a transaction because its sender cannot pay for it. Nodes agree on no code, so the words decide.
    pub fn is_lack_of_funds(&self) -> bool {
        const WORDS: &[&str] = &[
            "insufficient funds",
            "insufficientfunds",
            "upfront cost exceeds",
            "upfront_cost_exceeds",
        ];
        let Self::Rpc { message, .. } = self else { return false };
        let message = message.to_lowercase();
        WORDS.iter().any(|words| message.contains(words))
    }

    pub(super) fn malformed(what: impl std::fmt::Display) -> Self {
        Self::Malformed(shortened(&what.to_string()))
    }
}

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

/// One call of a batch.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// Its parameters, as a JSON array.
    pub params: serde_json::Value,
}

/// The client. Clones share connections.
#[derive(Clone, Debug)]
pub struct RpcClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: Client,
    endpoints: Vec<Endpoint>,
    preferred: AtomicUsize,
    chain_id: Option<u64>,
    options: RpcOptions,
}

#[derive(Debug)]
struct Endpoint {
    url: Url,
    on_our_chain: AtomicBool,
}

#[derive(Serialize)]
struct Request<'a, P> {
    jsonrpc: &'static str,
    id: usize,
    method: &'a str,
    params: P,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Response<T> {
    id: Option<usize>,
    #[serde(default, deserialize_with = "present")]
    result: Option<T>,
    error: Option<ErrorBody>,
}

#[derive(Deserialize)]
struct Refusal {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: i64,
    #[serde(default)]
    message: String,
}

impl From<ErrorBody> for ChainError {
    fn from(body: ErrorBody) -> Self {
        Self::Rpc {
            code: body.code,
            message: shortened(&body.message),
        }
    }
}

/// Keeps `null` apart from nothing.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn shortened(text: &str) -> String {
    const LIMIT: usize = 300;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text.to_owned(),
    }
}

fn transport(error: reqwest::Error) -> ChainError {
    if error.is_timeout() {
        return ChainError::Timeout;
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    ChainError::Transport(shortened(&text))
}

impl RpcClient {
    /// A client of one or more nodes, the preferred one first. With a chain id, only nodes on that chain are believed. Nothing
    /// is sent yet.
    ///
    /// # Errors
    /// When there is no URL, or one is not of HTTP.
    pub fn new(urls: &[String], chain_id: Option<u64>, options: RpcOptions) -> Result<Self, ChainError> {
        let endpoints = urls.iter().map(|url| endpoint(url)).collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(ChainError::Url);
        }
        let http = Client::builder()
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout)
            .tcp_nodelay(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(transport)?;
        let inner = Inner {
            http,
            endpoints,
            preferred: AtomicUsize::new(0),
            chain_id,
            options,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What answers now is not believed: the next node is asked first from now on.
    pub fn prefer_another(&self) {
        let count = self.inner.endpoints.len();
        let preferred = self.inner.preferred.load(Ordering::Relaxed);
        self.inner.preferred.store((preferred + 1) % count, Ordering::Relaxed);
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.inner.endpoints.len()
    }

    /// A client for each node but the one that is asked first.
    pub fn others(&self) -> Vec<Self> {
        let preferred = self.inner.preferred.load(Ordering::Relaxed);
        let others = self.inner.endpoints.iter().enumerate();
        others
            .filter(|(index, _)| *index != preferred)
            .map(|(_, endpoint)| Self {
                inner: Arc::new(Inner {
                    http: self.inner.http.clone(),
                    endpoints: vec![Endpoint {
                        url: endpoint.url.clone(),
                        on_our_chain: AtomicBool::new(false),
                    }],
                    preferred: AtomicUsize::new(0),
                    chain_id: self.inner.chain_id,
                    options: self.inner.options,
                }),
            })
            .collect()
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
        self.call_borrowed(method, params, |body| single::<T>(body).and_then(&read))
            .await
    }

    /// One call whose answer's body is read by `read`, which may borrow from it: see [`single`].
    pub(super) async fn call_borrowed<R>(
        &self,
        method: &str,
        params: impl Serialize,
        read: impl Fn(&[u8]) -> Result<R, ChainError>,
    ) -> Result<R, ChainError> {
        self.post(
            &Request {
                jsonrpc: "2.0",
                id: 0,
                method,
                params,
            },
            read,
        )
        .await
    }

    /// Several calls in one request. `read` gets the answers in the order of the calls; if it fails, the next node is asked.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn batch<R>(
        &self,
        calls: &[Call],
        read: impl Fn(&[Result<&RawValue, ChainError>]) -> Result<R, ChainError>,
    ) -> Result<R, ChainError> {
        if calls.is_empty() {
            return read(&[]);
        }
        let requests: Vec<_> = calls
            .iter()
            .enumerate()
            .map(|(id, call)| Request {
                jsonrpc: "2.0",
                id,
                method: call.method,
                params: &call.params,
            })
            .collect();
        self.post(&requests, |body| read(&many(body, calls.len())?)).await
    }

    async fn post<R>(
        &self,
        request: &impl Serialize,
        read: impl Fn(&[u8]) -> Result<R, ChainError>,
    ) -> Result<R, ChainError> {
        let body = serde_json::to_vec(request).map_err(ChainError::malformed)?;
        let count = self.inner.endpoints.len();
        let first = self.inner.preferred.load(Ordering::Relaxed);
        let mut failure = ChainError::Url;
        for index in (0..count).map(|step| (first + step) % count) {
            let Some(endpoint) = self.inner.endpoints.get(index) else {
                continue;
            };
            match self.ask(endpoint, &body, &read).await {
                Err(error) if error.is_the_nodes_fault() => {
                    endpoint.on_our_chain.store(false, Ordering::Relaxed);
                    failure = error;
                }
                answer => {
                    self.inner.preferred.store(index, Ordering::Relaxed);
                    return answer;
                }
            }
        }
        Err(failure)
    }

    async fn ask<R>(
        &self,
        endpoint: &Endpoint,
        body: &[u8],
        read: impl Fn(&[u8]) -> Result<R, ChainError>,
    ) -> Result<R, ChainError> {
        if let Some(expected) = self.inner.chain_id
            && !endpoint.on_our_chain.load(Ordering::Relaxed)
        {
            let question = Request {
                jsonrpc: "2.0",
                id: 0,
                method: "eth_chainId",
                params: [(); 0],
            };
            let question = serde_json::to_vec(&question).map_err(ChainError::malformed)?;
            let Number(actual) = self
                .exchange(endpoint, question, &|body: &[u8]| single::<Number>(body))
                .await?;
            if actual != expected {
                return Err(ChainError::WrongChain { expected, actual });
            }
            endpoint.on_our_chain.store(true, Ordering::Relaxed);
        }
        self.exchange(endpoint, body.to_vec(), &read).await
    }

    async fn exchange<R>(
        &self,
        endpoint: &Endpoint,
        body: Vec<u8>,
        read: &impl Fn(&[u8]) -> Result<R, ChainError>,
    ) -> Result<R, ChainError> {
        let limit = self.inner.options.response_limit;
        let mut response = self
            .inner
            .http
            .post(endpoint.url.clone())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await
            .map_err(transport)?;
        let announced = response
            .content_length()
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(0);
        if announced > limit {
            return Err(ChainError::TooLarge { limit });
        }
        let mut answer = Vec::with_capacity(announced);
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if answer.len() + chunk.len() > limit {
                return Err(ChainError::TooLarge { limit });
            }
            answer.extend_from_slice(&chunk);
        }
        let status = response.status();
        match read(&answer) {
            Err(ChainError::Malformed(_)) if !status.is_success() => Err(ChainError::Status(status.as_u16())),
            result => result,
        }
    }
}

fn endpoint(url: &str) -> Result<Endpoint, ChainError> {
    let url = Url::parse(url).map_err(|_| ChainError::Url)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ChainError::Url);
    }
    Ok(Endpoint {
        url,
        on_our_chain: AtomicBool::new(false),
    })
}

/// The result of a single call.
pub(super) fn single<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, ChainError> {
    match serde_json::from_slice::<Response<T>>(body) {
        Ok(Response {
            id: Some(0),
            result: Some(result),
            error: None,
        }) => Ok(result),
        Ok(Response { error: Some(error), .. }) => Err(error.into()),
        Ok(_) => Err(ChainError::malformed("neither the result of this call nor an error")),
        // Some nodes send `"result": null` beside an error.
        Err(cause) => Err(match serde_json::from_slice::<Refusal>(body) {
            Ok(refusal) => refusal.error.into(),
            Err(_) => ChainError::malformed(cause),
        }),
    }
}

/// The results of a batch, in the order of the calls.
fn many(body: &[u8], count: usize) -> Result<Vec<Result<&RawValue, ChainError>>, ChainError> {
    let responses = match serde_json::from_slice::<Vec<Response<&RawValue>>>(body) {
        Ok(responses) => responses,
        Err(cause) => {
            return Err(match serde_json::from_slice::<Refusal>(body) {
                Ok(refusal) => refusal.error.into(),
                Err(_) => ChainError::malformed(cause),
            });
        }
    };
    let mut results: Vec<Option<Result<&RawValue, ChainError>>> = (0..count).map(|_| None).collect();
    for response in responses {
        let slot = response
            .id
            .and_then(|id| results.get_mut(id))
            .filter(|slot| slot.is_none());
        let slot = slot.ok_or_else(|| ChainError::malformed("an answer to a call that was not made"))?;
        *slot = Some(match (response.result, response.error) {
            (_, Some(error)) => Err(error.into()),
            (Some(result), None) => Ok(result),
            (None, None) => return Err(ChainError::malformed("neither a result nor an error")),
        });
    }
    let answered: Option<Vec<_>> = results.into_iter().collect();
    answered.ok_or_else(|| ChainError::malformed("a call of the batch is not answered"))
}

/// Reads one answer of a batch.
pub(super) fn read<'de, T: Deserialize<'de>>(answer: &Result<&'de RawValue, ChainError>) -> Result<T, ChainError> {
    match answer {
        Ok(raw) => serde_json::from_str(raw.get()).map_err(ChainError::malformed),
        Err(error) => Err(error.clone()),
    }
}

#[cfg(test)]
mod tests;
