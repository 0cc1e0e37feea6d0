//! Questions to the node. What it answers is believed by nobody: whoever asks checks it.

use std::time::Duration;

use infrastructure::chain::rpc::{Answer, Call};
use infrastructure::chain::{ChainError, Node};
use serde::de::DeserializeOwned;

use crate::fault::{Check, Fault, Place};
use crate::stop::Stop;

/// How often a question is asked that has no answer yet.
const TRIES: u32 = 5;

/// How long it is until it is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// How many questions are asked before the answers are read: what is in an answer and nobody reads is kept no longer.
const AT_ONCE: usize = 16;

/// What is asked of a block, and what for.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) call: Call,
    /// What an answer proves.
    pub(crate) check: Check,
    /// Where it belongs.
    pub(crate) place: Place,
    /// What is asked for, as it follows "the node does not give".
    pub(crate) what: String,
}

/// Asks several questions in as few requests as the node takes, and reads the answers in their order. Nothing (`null`) is a fault: only what
/// must be there is asked for.
pub(crate) async fn all<T: DeserializeOwned>(node: &Node, questions: &[Question]) -> Result<Vec<T>, Stop> {
    each(node, questions).await?.into_iter().collect()
}

/// As [`all`], with each answer for itself.
///
/// # Errors
/// When there is no answer to any of them.
pub(crate) async fn each<T: DeserializeOwned>(
    node: &Node,
    questions: &[Question],
) -> Result<Vec<Result<T, Stop>>, Stop> {
    let mut read = Vec::with_capacity(questions.len());
    for questions in questions.chunks(AT_ONCE) {
        read.extend(some(node, questions, Question::read).await?);
    }
    Ok(read)
}

/// Asks for what need not be there; nothing (`null`) is an answer.
pub(crate) async fn maybe<T: DeserializeOwned>(node: &Node, question: &Question) -> Result<Option<T>, Stop> {
    let answers = some(node, std::slice::from_ref(question), Question::read_any).await?;
    answers.into_iter().next().unwrap_or(Ok(None))
}

async fn some<T>(
    node: &Node,
    questions: &[Question],
    read: impl Fn(&Question, Answer) -> Result<T, Stop>,
) -> Result<Vec<Result<T, Stop>>, Stop> {
    let Some(first) = questions.first() else {
        return Ok(Vec::new());
    };
    let calls: Vec<Call> = questions.iter().map(|question| question.call.clone()).collect();
    let answers = patiently(node, &calls).await;
    let answers = answers.map_err(|error| Stop::unanswered(first.check, first.place, &first.what, error))?;
    let answered = questions.iter().zip(answers);
    Ok(answered.map(|(question, answer)| read(question, answer)).collect())
}

/// Asks once more where a node has no answer yet, as a Geth of receipts shortly after its start.
async fn patiently(node: &Node, calls: &[Call]) -> Result<Vec<Answer>, ChainError> {
    let mut tries = 1;
    loop {
        let answers = node.rpc().batch(calls, |answers| Ok(answers.to_vec())).await;
        let passes = match &answers {
            Ok(answers) => answers.iter().any(|answer| answer.as_ref().is_err_and(passes)),
            Err(error) => passes(error),
        };
        if !passes || tries == TRIES {
            return answers;
        }
        tries += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether there may be an answer a moment later. What makes no sense is an answer.
fn passes(error: &ChainError) -> bool {
    !matches!(error, ChainError::Malformed(_) | ChainError::Inconsistent(_)) && error.is_transient()
}

impl Question {
    fn read<T: DeserializeOwned>(&self, answer: Answer) -> Result<T, Stop> {
        let Self { check, place, what, .. } = self;
        let read = self.read_any(answer)?;
        read.ok_or_else(|| Fault::new(*check, *place, what, "nothing").into())
    }

    fn read_any<T: DeserializeOwned>(&self, answer: Answer) -> Result<Option<T>, Stop> {
        let Self { check, place, what, .. } = self;
        let raw = answer.map_err(|error| Stop::unanswered(*check, *place, what, error))?;
        serde_json::from_str(raw.get()).map_err(|error| {
            let got = format_args!("an answer that makes no sense ({error})");
            Fault::new(*check, *place, what, got).into()
        })
    }
}
