//! Nodes for tests, of which each answers what a script has it answer.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::chain::rpc::{Reply, RpcClient, Transport, Url};
use crate::chain::{ChainError, Node, RpcOptions};

/// What a node answers to a method with its parameters: a result, or an error's code and message. `None`: nothing.
pub(super) type Answer = Option<Result<Value, (i64, &'static str)>>;

type Script = dyn Fn(usize, &str, &Value) -> Answer + Send + Sync;

struct Scripted(Box<Script>);

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, to: &Url, body: Vec<u8>, _: usize) -> Result<Reply, ChainError> {
        let node = usize::from(to.port().unwrap()) - 1;
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let answer = |call: &Value| {
            let (id, method) = (&call["id"], call["method"].as_str().unwrap());
            if method == "eth_chainId" {
                return Ok(json!({ "jsonrpc": "2.0", "id": id, "result": "0x1" }));
            }
            match (self.0)(node, method, &call["params"]).ok_or(ChainError::Timeout)? {
                Ok(result) => Ok(json!({ "jsonrpc": "2.0", "id": id, "result": result })),
                Err((code, message)) => {
                    Ok(json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }))
                }
            }
        };
        let body = match asked.as_array() {
            Some(calls) => calls.iter().map(answer).collect::<Result<Value, ChainError>>()?,
            None => answer(&asked)?,
        };
        let body = body.to_string().into_bytes();
        Ok(Reply { status: 200, body })
    }
}

/// So many nodes, which the script counts from 0.
pub(super) fn nodes(count: usize, script: impl Fn(usize, &str, &Value) -> Answer + Send + Sync + 'static) -> Node {
    let urls: Vec<String> = (1..=count).map(|port| format!("http://node:{port}")).collect();
    let transport = Arc::new(Scripted(Box::new(script)));
    let client = RpcClient::over(transport, &urls, Some(1), RpcOptions::default()).unwrap();
    Node::behind(client, 1)
}

/// Bytes as nodes write them.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold("0x".to_owned(), |all, byte| format!("{all}{byte:02x}"))
}
