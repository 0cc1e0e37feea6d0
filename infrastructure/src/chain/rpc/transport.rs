//! What carries a request to a node and its answer back: HTTP, or in tests something else.

use async_trait::async_trait;
use reqwest::Client;
pub use reqwest::Url;

use super::RpcOptions;
use super::error::{ChainError, broken_off, transport};

/// An answer as it comes: what JSON-RPC makes of it is not looked at here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The status, as HTTP has it.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// What carries requests.
#[async_trait]
pub trait Transport: Send + Sync + std::fmt::Debug {
    /// Sends a body to a node, and brings what it answers, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`ChainError`], when nothing comes back, too late, or too much.
    async fn send(&self, to: &Url, body: Vec<u8>, limit: usize) -> Result<Reply, ChainError>;
}

/// HTTP. It follows no redirection and uses no proxy.
#[derive(Debug)]
pub(super) struct Http(Client);

impl Http {
    pub(super) fn new(options: RpcOptions) -> Result<Self, ChainError> {
        let client = Client::builder()
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout)
            .tcp_nodelay(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        client.map(Self).map_err(transport)
    }
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, to: &Url, body: Vec<u8>, limit: usize) -> Result<Reply, ChainError> {
        let mut response = self
            .0
            .post(to.clone())
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
        while let Some(chunk) = response.chunk().await.map_err(broken_off)? {
            if answer.len() + chunk.len() > limit {
                return Err(ChainError::TooLarge { limit });
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status: response.status().as_u16(),
            body: answer,
        })
    }
}
