//! The chain's URL: reads pass, transactions are sequenced, and what would change the chain past the journal is refused.

use std::borrow::Cow;

use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::web::{Bytes, Data, PayloadConfig, post};
use actix_web::{App, HttpResponse, HttpServer};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::sequencer::{Absent, BLOCK_BY_NUMBER, Sequencer, Shared};
use crate::error::DevError;
use crate::port::{self, Port};

/// The largest request: a batch of the largest transactions that nodes take.
const LARGEST: usize = 32 << 20;

/// What a call wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Intent {
    Read,
    /// It asks for the newest block; without its transactions, and nothing beside it, if it is `bare`.
    Newest {
        bare: bool,
    },
    Send,
    Forbidden,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

impl Call<'_> {
    fn intent(&self) -> Intent {
        match self.method.as_ref() {
            "eth_sendRawTransaction" => Intent::Send,
            "eth_blockNumber" => Intent::Newest { bare: false },
            BLOCK_BY_NUMBER => match self.block() {
                Some(("latest", whole)) => Intent::Newest { bare: !whole },
                _ => Intent::Read,
            },
            method if method.starts_with("eth_send") => Intent::Forbidden,
            method
                if ["eth_", "net_", "web3_", "debug_", "trace_", "txpool_"]
                    .iter()
                    .any(|kind| method.starts_with(kind)) =>
            {
                Intent::Read
            }
            _ => Intent::Forbidden,
        }
    }

    /// Which block it asks for, and whether with its transactions.
    fn block(&self) -> Option<(&str, bool)> {
        serde_json::from_str(self.params?.get()).ok()
    }

    /// The newest block as its answer.
    fn answer(&self, block: &Value) -> Bytes {
        let id = self.id.map_or("null", RawValue::get);
        Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{block}}}"#))
    }
}

/// Listens for clients.
pub(super) fn serve(wanted: Port, sequencer: Shared) -> Result<(u16, ServerHandle), DevError> {
    let listener = port::listen(wanted, "the chain")?;
    let port = listener.local_addr().map_err(DevError::NoPort)?.port();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(PayloadConfig::new(LARGEST))
            .app_data(Data::from(Shared::clone(&sequencer)))
            .route("/", post().to(answer))
    })
    .workers(2)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)
    .map_err(DevError::NoPort)?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok((port, handle))
}

async fn answer(body: Bytes, sequencer: Data<Sequencer>) -> HttpResponse {
    let calls = match body.first() {
        Some(b'[') => serde_json::from_slice::<Vec<Call<'_>>>(&body),
        _ => serde_json::from_slice::<Call<'_>>(&body).map(|call| vec![call]),
    };
    let Ok(calls) = calls else {
        return HttpResponse::BadRequest().json(error(&Value::Null, -32700, "not a JSON-RPC request"));
    };
    let intents: Vec<Intent> = calls.iter().map(Call::intent).collect();
    if intents.iter().any(|intent| matches!(intent, Intent::Newest { .. })) {
        sequencer.up_to_date().await;
    }
    let reads = |intent: &Intent| matches!(intent, Intent::Read | Intent::Newest { .. });
    let answered = match (calls.as_slice(), intents.as_slice()) {
        ([call], [Intent::Newest { bare: true }]) if body.first() != Some(&b'[') => {
            sequencer.newest().await.map(|block| call.answer(&block))
        }
        _ if intents.iter().all(reads) => sequencer.read(body.clone()).await,
        _ => one_by_one(&body, &intents, &sequencer).await,
    };
    match answered {
        Ok(answer) => HttpResponse::Ok().content_type("application/json").body(answer),
        // Not a JSON-RPC error: that would be the word of a node, and there is none.
        Err(absent) => HttpResponse::ServiceUnavailable()
            .insert_header((header::RETRY_AFTER, "1"))
            .content_type("text/plain")
            .body(absent.to_string()),
    }
}

/// Answers a request in which something writes, in the order of its calls.
async fn one_by_one(body: &Bytes, intents: &[Intent], sequencer: &Sequencer) -> Result<Bytes, Absent> {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let (calls, batch) = match request {
        Value::Array(calls) => (calls, true),
        call => (vec![call], false),
    };
    let mut answers = Vec::with_capacity(calls.len());
    for (call, intent) in calls.iter().zip(intents) {
        let id = call.get("id").cloned().unwrap_or_default();
        let bytes = Bytes::from(call.to_string());
        answers.push(match (intent, call.pointer("/params/0").and_then(Value::as_str)) {
            (Intent::Read | Intent::Newest { .. }, _) => sequencer.read(bytes).await?,
            (Intent::Send, Some(raw)) => sequencer.send(raw, bytes).await?,
            (Intent::Send, None) => error(&id, -32602, "a transaction is missing").to_string().into(),
            (Intent::Forbidden, _) => error(
                &id,
                -32601,
                "this chain is kept by its transactions alone: send a signed one",
            )
            .to_string()
            .into(),
        });
    }
    Ok(if batch {
        let inner = answers
            .iter()
            .map(|answer| String::from_utf8_lossy(answer))
            .collect::<Vec<_>>()
            .join(",");
        Bytes::from(format!("[{inner}]"))
    } else {
        answers.pop().unwrap_or_default()
    })
}

fn error(id: &Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reads_and_signed_transactions_pass() {
        let intent = |method: &'static str| {
            let (method, params, id) = (method.into(), None, None);
            Call { method, params, id }.intent()
        };
        for method in [
            "eth_getLogs",
            "eth_call",
            "net_version",
            "web3_clientVersion",
            "debug_traceTransaction",
        ] {
            assert_eq!(intent(method), Intent::Read, "{method}");
        }
        assert_eq!(intent("eth_sendRawTransaction"), Intent::Send);
        for method in [
            "eth_sendTransaction",
            "eth_sendUnsignedTransaction",
            "evm_mine",
            "anvil_reset",
            "hardhat_setBalance",
        ] {
            assert_eq!(intent(method), Intent::Forbidden, "{method}");
        }
    }

    #[test]
    fn who_asks_for_the_newest_block_is_known() {
        let intent = |params: &str| {
            let request = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"eth_getBlockByNumber","params":{params}}}"#);
            serde_json::from_str::<Call<'_>>(&request).unwrap().intent()
        };
        assert_eq!(intent(r#"["latest",false]"#), Intent::Newest { bare: true });
        assert_eq!(intent(r#"["latest", true]"#), Intent::Newest { bare: false });
        for other in [
            r#"["finalized",false]"#,
            r#"["0x7",false]"#,
            r#"["latest"]"#,
            "[]",
            "{}",
        ] {
            assert_eq!(intent(other), Intent::Read, "{other}");
        }
    }
}
