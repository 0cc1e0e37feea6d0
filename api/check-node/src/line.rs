//! A line to one node for questions about the node itself.
//!
//! The chain adapter works around what a node lacks and asks for less where that is needed. Here exactly that is looked for, so what
//! is asked goes out as it is, and what is answered comes back as it is.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Url;
use serde_json::{Value, json};

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How many bytes an answer may have.
const ANSWER: usize = 64 << 20;

/// A text of a node's that is shown is cut off here.
const SHOWN: usize = 160;

/// Why a question has no answer. No text names the URL, which may carry a key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It is no URL of HTTP.
    #[error("the URL is not one of HTTP: it begins with http:// or https://")]
    Url,
    /// Nobody is there, or the connection broke.
    #[error("the node cannot be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("the node did not answer in time")]
    Late,
    /// It answered with an HTTP status other than success.
    #[error("the node answered with HTTP status {status}{}", status_hint(*.status))]
    Status {
        /// The status.
        status: u16,
    },
    /// The answer is longer than any that is needed.
    #[error("the node's answer does not end")]
    Endless,
    /// The answer is not JSON-RPC.
    #[error("what answers there is no Ethereum node: its answer is not JSON-RPC")]
    Garbage,
    /// The node refuses.
    #[error("{message} ({code})")]
    Refused {
        /// The JSON-RPC error code.
        code: i64,
        /// Its message, shortened.
        message: String,
    },
}

impl NoAnswer {
    /// Whether the node answered at all, and said no.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether the node does not know the method.
    pub(super) fn is_unknown_method(&self) -> bool {
        let Self::Refused { code, message } = self else {
            return false;
        };
        let message = message.to_lowercase();
        let words = [
            "does not exist",
            "not supported",
            "unsupported method",
            "method not found",
            "not enabled",
        ];
        *code == -32601 || words.iter().any(|words| message.contains(words))
    }
}

const fn status_hint(status: u16) -> &'static str {
    match status {
        401 | 403 => ": it wants a key, or does not serve you",
        404 => ": is the path of the URL right?",
        429 => ": it serves no more questions just now",
        _ => "",
    }
}

/// The line. It counts how long answers take.
pub(super) struct Line {
    http: reqwest::Client,
    url: Url,
    times: Mutex<Vec<Duration>>,
}

impl Line {
    /// To the node at this URL. Nothing is sent yet.
    pub(super) fn to(url: &str) -> Result<Self, NoAnswer> {
        let url = Url::parse(url).map_err(|_| NoAnswer::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NoAnswer::Url);
        }
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(Duration::from_secs(5))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(unreachable)?;
        Ok(Self {
            http,
            url,
            times: Mutex::default(),
        })
    }

    /// Asks one thing.
    pub(super) async fn ask(&self, method: &str, params: Value) -> Result<Value, NoAnswer> {
        let started = Instant::now();
        let body = self.post(&call(0, method, &params)).await?;
        self.times().push(started.elapsed());
        result(&body)
    }

    /// Asks for a number.
    pub(super) async fn number(&self, method: &str, params: Value) -> Result<u128, NoAnswer> {
        quantity(&self.ask(method, params).await?).ok_or(NoAnswer::Garbage)
    }

    /// Asks the same so many times in one request; answers with how many bytes came back.
    pub(super) async fn batch(&self, method: &str, params: Value, count: usize) -> Result<usize, NoAnswer> {
        let calls: Vec<_> = (0..count).map(|id| call(id, method, &params)).collect();
        let body = self.post(&Value::Array(calls)).await?;
        let answers: Value = serde_json::from_slice(&body).map_err(|_| NoAnswer::Garbage)?;
        match answers.as_array() {
            Some(answers) if answers.len() == count => match answers.iter().find_map(refusal) {
                Some(refused) => Err(refused),
                None => Ok(body.len()),
            },
            // As if the batch were one call.
            _ => Err(refusal(&answers).unwrap_or(NoAnswer::Garbage)),
        }
    }

    /// How long the middle one of the single answers took.
    pub(super) fn median(&self) -> Option<Duration> {
        let mut times = self.times().clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }

    fn times(&self) -> std::sync::MutexGuard<'_, Vec<Duration>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn post(&self, question: &Value) -> Result<Vec<u8>, NoAnswer> {
        let mut response = self
            .http
            .post(self.url.clone())
            .json(question)
            .send()
            .await
            .map_err(unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > ANSWER {
                return Err(NoAnswer::Endless);
            }
            body.extend_from_slice(&chunk);
        }
        // Some nodes refuse under another status than 200, and still say why.
        let says_why = || serde_json::from_slice(&body).is_ok_and(|body: Value| refusal(&body).is_some());
        if status.is_success() || says_why() {
            Ok(body)
        } else {
            Err(NoAnswer::Status {
                status: status.as_u16(),
            })
        }
    }
}

fn call(id: usize, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn result(body: &[u8]) -> Result<Value, NoAnswer> {
    let mut answer: Value = serde_json::from_slice(body).map_err(|_| NoAnswer::Garbage)?;
    if let Some(refused) = refusal(&answer) {
        return Err(refused);
    }
    answer.get_mut("result").map(Value::take).ok_or(NoAnswer::Garbage)
}

fn refusal(answer: &Value) -> Option<NoAnswer> {
    let error = answer.get("error").filter(|error| error.is_object())?;
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    Some(NoAnswer::Refused {
        code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
        message: shown(message),
    })
}

/// A node's text, fit to be shown on a terminal.
pub(super) fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars()
        .filter(|character| !character.is_control())
        .take(SHOWN)
        .collect()
}

fn unreachable(error: reqwest::Error) -> NoAnswer {
    if error.is_timeout() && !error.is_connect() {
        return NoAnswer::Late;
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    NoAnswer::Unreachable(shown(&cause.to_string()))
}

/// A number as JSON-RPC writes it; one that is larger than any that matters is the largest.
pub(super) fn quantity(value: &Value) -> Option<u128> {
    let digits = value.as_str()?.strip_prefix("0x")?;
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    Some(u128::from_str_radix(digits, 16).unwrap_or(u128::MAX))
}

/// A block's number, or any other small one, as JSON-RPC writes it.
pub(super) fn hex(number: u64) -> Value {
    json!(format!("{number:#x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_or_refused() {
        assert_eq!(quantity(&json!("0x10")), Some(16));
        assert_eq!(quantity(&json!(format!("0x{}", "f".repeat(64)))), Some(u128::MAX));
        for none in [
            json!("0x"),
            json!("10"),
            json!(16),
            json!(null),
            json!("0x-1"),
            json!("0x+1"),
        ] {
            assert_eq!(quantity(&none), None, "{none}");
        }
    }

    #[test]
    fn a_nodes_text_is_shown_without_what_would_disturb_a_terminal() {
        assert_eq!(
            shown("no\u{1b}[2J such\tthing\nat Object.<anonymous>"),
            "no[2J suchthing"
        );
        assert_eq!(shown(&"x".repeat(500)).len(), SHOWN);
    }

    #[test]
    fn an_answer_is_a_result_a_refusal_or_garbage() {
        assert_eq!(result(br#"{"id":0,"result":null}"#), Ok(Value::Null));
        let refused = result(br#"{"id":null,"result":null,"error":{"code":-32601,"message":"no"}}"#);
        assert!(refused.unwrap_err().is_unknown_method());
        for garbage in ["", "<html>", "[]", "{}", "7"] {
            assert_eq!(result(garbage.as_bytes()), Err(NoAnswer::Garbage), "{garbage}");
        }
    }
}
