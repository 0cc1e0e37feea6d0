//! A node that lies, or gives less than others: a JSON-RPC proxy in front of an honest one, whose conduct a test changes while it
//! runs. Several conducts may be put together ([`Proxy::behave_all`]).
//!
//! What is not touched by its [`Conduct`] goes through as it is, batches included. It counts its lies, so that a test knows that
//! it has told one.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use infrastructure::chain::contract::{APPENDED, COMMIT_REJECTED};
use serde_json::{Value, json};

use crate::besu;

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
    /// It is still fetching the chain: it is at this block, of so many.
    IsSyncing(u64, u64),
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
    /// It leaves a transaction lying, and answers nothing for this long; so many times.
    LeavesTransactionsLying(u32, Duration),
    /// It is another node, with this URL.
    IsAnother(String),
    /// It answers every call with this JSON-RPC error, under this HTTP status.
    AnswersOnlyErrors(u16, i64, &'static str),
    /// It answers one method with this JSON-RPC error; so many times.
    Refuses(&'static str, i64, &'static str, u32),
    /// It cannot be asked for a state by its block's hash.
    RefusesStateByHash,
    /// It gives log entries of at most so many blocks at once; with 0, of one block by its hash only.
    LimitsRanges(u64),
    /// It takes at most so many calls at once, and refuses more in this way.
    LimitsBatches(usize, Refusal),
    /// Its answers have at most so many bytes; longer ones end in this way.
    LimitsAnswers(usize, Refusal),
    /// Its blocks have no base fee, and it suggests none for a block's producer.
    TellsNoFees,
    /// Its log entries say nothing of their block's time.
    TellsNoTimes,
    /// It names no finalized block.
    NamesNoFinalBlock,
    /// It refuses to name a finalized block.
    RefusesToNameAFinalBlock,
    /// It calls a block final by a hash that is not that of its chain.
    NamesAnotherFinalBlock,
    /// It shows log entries in the reverse order.
    ReordersLogs,
    /// It says that entries of the first transaction are of the second.
    MovesLogs(String, String),
    /// It shows each log entry twice.
    DoublesLogs,
    /// It shows each log entry once more as removed, with another payload.
    AddsRemovedLogs,
    /// It has Besu's ways ([`crate::besu`]), with the state of so many blocks.
    IsBesu(u64),
}

/// How a node refuses what is too much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// With one JSON-RPC error for everything.
    OneError,
    /// With the HTTP status 413.
    Status413,
    /// It cuts the answer short.
    CutsShort,
    /// It closes the connection without an answer.
    HangsUp,
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
    conducts: Vec<Conduct>,
    lies: u32,
    /// How often each method was called.
    asked: HashMap<String, u32>,
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
        self.behave_all([conduct]);
    }

    /// From now on it behaves in all these ways at once. Its lies are counted anew.
    pub fn behave_all(&self, conducts: impl IntoIterator<Item = Conduct>) {
        let conducts = conducts.into_iter().collect();
        let mut state = self.liar.state();
        (state.conducts, state.lies) = (conducts, 0);
    }

    /// How often it has lied, failed or been late since its conduct last changed.
    pub fn lies(&self) -> u32 {
        self.liar.state().lies
    }

    /// How often this method was called.
    pub fn asked(&self, method: &str) -> u32 {
        self.liar.state().asked.get(method).copied().unwrap_or_default()
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
    let conducts = liar.state().conducts.clone();
    for conduct in &conducts {
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
                tokio::time::sleep(*delay).await;
            }
            Conduct::LimitsBatches(most, refusal) if calls(&question).len() > *most => {
                liar.lied();
                return refusal.answer("batch too large", b"[");
            }
            _ => {}
        }
    }
    let mut answers = Vec::new();
    // One after another: a node does not answer a batch from one state either.
    for call in calls(&question) {
        match liar.call(&conducts, call).await {
            Some(answer) => answers.push(answer),
            None => return HttpResponse::BadGateway().finish(),
        }
    }
    let body = match (&question, answers.as_slice()) {
        (Value::Object(_), [answer]) => answer.to_string(),
        _ => json!(answers).to_string(),
    };
    let mut status = actix_web::http::StatusCode::OK;
    for conduct in &conducts {
        match conduct {
            Conduct::AnswersOnlyErrors(code, ..) => status = (*code).try_into().expect("an HTTP status"),
            Conduct::LimitsAnswers(most, refusal) if body.len() > *most => {
                liar.lied();
                return refusal.answer("response too large", &body.as_bytes()[..*most]);
            }
            _ => {}
        }
    }
    HttpResponse::build(status).content_type("application/json").body(body)
}

/// The calls of a question, of which a batch has several.
fn calls(question: &Value) -> &[Value] {
    match question {
        Value::Array(calls) => calls,
        call => std::slice::from_ref(call),
    }
}

impl Refusal {
    fn answer(self, why: &str, begun: &[u8]) -> HttpResponse {
        match self {
            Self::OneError => HttpResponse::Ok().json(json!({
                "jsonrpc": "2.0", "id": null, "error": { "code": -32600, "message": why },
            })),
            Self::Status413 => HttpResponse::PayloadTooLarge().finish(),
            Self::CutsShort => HttpResponse::Ok().content_type("application/json").body(begun.to_vec()),
            Self::HangsUp => {
                let broken: std::io::Result<web::Bytes> = Err(std::io::ErrorKind::ConnectionReset.into());
                let begun = Ok(web::Bytes::copy_from_slice(begun));
                HttpResponse::Ok().streaming(futures::stream::iter([begun, broken]))
            }
        }
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
    async fn call(&self, conducts: &[Conduct], call: &Value) -> Option<Value> {
        let mut call = call.clone();
        let method = call["method"].as_str().unwrap_or_default().to_owned();
        *self.state().asked.entry(method.clone()).or_default() += 1;
        for conduct in conducts {
            if let Some(answer) = self.instead(conduct, &mut call).await {
                return answer;
            }
        }
        let mut answer = self.post(&self.node, &call).await?;
        let is_besu = conducts.iter().any(|conduct| matches!(conduct, Conduct::IsBesu(_)));
        if is_besu && method == "eth_sendRawTransaction" && besu::is_lying(&answer) {
            answer = self.take_up_again(&call).await?;
        }
        for conduct in conducts {
            if distort(conduct, &method, &mut answer) {
                self.lied();
            }
        }
        Some(answer)
    }

    /// What it answers without having asked the node behind, or after having asked it something else: `Some(None)` when that is
    /// not there. It may change the call that the node behind is asked otherwise.
    async fn instead(&self, conduct: &Conduct, call: &mut Value) -> Option<Option<Value>> {
        let method = call["method"].as_str().unwrap_or_default().to_owned();
        let id = call["id"].clone();
        let says = |result: Value| Some(json!({ "jsonrpc": "2.0", "id": id, "result": result }));
        let refuses = |code: i64, message: &str| {
            let error = json!({ "code": code, "message": message });
            Some(json!({ "jsonrpc": "2.0", "id": id, "error": error }))
        };
        let names_final = call["params"][0] == "finalized";
        if let Conduct::IsBesu(states) = conduct {
            besu::translate_question(call);
            if let Some(block) = besu::state_asked_for(call)
                && self.newest().await.is_some_and(|newest| newest >= block + states)
            {
                let (code, message) = besu::NO_STATE;
                self.lied();
                return Some(refuses(code, message));
            }
            return None;
        }
        let answer = match (conduct, method.as_str()) {
            (Conduct::ClaimsChain(id), "eth_chainId") => says(json!(quantity(*id))),
            (Conduct::IsSyncing(at, of), "eth_syncing") => {
                says(json!({ "startingBlock": "0x0", "currentBlock": quantity(*at), "highestBlock": quantity(*of) }))
            }
            (Conduct::AnswersAnotherShape, _) => says(json!({ "status": "syncing", "peers": [] })),
            (Conduct::AnswersOnlyErrors(_, code, message), _) => refuses(*code, message),
            (Conduct::Refuses(refused, code, message, _), method) if *refused == method && self.may_still() => {
                refuses(*code, message)
            }
            (Conduct::RefusesStateByHash, "eth_call") if call["params"][1]["blockHash"].is_string() => {
                refuses(-32602, "invalid argument 1: hex string without 0x prefix")
            }
            (Conduct::LimitsRanges(most), "eth_getLogs") => {
                let filter = &call["params"][0];
                let blocks = Option::zip(number(&filter["fromBlock"]), number(&filter["toBlock"]));
                let blocks = blocks.map(|(from, to)| (to + 1).saturating_sub(from));
                match blocks.filter(|blocks| blocks > most) {
                    Some(_) => refuses(
                        -32005,
                        &format!("requested range exceeds maximum RPC range limit {most}"),
                    ),
                    None => return None,
                }
            }
            (Conduct::NamesNoFinalBlock, "eth_getBlockByNumber") if names_final => says(Value::Null),
            (Conduct::RefusesToNameAFinalBlock, "eth_getBlockByNumber") if names_final => {
                refuses(-39001, "finalized block not found")
            }
            (Conduct::NamesAnotherFinalBlock, "eth_getBlockByNumber") if names_final => {
                let mut header = self.post(&self.node, call).await;
                if let Some(header) = &mut header {
                    header["result"]["hash"] = json!(format!("0x{}", "5a".repeat(32)));
                }
                header
            }
            (Conduct::SwallowsTransactions(_), "eth_sendRawTransaction") => {
                if !self.may_still() {
                    return None;
                }
                let hash = self.forward("web3_sha3", &call["params"]).await;
                return Some(hash.and_then(|hash| says(hash["result"].clone())));
            }
            (Conduct::LeavesTransactionsLying(_, silence), "eth_sendRawTransaction") => {
                if !self.may_still() {
                    return None;
                }
                tokio::time::sleep(*silence).await;
                return Some(None);
            }
            (Conduct::IsStillAt(block), "eth_blockNumber") => says(json!(quantity(*block))),
            (Conduct::IsAnother(url), _) => self.post(url, call).await,
            (Conduct::IsStillAt(block), _) => {
                if as_of(&mut call["params"], *block) {
                    self.lied();
                }
                return None;
            }
            _ => return None,
        };
        // What is done a number of times has counted itself.
        if !matches!(conduct, Conduct::Refuses(..)) {
            self.lied();
        }
        Some(answer)
    }

    /// Whether what it does only a number of times is to be done once more.
    fn may_still(&self) -> bool {
        let mut state = self.state();
        let left = state.conducts.iter_mut().find_map(|conduct| match conduct {
            Conduct::SwallowsTransactions(left)
            | Conduct::LeavesTransactionsLying(left, _)
            | Conduct::Refuses(.., left) => Some(left),
            _ => None,
        });
        let Some(left) = left else { return false };
        let still = *left > 0;
        *left = left.saturating_sub(1);
        state.lies += u32::from(still);
        still
    }

    /// Has Anvil take a transaction anew that it has had before and left lying: see [`besu::is_lying`].
    async fn take_up_again(&self, sending: &Value) -> Option<Value> {
        let hash = self.forward("web3_sha3", &sending["params"]).await?;
        let there = self
            .forward("eth_getTransactionByHash", &json!([hash["result"]]))
            .await?;
        let account = &there["result"]["from"];
        if account.is_string() && there["result"]["blockNumber"].is_null() {
            self.forward("anvil_removePoolTransactions", &json!([account])).await?;
        }
        self.post(&self.node, sending).await
    }

    /// The number of the newest block.
    async fn newest(&self) -> Option<u64> {
        number(&self.forward("eth_blockNumber", &json!([])).await?["result"])
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

/// Makes an answer untrue. `false` when it has nothing to lie about.
fn distort(conduct: &Conduct, method: &str, answer: &mut Value) -> bool {
    if let Conduct::IsBesu(_) = conduct {
        besu::translate_answer(method, answer);
        return true;
    }
    let Some(result) = answer.get_mut("result") else {
        return false;
    };
    if let Conduct::IsStillAt(block) = conduct {
        return forget_since(method, result, *block);
    }
    if *conduct == Conduct::TellsNoFees {
        return hide_fees(method, result);
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
        Conduct::TellsNoTimes => {
            let told = |log: &mut Value| {
                log.as_object_mut()
                    .is_some_and(|log| log.remove("blockTimestamp").is_some())
            };
            logs.iter_mut().filter_map(|log| told(log).then_some(())).count() > 0
        }
        Conduct::MovesLogs(from, to) => {
            let of_first = logs.iter_mut().filter(|log| log["transactionHash"] == from.as_str());
            let moved = of_first.map(|log| log["transactionHash"] = json!(to));
            moved.count() > 0
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
        Conduct::ReordersLogs => {
            logs.reverse();
            logs.len() > 1
        }
        Conduct::DoublesLogs => {
            logs.extend(logs.clone());
            !logs.is_empty()
        }
        Conduct::AddsRemovedLogs => {
            let mut removed = logs.clone();
            removed.iter_mut().filter(|log| is_entry(log)).for_each(alter);
            removed.iter_mut().for_each(|log| log["removed"] = json!(true));
            logs.extend(removed);
            !logs.is_empty()
        }
        _ => false,
    }
}

/// Takes out of an answer what it says of fees.
fn hide_fees(method: &str, result: &mut Value) -> bool {
    match (method, result.as_object_mut()) {
        ("eth_maxPriorityFeePerGas", _) => {
            *result = Value::Null;
            true
        }
        ("eth_getBlockByNumber" | "eth_getBlockByHash", Some(header)) => header.remove("baseFeePerGas").is_some(),
        _ => false,
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

/// Changes the last byte of an entry's payload: `place offset length payload padding`.
fn alter(log: &mut Value) {
    const WORD: usize = 64;
    let data = log["data"].as_str().expect("data");
    let mut digits = data.strip_prefix("0x").expect("hexadecimal").as_bytes().to_vec();
    let length = std::str::from_utf8(&digits[2 * WORD..3 * WORD]).expect("a word");
    let length = usize::from_str_radix(length.trim_start_matches('0'), 16).expect("a length");
    let last = 3 * WORD + 2 * length - 1;
    digits[last] = if digits[last] == b'0' { b'1' } else { b'0' };
    log["data"] = json!(format!("0x{}", String::from_utf8(digits).expect("digits")));
}
