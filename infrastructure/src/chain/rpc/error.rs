//! Why a question to the chain has no answer, and what that says of the node that was asked.

use serde::Deserialize;

use crate::chain::hex;

/// Why a question to the chain has no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChainError {
    /// The node cannot be reached, or the connection broke.
    #[error("the node cannot be reached: {0}")]
    Transport(String),
    /// The node took too long.
    #[error("the node did not answer in time")]
    Timeout,
    /// The node answered with an HTTP status other than success, and no JSON-RPC error.
    #[error("the node answered with HTTP status {0}")]
    Status(u16),
    /// The answer is larger than allowed.
    #[error("the node's answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The answer is not what was asked for.
    #[error("the node's answer is malformed: {0}")]
    Malformed(String),
    /// The answers contradict each other; as after a reorganisation between two of them.
    #[error("the node's answers contradict each other: {0}")]
    Inconsistent(&'static str),
    /// The node refuses: an answer, such as that a transaction would be reverted.
    #[error("the node refuses ({code}): {message}")]
    Rpc {
        /// The JSON-RPC error code.
        code: i64,
        /// Its message, shortened.
        message: String,
        /// What a contract gave back when it reverted; empty where nothing is said of it.
        data: Box<[u8]>,
    },
    /// The node refuses what any node can tell, or says that it serves nobody, or not us, or not so often. No answer.
    #[error("the node does not serve ({code}): {message}")]
    Unable {
        /// The JSON-RPC error code.
        code: i64,
        /// Its message, shortened.
        message: String,
    },
    /// The node is on another chain.
    #[error("the node is on chain {actual}, not {expected}")]
    WrongChain {
        /// The chain that is configured.
        expected: u64,
        /// The chain that the node says it is on.
        actual: u64,
    },
    /// No node's URL is configured, or one is not a URL of HTTP.
    #[error("the node's URL is missing or malformed")]
    Url,
}

/// A JSON-RPC error as a node writes it.
#[derive(Deserialize)]
pub(super) struct ErrorBody {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<serde_json::Value>,
}

/// Of what a contract gave back so much is kept.
const DATA_LIMIT: usize = 1024;

/// What a contract gave back when it reverted. Nodes write it in hexadecimal digits, some after a word; others write something else.
fn given_back(data: Option<serde_json::Value>) -> Box<[u8]> {
    let text = data.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    let digits = text.rsplit_once(' ').map_or(text, |(_, last)| last);
    let bytes = hex::bytes(digits).filter(|bytes| bytes.len() <= DATA_LIMIT);
    bytes.unwrap_or_default().into()
}

/// Codes by which a node says that it does not serve: EIP-1474's "limit exceeded", what others use for it, and HTTP statuses that
/// gateways use as codes. Not "resource unavailable": some nodes say that of a state which is pruned, and that is an answer.
const UNABLE_CODES: &[i64] = &[-32005, -32016, -32029, 401, 402, 403, 429, 502, 503, 504];

/// Words by which a node, or what stands before it, says that it serves less often, or others. Asking for less does not help.
const UNABLE_WORDS: &[&str] = &[
    "too many requests",
    "rate limit",
    "ratelimit",
    "request limit",
    "request count",
    "quota",
    "capacity exceeded",
    "compute units",
    "unauthorized",
    "forbidden",
    "access denied",
    "api key",
    "apikey",
    "authentication",
];

/// HTTP statuses under which a JSON-RPC error is no answer of the node's either.
const UNABLE_STATUSES: &[u16] = &[401, 402, 403, 407, 408, 429, 502, 503, 504];

impl From<ErrorBody> for ChainError {
    fn from(ErrorBody { code, message, data }: ErrorBody) -> Self {
        let message = shortened(&message);
        if UNABLE_CODES.contains(&code) || speaks_of_service(&message) {
            Self::Unable { code, message }
        } else {
            let data = given_back(data);
            Self::Rpc { code, message, data }
        }
    }
}

/// Not so a contract's own words, which stand in the message when it reverts.
fn speaks_of_service(message: &str) -> bool {
    let message = message.to_lowercase();
    !message.contains("revert") && UNABLE_WORDS.iter().any(|words| message.contains(words))
}

impl ChainError {
    /// Whether another node may do better.
    pub(super) const fn is_the_nodes_fault(&self) -> bool {
        !matches!(self, Self::Rpc { .. } | Self::Inconsistent(_) | Self::Url)
    }

    /// As the answer to what any node can tell: a refusal is then no answer.
    pub(in crate::chain) fn owed(self) -> Self {
        match self {
            Self::Rpc { code, message, .. } => Self::Unable { code, message },
            other => other,
        }
    }

    /// As it was said under an HTTP status other than success.
    pub(super) fn under(self, status: u16) -> Self {
        match self {
            Self::Malformed(_) => Self::Status(status),
            Self::Rpc { .. } if UNABLE_STATUSES.contains(&status) => self.owed(),
            other => other,
        }
    }

    /// Whether an answer is left out of a batch because the whole would be too large.
    pub(super) fn is_too_large_an_answer(&self) -> bool {
        matches!(self, Self::Rpc { message, .. } if message.to_lowercase().contains("too large"))
    }

    /// Whether less may be had, though this was refused: worth a try at once.
    pub(in crate::chain) fn may_be_too_much(&self) -> bool {
        match self {
            Self::TooLarge { .. } | Self::Malformed(_) | Self::Rpc { .. } => true,
            Self::Unable { message, .. } => !speaks_of_service(message),
            Self::Status(status) => !matches!(status, 401..=403 | 407 | 429),
            _ => false,
        }
    }

    /// Whether it was perhaps too much, but to ask for less at once would only take long: next time.
    pub(in crate::chain) const fn may_be_too_slow(&self) -> bool {
        matches!(self, Self::Timeout | Self::Transport(_))
    }

    /// Whether the same question may have an answer a moment later, though nothing is done about it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Rpc { message, .. } => {
                let message = message.to_lowercase();
                TRANSIENT_WORDS.iter().any(|words| message.contains(words))
            }
            Self::Url | Self::WrongChain { .. } => false,
            _ => true,
        }
    }

    /// Whether the node refuses a transaction because it has it, or a block has: as when whoever stands before it sends what it was given
    /// twice.
    pub fn may_have_it(&self) -> bool {
        let Self::Rpc { message, .. } = self else { return false };
        let message = message.to_lowercase();
        TAKEN_WORDS
            .iter()
            .chain(USED_WORDS)
            .any(|words| message.contains(words))
    }

    /// Whether no node could be reached, as against one that answered something unwelcome.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Transport(_) | Self::Timeout | Self::Status(_) | Self::Unable { .. }
        )
    }

    /// Whether the node refuses a transaction because its sender cannot pay for it. Nodes agree on no code, so the words decide.
    pub fn is_lack_of_funds(&self) -> bool {
        const WORDS: &[&str] = &[
            "insufficient funds",
            "insufficientfunds",
            "upfront cost exceeds",
            "upfront_cost_exceeds",
        ];
        let Self::Rpc { message, .. } = self else { return false };
        let message = message.to_lowercase();
        WORDS.iter().any(|words| message.contains(words))
    }

    pub(in crate::chain) fn malformed(what: impl std::fmt::Display) -> Self {
        Self::Malformed(shortened(&what.to_string()))
    }
}

/// Words by which nodes say that they have a transaction already.
pub(crate) const TAKEN_WORDS: &[&str] = &[
    "already known",
    "already imported",
    "known transaction",
    "alreadyknown",
    "already_known",
];

/// Words by which nodes say that a transaction's nonce is used.
pub(crate) const USED_WORDS: &[&str] = &[
    "nonce too low",
    "nonce is too low",
    "oldnonce",
    "nonce has already been used",
    "nonce_too_low",
];

/// Words by which nodes say that they are not ready yet: Geth after its start, and nodes that have not seen a block yet.
const TRANSIENT_WORDS: &[&str] = &[
    "in progress",
    "header not found",
    "unknown block",
    "block not found",
    "syncing",
    "not ready",
    "try again",
    "timeout",
    "timed out",
    "internal error",
];

/// What a node says, as it may be shown: not for ever, and without what steers a terminal.
pub(super) fn shortened(text: &str) -> String {
    const LIMIT: usize = 300;
    let shown = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().take(LIMIT).map(shown).collect()
}

/// What kept a request from being sent, or its answer from beginning.
pub(super) fn transport(error: reqwest::Error) -> ChainError {
    if error.is_timeout() {
        return ChainError::Timeout;
    }
    ChainError::Transport(causes(error))
}

/// What ended an answer that had begun.
pub(super) fn broken_off(error: reqwest::Error) -> ChainError {
    if error.is_timeout() {
        return ChainError::Timeout;
    }
    ChainError::Malformed(shortened(&format!("it breaks off: {}", causes(error))))
}

/// An error with its causes, without the URL, which may carry a key.
fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    shortened(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: i64, message: &str) -> ChainError {
        let message = message.to_owned();
        let data = None;
        ErrorBody { code, message, data }.into()
    }

    #[test]
    fn what_a_node_says_steers_no_terminal_and_ends() {
        let body = ErrorBody {
            code: -32000,
            message: format!("\u{1b}[2J\nPROVED\u{9b}8m{}", "x".repeat(10_000)),
            data: None,
        };
        let told = ChainError::from(body).to_string();
        assert!(told.len() < 400 && !told.contains(char::is_control), "{told}");
        let malformed = ChainError::malformed("\u{1b}[8m").to_string();
        assert!(!malformed.contains(char::is_control), "{malformed}");
    }

    #[test]
    fn what_a_contract_gave_back_is_read_as_nodes_write_it() {
        let text = |text: &str| given_back(Some(serde_json::Value::from(text)));
        assert_eq!(*text("0x0102"), [1, 2]);
        assert_eq!(*text("Reverted 0x0102"), [1, 2]);
        assert!(text("0x").is_empty());
        assert!(text("no digits").is_empty());
        assert!(given_back(Some(serde_json::json!({ "0x12": {} }))).is_empty());
        assert!(given_back(None).is_empty());
        assert!(text(&format!("0x{}", "00".repeat(DATA_LIMIT + 1))).is_empty());
    }

    #[test]
    fn what_is_an_answer_is_no_fault_of_the_node() {
        for (code, message) in [
            (3, "execution reverted: EventLog_NotTheOwner"),
            (
                -32000,
                "VM Exception: reverted with custom error 'EventLog_BatchEmpty()'",
            ),
            (-32000, "nonce too low"),
            (-32000, "already known"),
            (-32000, "replacement transaction underpriced"),
            (-32000, "insufficient funds for gas * price + value"),
            (-32000, "missing trie node 0123 (path ) state is not available"),
            (-32002, "No state available for block 5"),
            (-32000, "header not found"),
            (-32000, "transaction indexing is in progress"),
            (-32601, "the method eth_maxPriorityFeePerGas does not exist"),
            (-39001, "Unknown block"),
        ] {
            assert!(!error(code, message).is_the_nodes_fault(), "{message}");
        }
    }

    #[test]
    fn a_node_that_does_not_serve_gives_no_answer() {
        for (code, message) in [
            (429, "slow down"),
            (-32005, "limit exceeded"),
            (-32016, "over the limit"),
            (401, "who are you"),
            (-32000, "daily request count exceeded, request rate limited"),
            (-32600, "Must be authenticated! API key missing"),
        ] {
            let error = error(code, message);
            assert!(error.is_the_nodes_fault(), "{message}");
            assert!(error.is_unreachable() && error.is_transient(), "{message}");
        }
        assert!(error(-32000, "header not found").owed().is_the_nodes_fault());
        assert!(error(-32000, "whatever").under(503).is_the_nodes_fault());
        assert!(!error(-32000, "nonce too low").under(400).is_the_nodes_fault());
    }

    #[test]
    fn less_is_asked_for_only_where_that_may_help() {
        for (code, message) in [
            (-32600, "batch too large"),
            (-32005, "query returned more than 10000 results"),
            (-32000, "exceed maximum block range: 10"),
            (-32003, "response too large"),
        ] {
            assert!(error(code, message).may_be_too_much(), "{message}");
        }
        assert!(!error(429, "Too Many Requests").may_be_too_much());
        assert!(ChainError::Status(413).may_be_too_much());
        assert!(!ChainError::Status(401).may_be_too_much());
        assert!(!ChainError::Timeout.may_be_too_much() && ChainError::Timeout.may_be_too_slow());
    }
}
