//! How a body is taken: at most so many bytes of it, and only as JSON in UTF-8.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpRequest};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;

use super::core::core;
use super::json;
use super::problem::{Problem, ProblemKind};

/// A request's body that changes nothing: a search, a sign-in.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let limit = core(&request)?.settings.body_limit;
            Ok(Self(parse(&take(&request, payload, limit).await?)?))
        })
    }
}

/// What a body says. Who sends none says nothing: that is an object without members.
///
/// # Errors
/// As [`json::read`].
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    json::read(if body.is_empty() { b"{}" } else { body })
}

/// Takes a body, whole.
///
/// # Errors
/// `payload-too-large`, `unsupported-media-type`, or `malformed-request` when it breaks off.
pub async fn take(request: &HttpRequest, mut payload: Payload, limit: usize) -> Result<BytesMut, Problem> {
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared: Option<usize> = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let cut_off = |_| Problem::new(ProblemKind::MalformedRequest).detail("The body could not be read to its end.");
        let chunk = chunk.map_err(cut_off)?;
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    if !body.is_empty() && !is_json(request.headers()) {
        return Err(Problem::new(ProblemKind::UnsupportedMediaType));
    }
    Ok(body)
}

fn too_large(limit: usize) -> Problem {
    Problem::new(ProblemKind::PayloadTooLarge).detail(format!("At most {limit} bytes are taken."))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = |parameter: &str| {
        parameter.split_once('=').is_none_or(|(name, value)| {
            !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    };
    json && parts.all(utf8)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_json_in_utf8_is_taken() {
        for (value, taken) in [
            ("application/json", true),
            ("Application/JSON; charset=\"UTF-8\"", true),
            ("application/json; charset=latin1", false),
            ("text/plain", false),
            ("application/jsonp", false),
        ] {
            let request = TestRequest::default()
                .insert_header((header::CONTENT_TYPE, value))
                .to_http_request();
            assert_eq!(is_json(request.headers()), taken, "{value}");
        }
    }
}
