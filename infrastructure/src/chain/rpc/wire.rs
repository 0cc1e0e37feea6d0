//! JSON-RPC as it is written: requests, and what comes back.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::error::{ChainError, ErrorBody};

/// One call of a batch.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// Its parameters, as a JSON array.
    pub params: serde_json::Value,
}

/// The answer to one call of a batch.
pub type Answer = Result<Box<RawValue>, ChainError>;

#[derive(Serialize)]
pub(super) struct Request<'a, P> {
    jsonrpc: &'static str,
    id: usize,
    method: &'a str,
    params: P,
}

impl<'a, P> Request<'a, P> {
    /// A request that is answered under this id.
    pub(super) const fn new(id: usize, method: &'a str, params: P) -> Self {
        Self {
            jsonrpc: "2.0",
            id,
            method,
            params,
        }
    }
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Response<T> {
    id: Option<usize>,
    #[serde(default, deserialize_with = "present")]
    result: Option<T>,
    error: Option<ErrorBody>,
}

#[derive(Deserialize)]
struct Refusal {
    error: ErrorBody,
}

/// Keeps `null` apart from nothing.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The result of a single call.
pub(in crate::chain) fn single<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, ChainError> {
    match serde_json::from_slice::<Response<T>>(body) {
        Ok(Response {
            id: Some(0),
            result: Some(result),
            error: None,
        }) => Ok(result),
        Ok(Response { error: Some(error), .. }) => Err(error.into()),
        Ok(_) => Err(ChainError::malformed("neither the result of this call nor an error")),
        Err(cause) => Err(refusal(body, cause)),
    }
}

/// The results of a batch, in the order of the calls.
pub(super) fn many(body: &[u8], count: usize) -> Result<Vec<Answer>, ChainError> {
    let responses: Vec<Response<Box<RawValue>>> = serde_json::from_slice(body).map_err(|cause| refusal(body, cause))?;
    let mut results: Vec<Option<Answer>> = (0..count).map(|_| None).collect();
    for response in responses {
        let slot = response
            .id
            .and_then(|id| results.get_mut(id))
            .filter(|slot| slot.is_none());
        let slot = slot.ok_or_else(|| ChainError::malformed("an answer to a call that was not made"))?;
        *slot = Some(match (response.result, response.error) {
            (_, Some(error)) => Err(error.into()),
            (Some(result), None) => Ok(result),
            (None, None) => return Err(ChainError::malformed("neither a result nor an error")),
        });
    }
    let answered: Option<Vec<_>> = results.into_iter().collect();
    answered.ok_or_else(|| ChainError::malformed("a call of the batch is not answered"))
}

/// What a body says that is not the answer: perhaps an error, beside which some nodes send `"result": null`.
fn refusal(body: &[u8], cause: serde_json::Error) -> ChainError {
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.error.into(),
        Err(_) => ChainError::malformed(cause),
    }
}

/// Reads one answer of a batch.
pub(in crate::chain) fn read<'de, T: Deserialize<'de>>(answer: &'de Answer) -> Result<T, ChainError> {
    match answer {
        Ok(raw) => serde_json::from_str(raw.get()).map_err(ChainError::malformed),
        Err(error) => Err(error.clone()),
    }
}
