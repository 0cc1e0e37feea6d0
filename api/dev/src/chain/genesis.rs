//! The empty chain that ours continues: one block, and nobody has anything.

use actix_web::dev::ServerHandle;
use actix_web::web::{Data, Json, post};
use actix_web::{App, HttpResponse, HttpServer};
use serde_json::{Value, json};

use crate::error::DevError;
use crate::port::{self, Port};

/// keccak-256 of the empty list, as the hash of no uncles.
const NO_UNCLES: &str = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";

/// The root of a trie with nothing in it.
const EMPTY_ROOT: &str = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";

#[derive(Clone, Copy)]
struct Genesis {
    chain_id: u64,
    time: u64,
}

/// Serves it on a port of its own.
pub(super) fn serve(chain_id: u64, time: u64) -> Result<(u16, ServerHandle), DevError> {
    let listener = port::listen(Port::Any, "the chain's beginning")?;
    let port = listener.local_addr().map_err(DevError::NoPort)?.port();
    let genesis = Genesis { chain_id, time };
    let server = HttpServer::new(move || App::new().app_data(Data::new(genesis)).route("/", post().to(answer)))
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)
        .map_err(DevError::NoPort)?
        .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok((port, handle))
}

async fn answer(request: Json<Value>, genesis: Data<Genesis>) -> HttpResponse {
    HttpResponse::Ok().json(match request.as_array() {
        Some(calls) => calls.iter().map(|call| genesis.answer(call)).collect(),
        None => genesis.answer(&request),
    })
}

impl Genesis {
    fn answer(&self, call: &Value) -> Value {
        let id = call.get("id").cloned().unwrap_or_default();
        let method = call.get("method").and_then(Value::as_str).unwrap_or_default();
        let first = call.pointer("/params/0").unwrap_or(&Value::Null);
        match self.result(method, first) {
            Some(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            None => {
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "the method does not exist"}})
            }
        }
    }

    fn result(&self, method: &str, first: &Value) -> Option<Value> {
        Some(match method {
            "eth_chainId" => json!(format!("{:#x}", self.chain_id)),
            "net_version" => json!(self.chain_id.to_string()),
            "eth_blockNumber" | "eth_getBalance" | "eth_getTransactionCount" => json!("0x0"),
            "eth_gasPrice" => json!("0x1"),
            "eth_getCode" => json!("0x"),
            "eth_getStorageAt" => json!(format!("0x{}", "0".repeat(64))),
            // By range; a block of which it is asked by hash is not one of this chain.
            "eth_getLogs" if first.get("blockHash").is_none() => json!([]),
            "eth_getBlockByHash" if *first == json!(self.hash()) => self.block(),
            "eth_getBlockByNumber" if ["0x0", "earliest", "latest"].contains(&first.as_str()?) => self.block(),
            "eth_getBlockByHash"
            | "eth_getBlockByNumber"
            | "eth_getTransactionByHash"
            | "eth_getTransactionReceipt" => Value::Null,
            _ => return None,
        })
    }

    /// Nobody checks this one: it only has to be the same every time, and another for another chain.
    fn hash(&self) -> String {
        format!("0x{:032x}{:032x}", self.chain_id, self.time)
    }

    fn block(&self) -> Value {
        let zeros = |bytes: usize| format!("0x{}", "00".repeat(bytes));
        json!({
            "number": "0x0",
            "hash": self.hash(),
            "parentHash": zeros(32),
            "sha3Uncles": NO_UNCLES,
            "miner": zeros(20),
            "stateRoot": EMPTY_ROOT,
            "transactionsRoot": EMPTY_ROOT,
            "receiptsRoot": EMPTY_ROOT,
            "logsBloom": zeros(256),
            "difficulty": "0x0",
            "totalDifficulty": "0x0",
            "gasLimit": format!("{:#x}", 60_000_000),
            "gasUsed": "0x0",
            "timestamp": format!("{:#x}", self.time),
            "extraData": "0x",
            "mixHash": zeros(32),
            "nonce": zeros(8),
            "baseFeePerGas": format!("{:#x}", 1_000_000_000),
            "withdrawalsRoot": EMPTY_ROOT,
            "withdrawals": [],
            "blobGasUsed": "0x0",
            "excessBlobGas": "0x0",
            "parentBeaconBlockRoot": zeros(32),
            "size": "0x220",
            "uncles": [],
            "transactions": [],
        })
    }
}
