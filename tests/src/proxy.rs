//! A node that lies: a JSON-RPC proxy in front of an honest one, whose conduct a test changes while it runs.
//!
//! What is not touched by its [`Conduct`] goes through as it is, batches included. It counts its lies, so that a test knows that
//! it has told one.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use infrastructure::chain::contract::{APPENDED, COMMIT_REJECTED};
use serde_json::{Value, json};

/// How a node treats whoever asks it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Conduct {
    /// It answers what is true.
    #[default]
    Honest,
    /// It leaves the first entry out wherever it shows log entries.
    OmitsTheFirstEntry,
    /// It leaves the last entry out.
    OmitsTheLastEntry,
    /// It shows none of the log entries of the newest block that has any.
    DropsABlocksEntries,
    /// It changes a byte in the payload of every entry.
    AltersPayloads,
    /// It shows no rejection. The running hash does not cover them.
    HidesRejections,
    /// It is at this block, as if nothing had happened since. It takes transactions all the same.
    IsStillAt(u64),
    /// It takes its time.
    Delays(Duration),
    /// It answers something that is no JSON.
    AnswersNoJson,
    /// It answers JSON-RPC with a result that nobody asked for.
    AnswersAnotherShape,
    /// It says that it is on this chain.
    ClaimsChain(u64),
    /// It answers with the HTTP status 500.
    Fails,
    /// It says that it has taken a transaction, and forgets it; so many times.
    SwallowsTransactions(u32),
    /// It is another node, with this URL.
    IsAnother(String),
}

/// A node whose conduct can be changed. It is gone when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    liar: Arc<Liar>,
    server: Mutex<Option<ServerHandle>>,
}

struct Liar {
    node: String,
    http: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    conduct: Conduct,
    lies: u32,
}

impl Proxy {
    /// An honest one in front of the node at this URL.
    pub fn of(node: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let liar = Arc::new(Liar {
            node: node.to_owned(),
            http: reqwest::Client::new(),
            state: Mutex::default(),
        });
        Self {
            address: listener.local_addr().expect("an address"),
            server: Mutex::new(Some(serve(listener, Arc::clone(&liar)))),
            liar,
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it behaves like this. Its lies are counted anew.
    pub fn behave(&self, conduct: Conduct) {
        *self.liar.state() = State { conduct, lies: 0 };
    }

    /// How often it has lied, failed or been late since its conduct last changed.
    pub fn lies(&self) -> u32 {
        self.liar.state().lies
    }

    /// Refuses connections from now on, and breaks those that there are.
    pub async fn close(&self) {
        let server = self.server().take();
        if let Some(server) = server {
            server.stop(false).await;
        }
    }

    /// Takes connections again, at the same address.
    pub fn open(&self) {
        let listener = TcpListener::bind(self.address).expect("the port that was ours");
        *self.server() = Some(serve(listener, Arc::clone(&self.liar)));
    }

    fn server(&self) -> std::sync::MutexGuard<'_, Option<ServerHandle>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(server) = self.server().take() {
            // The server is told at once; only its farewell would have to be awaited.
            drop(server.stop(false));
        }
    }
}

fn serve(listener: TcpListener, liar: Arc<Liar>) -> ServerHandle {
    let liar = web::Data::from(liar);
    let app = move || {
        App::new()
            .app_data(liar.clone())
            .app_data(web::PayloadConfig::new(64 << 20))
            .default_service(web::to(answer))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .disable_signals()
        .listen(listener)
        .expect("a server")
        .run();
    let handle = server.handle();
    tokio::spawn(server);
    handle
}

async fn answer(liar: web::Data<Liar>, body: web::Bytes) -> HttpResponse {
    let question: Value = serde_json::from_slice(&body).expect("JSON-RPC from our own client");
    let conduct = liar.state().conduct.clone();
    match conduct {
        Conduct::AnswersNoJson => {
            liar.lied();
            return HttpResponse::Ok().body("<html>Welcome to nginx!</html>");
        }
        Conduct::Fails => {
            liar.lied();
            return HttpResponse::InternalServerError().finish();
        }
        Conduct::Delays(delay) => {
            liar.lied();
            tokio::time::sleep(delay).await;
        }
        _ => {}
    }
    match &question {
        Value::Array(calls) => {
            let mut answers = Vec::new();
            // One after another: a node does not answer a batch from one state either.
            for call in calls {
                match liar.call(&conduct, call).await {
                    Some(answer) => answers.push(answer),
                    None => return HttpResponse::BadGateway().finish(),
                }
            }
            HttpResponse::Ok().json(answers)
        }
        call => match liar.call(&conduct, call).await {
            Some(answer) => HttpResponse::Ok().json(answer),
            None => HttpResponse::BadGateway().finish(),
        },
    }
}

impl Liar {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lied(&self) {
        self.state().lies += 1;
    }

    /// The answer to one call; `None` when the node behind is not there.
    async fn call(&self, conduct: &Conduct, call: &Value) -> Option<Value> {
        let method = call["method"].as_str().unwrap_or_default();
        let says = |result: Value| Some(json!({ "jsonrpc": "2.0", "id": call["id"], "result": result }));
        match (conduct, method) {
            (Conduct::ClaimsChain(id), "eth_chainId") => {
                self.lied();
                return says(json!(quantity(*id)));
            }
            (Conduct::AnswersAnotherShape, _) => {
                self.lied();
                return says(json!({ "status": "syncing", "peers": [] }));
            }
            (Conduct::SwallowsTransactions(_), "eth_sendRawTransaction") if self.may_swallow() => {
                let hash = self.forward("web3_sha3", &call["params"]).await?;
                return says(hash["result"].clone());
            }
            (Conduct::IsStillAt(block), "eth_blockNumber") => {
                self.lied();
                return says(json!(quantity(*block)));
            }
            (Conduct::IsAnother(url), _) => {
                self.lied();
                return self.post(url, call).await;
            }
            _ => {}
        }
        let mut call = call.clone();
        if let Conduct::IsStillAt(block) = conduct
            && as_of(&mut call["params"], *block)
        {
            self.lied();
        }
        let mut answer = self.post(&self.node, &call).await?;
        if self.distort(conduct, method, &mut answer) {
            self.lied();
        }
        Some(answer)
    }

    /// Whether one more transaction is to be swallowed.
    fn may_swallow(&self) -> bool {
        let mut state = self.state();
        let Conduct::SwallowsTransactions(left) = &mut state.conduct else {
            return false;
        };
        let swallows = *left > 0;
        *left = left.saturating_sub(1);
        state.lies += u32::from(swallows);
        swallows
    }

    /// Makes an answer untrue. `false` when it has nothing to lie about.
    fn distort(&self, conduct: &Conduct, method: &str, answer: &mut Value) -> bool {
        let Some(result) = answer.get_mut("result") else {
            return false;
        };
        if let Conduct::IsStillAt(block) = conduct {
            return forget_since(method, result, *block);
        }
        let ("eth_getLogs", Some(logs)) = (method, result.as_array_mut()) else {
            return false;
        };
        let is_entry = |log: &Value| log["topics"][0] == APPENDED;
        match conduct {
            Conduct::OmitsTheFirstEntry => logs.iter().position(is_entry).map(|place| logs.remove(place)).is_some(),
            Conduct::OmitsTheLastEntry => logs
                .iter()
                .rposition(is_entry)
                .map(|place| logs.remove(place))
                .is_some(),
            Conduct::DropsABlocksEntries => {
                let before = logs.len();
                let newest = logs
                    .iter()
                    .rfind(|log| is_entry(log))
                    .map(|log| log["blockHash"].clone());
                logs.retain(|log| !(is_entry(log) && Some(&log["blockHash"]) == newest.as_ref()));
                logs.len() < before
            }
            Conduct::HidesRejections => {
                let before = logs.len();
                logs.retain(|log| log["topics"][0] != COMMIT_REJECTED);
                logs.len() < before
            }
            Conduct::AltersPayloads => {
                logs.iter_mut().filter(|log| is_entry(log)).for_each(alter);
                logs.iter().any(is_entry)
            }
            _ => false,
        }
    }

    async fn forward(&self, method: &str, params: &Value) -> Option<Value> {
        let call = json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params });
        self.post(&self.node, &call).await
    }

    async fn post(&self, url: &str, call: &Value) -> Option<Value> {
        let answer = self.http.post(url).json(call).send().await.ok()?;
        answer.json().await.ok()
    }
}

fn quantity(number: u64) -> String {
    format!("{number:#x}")
}

fn number(quantity: &Value) -> Option<u64> {
    u64::from_str_radix(quantity.as_str()?.strip_prefix("0x")?, 16).ok()
}

/// Whether a block's number is one that a node at `block` does not know.
fn is_later(quantity: &Value, block: u64) -> bool {
    number(quantity).is_some_and(|number| number > block)
}

/// The newest block is `block` in this call. `false` when it does not ask for the newest one.
fn as_of(params: &mut Value, block: u64) -> bool {
    let is_newest = |tag: &&mut Value| **tag == "latest" || **tag == "pending" || **tag == "finalized";
    let newest = params.as_array_mut().into_iter().flatten().filter(is_newest);
    newest.map(|tag| *tag = json!(quantity(block))).count() > 0
}

/// Takes out of an answer what is in a block after `block`.
fn forget_since(method: &str, result: &mut Value, block: u64) -> bool {
    match (method, result) {
        ("eth_getLogs", Value::Array(logs)) => {
            let before = logs.len();
            logs.retain(|log| !is_later(&log["blockNumber"], block));
            logs.len() < before
        }
        ("eth_getBlockByNumber" | "eth_getBlockByHash", header) if is_later(&header["number"], block) => {
            *header = Value::Null;
            true
        }
        ("eth_getTransactionReceipt", receipt) if is_later(&receipt["blockNumber"], block) => {
            *receipt = Value::Null;
            true
        }
        _ => false,
    }
}

/// Changes the last byte of an entry's payload: `version position offset length payload padding`.
fn alter(log: &mut Value) {
    const WORD: usize = 64;
    let data = log["data"].as_str().expect("data");
    let mut digits = data.strip_prefix("0x").expect("hexadecimal").as_bytes().to_vec();
    let length = std::str::from_utf8(&digits[3 * WORD..4 * WORD]).expect("a word");
    let length = usize::from_str_radix(length.trim_start_matches('0'), 16).expect("a length");
    let last = 4 * WORD + 2 * length - 1;
    digits[last] = if digits[last] == b'0' { b'1' } else { b'0' };
    log["data"] = json!(format!("0x{}", String::from_utf8(digits).expect("digits")));
}
