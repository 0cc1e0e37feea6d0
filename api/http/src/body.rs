//! How a body is taken: at most so many bytes of it, not for longer than it needs, and only as JSON in UTF-8.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpRequest};
use api_wire::check::Checked;
use api_wire::json;
use api_wire::problem::ProblemKind;
use futures::{FutureExt as _, StreamExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::access;
use super::canonical::canonical;
use super::core::{Core, core};
use super::problem::Problem;
use super::settings::HttpSettings;

/// A request's body that changes nothing: a search, a sign-in.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let core = core(&request)?;
            let body = take_from_allowed(&request, payload, &core, 1).await?;
            Ok(Self(json::read(&body)?))
        })
    }
}

/// What a command's body says. Who sends none where none is needed says nothing: that is an object without members.
///
/// # Errors
/// As [`json::read`].
pub fn parse<T: Checked + DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    Ok(json::read(if T::MAY_BE_MISSING { said(body) } else { body })?)
}

/// A body that could be [`parse`]d, written as every other one is that says the same.
pub fn comparable(body: &[u8]) -> String {
    canonical(said(body)).unwrap_or_default()
}

const fn said(body: &[u8]) -> &[u8] {
    if body.is_empty() { b"{}" } else { body }
}

/// How many bodies are held at once that are longer than others may be: 256 MiB of them by the default limits.
pub const LONG_BODIES: usize = 64;

/// A body, whole.
#[derive(Debug, Default)]
pub struct Body {
    bytes: BytesMut,
    /// A place among the long ones.
    place: Option<OwnedSemaphorePermit>,
    /// Whether it was not there at once.
    was_waited_for: bool,
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Takes the body of a caller who was let in. Whoever was waited for is asked again who they are and whether they may: that may have been taken from
/// them meanwhile.
///
/// # Errors
/// As [`take`], and as [`still_allowed`](access::still_allowed).
pub async fn take_from_allowed(
    request: &HttpRequest,
    payload: Payload,
    core: &Core,
    bodies: usize,
) -> Result<Body, Problem> {
    let body = take(request, payload, &core.settings, &core.long_bodies, bodies).await?;
    if body.was_waited_for {
        access::still_allowed(request).await?;
    }
    Ok(body)
}

/// Takes a body, whole, that may be as long as so many of the longest. Of those that are longer than one of them only so many are held
/// at once as there are `places`: others are not read on until one is free.
///
/// # Errors
/// `payload-too-large`, `request-timeout`, `unsupported-media-type`, or `malformed-request` when it breaks off.
async fn take(
    request: &HttpRequest,
    payload: Payload,
    settings: &HttpSettings,
    places: &Arc<Semaphore>,
    bodies: usize,
) -> Result<Body, Problem> {
    let limit = settings.body_limit.saturating_mul(bodies);
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared: Option<usize> = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    // Whoever sends a byte now and then would otherwise hold a place for as long as they like.
    let gathering = gather(payload, settings.body_limit, limit, places);
    let body = tokio::time::timeout(settings.body_timeout, gathering)
        .await
        .map_err(|_| Problem::new(ProblemKind::RequestTimeout))??;
    if !body.is_empty() && !is_plain(request.headers()) {
        let detail = "Content-Encoding is not supported: send the body as it is.";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType).detail(detail));
    }
    if !body.is_empty() && !is_json(request.headers()) {
        return Err(Problem::new(ProblemKind::UnsupportedMediaType));
    }
    Ok(body)
}

async fn gather(mut payload: Payload, long: usize, limit: usize, places: &Arc<Semaphore>) -> Result<Body, Problem> {
    let mut body = Body::default();
    loop {
        let next = match payload.next().now_or_never() {
            Some(next) => next,
            None => {
                body.was_waited_for = true;
                payload.next().await
            }
        };
        let Some(chunk) = next else {
            return Ok(body);
        };
        let cut_off = |_| Problem::new(ProblemKind::MalformedRequest).detail("The body could not be read to its end.");
        let chunk = chunk.map_err(cut_off)?;
        let length = body.len() + chunk.len();
        if length > limit {
            return Err(too_large(limit));
        }
        if length > long && body.place.is_none() {
            body.was_waited_for = true;
            let place = Arc::clone(places).acquire_owned().await;
            body.place = Some(place.map_err(|error| Problem::new(ProblemKind::Internal).cause(error))?);
        }
        body.bytes.extend_from_slice(&chunk);
    }
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

/// Whether the body comes as it is: what is compressed may become anything.
fn is_plain(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::CONTENT_ENCODING);
    codings
        .map(HeaderValue::as_bytes)
        .all(|coding| coding.eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::test::TestRequest;
    use actix_web::web::Bytes;

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

    fn settings() -> HttpSettings {
        HttpSettings {
            body_limit: 10,
            body_timeout: Duration::from_millis(50),
            ..HttpSettings::new("https://clinic.example", 1)
        }
    }

    /// Sends these chunks, and then nothing more, or nothing for ever.
    async fn taken(chunks: &'static [&'static [u8]], ends: bool) -> Result<Body, ProblemKind> {
        let places = Arc::new(Semaphore::new(1));
        taken_of(chunks, ends, &places, 1).await
    }

    async fn taken_of(
        chunks: &'static [&'static [u8]],
        ends: bool,
        places: &Arc<Semaphore>,
        bodies: usize,
    ) -> Result<Body, ProblemKind> {
        let sent = futures::stream::iter(chunks).map(|chunk| Ok(Bytes::from_static(chunk)));
        let payload = if ends {
            Payload::Stream {
                payload: sent.boxed_local(),
            }
        } else {
            Payload::Stream {
                payload: sent.chain(futures::stream::pending()).boxed_local(),
            }
        };
        let request = TestRequest::default()
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .to_http_request();
        take(&request, payload, &settings(), places, bodies)
            .await
            .map_err(|problem| problem.kind())
    }

    #[actix_web::test]
    async fn a_body_is_taken_whole_unless_it_is_too_long() {
        assert_eq!(&*taken(&[b"{\"a\"", b":1}"], true).await.unwrap(), b"{\"a\":1}");
        assert_eq!(
            taken(&[b"{\"a\":", b"12345}"], true).await.unwrap_err(),
            ProblemKind::PayloadTooLarge
        );
    }

    #[actix_web::test]
    async fn only_so_many_long_bodies_are_held_at_once() {
        let places = Arc::new(Semaphore::new(1));
        let long: &[&[u8]] = &[b"{\"a\":", b"12345}"];
        let held = taken_of(long, true, &places, 2).await.unwrap();
        let waited = taken_of(long, true, &places, 2).await;
        assert_eq!(waited.unwrap_err(), ProblemKind::RequestTimeout);
        // Short ones need no place.
        taken_of(&[b"{}"], true, &places, 2).await.unwrap();
        drop(held);
        taken_of(long, true, &places, 2).await.unwrap();
    }

    #[actix_web::test]
    async fn a_body_that_does_not_end_is_not_waited_for() {
        assert_eq!(taken(&[b"{"], false).await.unwrap_err(), ProblemKind::RequestTimeout);
    }

    #[actix_web::test]
    async fn what_is_compressed_is_not_taken() {
        for (coding, plain) in [("identity", true), ("gzip", false), ("identity, gzip", false)] {
            let request = TestRequest::default().insert_header((header::CONTENT_ENCODING, coding));
            assert_eq!(is_plain(request.to_http_request().headers()), plain, "{coding}");
        }
    }
}
