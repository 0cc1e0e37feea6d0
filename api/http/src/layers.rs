//! What stands around every handler: the headers of every answer, measurements, and the log's spans. Here it is also made
//! sure that whatever is wrong is said as a problem, whoever found it.
//!
//! Spans and metrics hold the pattern of a route, never a path or a query: a log holds no health data and no ids of
//! patients.

use std::time::Instant;

use actix_web::body::{self, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError as _};
use api_wire::problem::ProblemKind;
use application::ports::Progress;
use tracing::Span;
use tracing_actix_web::{RequestId, RootSpanBuilder};

use super::abandoned_body;
use super::access::{self, Kind};
use super::core::core;
use super::problem::Problem;

/// The position that an answer shows everything up to.
pub const POSITION: &str = "medconnect-position";

/// How sure the network is of that.
pub const FINALITY: &str = "medconnect-finality";

/// Under which a request is found in the log.
pub const REQUEST_ID: &str = "x-request-id";

/// Measures a request and puts the common headers on its answer.
///
/// # Errors
/// What the handlers could not turn into an answer.
pub async fn observe(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let core = core(request.request())?;
    let began = Instant::now();
    let _in_flight = core.ports.metrics.begin();
    let method = request.method().clone();
    // What is asked for its headers is answered like what is asked for whole, without the body.
    if method == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    // A read shows at least what was applied when it began; a command, what is applied when it is answered.
    let before = core.ports.progress.progress();
    let (payload, held) = abandoned_body::hold(request.take_payload());
    request.set_payload(payload);
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let Some(kind) = unexplained(response.response()) {
        response = response.into_response(Problem::new(kind).error_response());
    }
    let route = response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "unmatched".to_owned());
    // Some reads are posted, for a query holds what must not stand in a URL.
    let is_read = access::endpoint(response.request()).is_some_and(|endpoint| endpoint.kind == Kind::Read);
    let progress = if is_read || matches!(method, Method::GET | Method::HEAD) {
        before
    } else {
        core.ports.progress.progress()
    };
    let (status, took) = (response.status().as_u16(), began.elapsed());
    core.ports.metrics.answered(known(&method), &route, status, took);
    tracing::debug!(status, millis = took.as_millis(), "answered");
    let id = response.request().extensions().get::<RequestId>().copied();
    put_headers(response.headers_mut(), progress, id);
    protect(response.headers_mut(), &route, core.sign_in.uri.starts_with("https://"));
    if method == Method::HEAD {
        // The connection leaves the body out by itself, unless the client has sent its next request already.
        response = response.map_body(|_, _| BoxBody::new(body::None::new()));
    }
    Ok(match held {
        Some(held) => response.map_body(|_, body| held.until_sent(body)),
        None => response,
    })
}

/// What is wrong when an answer says so in none of our words: the compression's, the documentation's.
fn unexplained(answer: &HttpResponse<impl MessageBody>) -> Option<ProblemKind> {
    let status = answer.status();
    let kind = answer.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if matches!(kind, Some(b"application/problem+json" | b"application/json")) {
        return None;
    }
    match status {
        StatusCode::NOT_FOUND => Some(ProblemKind::NotFound),
        StatusCode::METHOD_NOT_ALLOWED => Some(ProblemKind::MethodNotAllowed),
        StatusCode::NOT_ACCEPTABLE => Some(ProblemKind::NotAcceptable),
        _ if status.is_client_error() => Some(ProblemKind::MalformedRequest),
        _ if status.is_server_error() => Some(ProblemKind::Internal),
        _ => None,
    }
}

fn put_headers(headers: &mut HeaderMap, progress: Progress, id: Option<RequestId>) {
    headers.insert(HeaderName::from_static(POSITION), HeaderValue::from(progress.position));
    let finality: &'static str = progress.finality().into();
    headers.insert(HeaderName::from_static(FINALITY), HeaderValue::from_static(finality));
    if let Some(id) = id.and_then(|id| HeaderValue::from_str(&id.to_string()).ok()) {
        headers.insert(HeaderName::from_static(REQUEST_ID), id);
    }
}

/// What a page of ours may load and do: nothing, but for the documentation, which consists of our own files.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";
const OWN_FILES: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                         img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                         form-action 'none'; frame-ancestors 'none'";

/// Answers hold health data: nothing between here and the caller may keep them, take them for anything but what they are,
/// or show them to another site. There is no CORS: other sites' pages get nothing.
fn protect(headers: &mut HeaderMap, route: &str, encrypted: bool) {
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let policy = if route.starts_with("/docs/") {
        OWN_FILES
    } else {
        NOTHING
    };
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    if encrypted {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

/// A method as a label: callers make up their own, and every one would be kept.
fn known(method: &Method) -> &'static str {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::OPTIONS,
    ];
    let names = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    known
        .iter()
        .zip(names)
        .find(|(known, _)| *known == method)
        .map_or("other", |(_, name)| name)
}

/// The log's span of a request.
pub struct Spans;

impl RootSpanBuilder for Spans {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request.extensions().get::<RequestId>().copied();
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
        let method = known(request.method());
        tracing::info_span!("request", id, method, route, status = tracing::field::Empty)
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.record("status", status.as_u16());
    }
}
