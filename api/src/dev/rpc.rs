//! The few calls that the tooling makes to a node that it started itself. Everything else goes through the chain adapter.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::DevError;

/// A client of one node.
#[derive(Clone, Debug)]
pub struct Rpc {
    client: reqwest::Client,
    url: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    result: Value,
    error: Option<Value>,
}

impl Rpc {
    /// For the node at this URL.
    pub fn new(url: String) -> Self {
        Self {
            client: reqwest::Client::new(),
            url,
        }
    }

    /// The node's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls a method.
    ///
    /// # Errors
    /// When the node cannot be reached, refuses, or answers something else.
    pub async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, DevError> {
        let refused = |message: String| DevError::Chain { method, message };
        let answer: Answer = self
            .client
            .post(&self.url)
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
            .send()
            .await
            .map_err(|error| refused(error.to_string()))?
            .json()
            .await
            .map_err(|error| refused(error.to_string()))?;
        if let Some(error) = answer.error {
            return Err(refused(error.to_string()));
        }
        serde_json::from_value(answer.result).map_err(|error| refused(error.to_string()))
    }
}
