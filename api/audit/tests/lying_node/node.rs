//! A node that answers as another one was heard to answer, but for its lies.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use infrastructure::chain::rpc::{Reply, RpcClient, Transport, Url};
use infrastructure::chain::{ChainError, Node, RpcOptions};
use serde_json::Value;

use crate::lies::Lie;

/// A question: method and parameters, as text.
pub(crate) type Question = String;

/// What a node was heard to answer.
#[derive(Clone, Default, Debug)]
pub(crate) struct Recording {
    answers: BTreeMap<Question, Value>,
    /// The same as texts, which are sent thousands of times.
    texts: BTreeMap<Question, String>,
}

pub(crate) fn question(method: &str, params: &Value) -> Question {
    format!("{method} {params}")
}

impl Recording {
    pub(crate) fn answer(&self, question: &str) -> Value {
        self.answers.get(question).cloned().unwrap_or_default()
    }

    /// The questions of a method, in a fixed order.
    pub(crate) fn of<'a>(&'a self, method: &'a str) -> impl Iterator<Item = (&'a Question, &'a Value)> {
        let asked = move |question: &str| question.split(' ').next() == Some(method);
        self.answers.iter().filter(move |(question, _)| asked(question))
    }

    /// All questions.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Question, &Value)> {
        self.answers.iter()
    }
}

/// Passes on what a real node answers, and remembers it.
#[derive(Default, Debug)]
pub(crate) struct Recorder {
    client: reqwest::Client,
    heard: Mutex<Recording>,
}

impl Recorder {
    pub(crate) fn recording(&self) -> Recording {
        self.heard.lock().unwrap().clone()
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, to: &Url, body: Vec<u8>, _: usize) -> Result<Reply, ChainError> {
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let answer = self
            .client
            .post(to.clone())
            .header("content-type", "application/json")
            .body(body);
        let answer = answer.send().await.unwrap().bytes().await.unwrap().to_vec();
        let said: Value = serde_json::from_slice(&answer).unwrap();
        let mut heard = self.heard.lock().unwrap();
        for call in each(&asked) {
            let result = each(&said).iter().find(|said| said["id"] == call["id"]).unwrap();
            assert!(
                result.get("error").is_none(),
                "the honest node refuses: {call} {result}"
            );
            let question = question(call["method"].as_str().unwrap(), &call["params"]);
            heard.texts.insert(question.clone(), result["result"].to_string());
            heard.answers.insert(question, result["result"].clone());
        }
        drop(heard);
        Ok(Reply {
            status: 200,
            body: answer,
        })
    }
}

fn each(one_or_many: &Value) -> &[Value] {
    one_or_many
        .as_array()
        .map_or(std::slice::from_ref(one_or_many), Vec::as_slice)
}

/// What a node says to a question.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Said {
    Result(Value),
    Refusal,
}

#[derive(Debug)]
struct Liar {
    recording: Arc<Recording>,
    lie: Lie,
}

impl Liar {
    /// The answer to a call, as it is sent.
    fn answer(&self, call: &Value) -> String {
        let (method, params, id) = (call["method"].as_str().unwrap(), &call["params"], &call["id"]);
        match self.said(method, params) {
            Some(result) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
            None => {
                format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32000,"message":"state is not available"}}}}"#)
            }
        }
    }

    /// What it says to a question; nothing if it refuses.
    fn said(&self, method: &str, params: &Value) -> Option<Cow<'_, str>> {
        let asked = question(method, params);
        match (self.lie.answer(&asked), self.recording.texts.get(&asked)) {
            (Some(Said::Result(lie)), _) => Some(lie.to_string().into()),
            (Some(Said::Refusal), _) => None,
            (None, Some(truth)) => Some(truth.into()),
            (None, None) if method == "eth_getLogs" => Some(self.part_of_the_list(&params[0]).to_string().into()),
            (None, None) => None,
        }
    }

    /// A piece of a list that was recorded: of that of the stream that is asked for, or else of all entries.
    fn part_of_the_list(&self, filter: &Value) -> Value {
        let stream = &filter["topics"][1];
        let has = |(question, _): &(&Question, &Value)| stream.as_str().is_some_and(|stream| question.contains(stream));
        let mut lists = self.recording.of("eth_getLogs");
        let own = self.recording.of("eth_getLogs").find(has);
        let (question, list) = own.or_else(|| lists.next()).unwrap();
        let list = match self.lie.answer(question) {
            Some(Said::Result(lie)) => lie.clone(),
            _ => list.clone(),
        };
        let number = |value: &Value| {
            let digits = value.as_str().unwrap_or_default().trim_start_matches("0x").to_owned();
            u64::from_str_radix(&digits, 16).unwrap_or_default()
        };
        let wanted = |log: &&Value| match filter.get("blockHash") {
            Some(hash) => log["blockHash"] == *hash,
            None => (number(&filter["fromBlock"])..=number(&filter["toBlock"])).contains(&number(&log["blockNumber"])),
        };
        let is_of_stream = |log: &&Value| stream.is_null() || log["topics"][1] == *stream;
        let logs = list.as_array().into_iter().flatten().filter(is_of_stream);
        logs.filter(wanted).cloned().collect()
    }
}

#[async_trait]
impl Transport for Liar {
    async fn send(&self, _: &Url, body: Vec<u8>, _: usize) -> Result<Reply, ChainError> {
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let answer = match asked.as_array() {
            Some(calls) => {
                let answers: Vec<String> = calls.iter().map(|call| self.answer(call)).collect();
                format!("[{}]", answers.join(","))
            }
            None => self.answer(&asked),
        };
        Ok(Reply {
            status: 200,
            body: answer.into_bytes(),
        })
    }
}

/// A node that tells this lie.
pub(crate) fn node(recording: &Arc<Recording>, lie: Lie, chain_id: u64) -> Node {
    let liar = Liar {
        recording: Arc::clone(recording),
        lie,
    };
    over(Arc::new(liar), "http://liar", chain_id)
}

/// A node behind something that carries its answers.
pub(crate) fn over(transport: Arc<dyn Transport>, url: &str, chain_id: u64) -> Node {
    let client = RpcClient::over(transport, &[url.to_owned()], None, RpcOptions::default()).unwrap();
    Node::behind(client, chain_id)
}
