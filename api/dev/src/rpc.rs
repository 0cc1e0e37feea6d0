//! The few calls that the tooling makes to a node that it started itself. Everything else goes through the chain adapter.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
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

    /// Calls several methods at once, and answers in their order.
    ///
    /// # Errors
    /// When the node cannot be reached, or refuses one of them, or answers something else.
    pub async fn call_all<const N: usize>(&self, calls: [(&'static str, Value); N]) -> Result<[Value; N], DevError> {
        let method = calls.first().map_or("", |(method, _)| *method);
        let refused = |message: String| DevError::Chain { method, message };
        let request = |(id, (method, params)): (usize, &(&str, Value))| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let batch: Vec<Value> = calls.iter().enumerate().map(request).collect();
        let answers: Vec<Answer> = self.post(&batch).await.map_err(|error| refused(error.to_string()))?;
        if let Some(error) = answers.iter().find_map(|answer| answer.error.as_ref()) {
            return Err(refused(error.to_string()));
        }
        let results: Vec<Value> = answers.into_iter().map(|answer| answer.result).collect();
        results
            .try_into()
            .map_err(|_| refused("not as many answers as questions".to_owned()))
    }

    /// Calls a method.
    ///
    /// # Errors
    /// When the node cannot be reached, refuses, or answers something else.
    pub async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, DevError> {
        let refused = |message: String| DevError::Chain { method, message };
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer: Answer = self.post(&request).await.map_err(|error| refused(error.to_string()))?;
        if let Some(error) = answer.error {
            return Err(refused(error.to_string()));
        }
        serde_json::from_value(answer.result).map_err(|error| refused(error.to_string()))
    }

    async fn post<T: DeserializeOwned>(&self, body: &impl Serialize) -> Result<T, reqwest::Error> {
        self.client.post(&self.url).json(body).send().await?.json().await
    }
}
