//! A problem on its way out.
//!
//! What the caller may read is in its body ([`api_wire::problem`]); the cause is logged once, here, and goes no further. Neither holds
//! health data.

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use api_wire::problem::{BadBody, FieldError, ProblemBody, ProblemKind};
use serde::Serialize;

/// A problem on its way out.
#[derive(Debug)]
pub struct Problem {
    kind: ProblemKind,
    detail: Option<Box<str>>,
    errors: Vec<FieldError>,
    resource: Option<Box<str>>,
    retry_after: Option<Duration>,
    rate_limit: Option<Box<(String, String)>>,
    allow: Option<Box<str>>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    /// A problem that its kind says everything about.
    pub fn new(kind: ProblemKind) -> Self {
        let retry_after = (kind.status() == 503).then_some(Duration::from_secs(1));
        Self {
            kind,
            detail: None,
            errors: Vec::new(),
            resource: None,
            retry_after,
            rate_limit: None,
            allow: None,
            cause: None,
        }
    }

    /// One wrong part of the request.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::field_errors(vec![FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        }])
    }

    /// Several wrong parts of the request.
    pub fn field_errors(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(ProblemKind::Invalid)
        }
    }

    /// What happened this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into().into());
        self
    }

    /// What stands there already.
    #[must_use]
    pub fn resource(mut self, resource: String) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// When to ask again.
    #[must_use]
    pub const fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Which quota was used up, and when there is something of it again (`RateLimit-Policy`, `RateLimit`).
    #[must_use]
    pub fn rate_limit(mut self, policy: String, left: String) -> Self {
        self.rate_limit = Some(Box::new((policy, left)));
        self
    }

    /// Which methods are allowed.
    #[must_use]
    pub fn allow(mut self, methods: String) -> Self {
        self.allow = Some(methods.into());
        self
    }

    /// Why, for the log alone.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Its kind.
    pub const fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Whether the same request may succeed later, for nothing changed and nothing was decided on it.
    pub const fn is_transient(&self) -> bool {
        match self.kind {
            ProblemKind::Conflict => true,
            ProblemKind::RefusedByTheLog => false,
            kind => kind.status() >= 500,
        }
    }

    /// As it is written.
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            kind: self.kind.path(),
            title: self.kind.title().to_owned(),
            status: self.kind.status(),
            detail: self.detail.as_deref().map(str::to_owned),
            errors: self.errors.clone(),
            resource: self.resource.as_deref().map(str::to_owned),
        }
    }

    /// Writes the chain of causes to the log. Call it where the problem is answered, once.
    pub fn log(&self) {
        let Some(cause) = &self.cause else { return };
        let mut text = cause.to_string();
        let mut next = cause.source();
        while let Some(source) = next {
            text.push_str(": ");
            text.push_str(&source.to_string());
            next = source.source();
        }
        tracing::error!(problem = self.kind.slug(), cause = text, "a request failed");
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.title())
    }
}

impl From<BadBody> for Problem {
    fn from(body: BadBody) -> Self {
        match body {
            BadBody::Malformed(detail) => Self::new(ProblemKind::MalformedJson).detail(detail),
            BadBody::Invalid(errors) => Self::field_errors(errors),
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.log();
        let mut response = HttpResponse::build(self.status_code());
        // What is left of the body is not worth reading.
        if matches!(self.kind, ProblemKind::RequestTimeout | ProblemKind::PayloadTooLarge) {
            response.force_close();
        }
        if let Some(after) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, after.as_secs().max(1)));
        }
        if let Some((policy, left)) = self.rate_limit.as_deref() {
            response.insert_header(("ratelimit-policy", policy.as_str()));
            response.insert_header(("ratelimit", left.as_str()));
        }
        if let Some(methods) = &self.allow {
            response.insert_header((header::ALLOW, &**methods));
        }
        if self.status_code() == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        problem_json(response, &self.body())
    }
}

/// Writes a problem's body, of this moment or an earlier one.
pub fn problem_json(mut response: actix_web::HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    response.content_type("application/problem+json");
    response.json(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unavailable_says_when_to_ask_again() {
        for kind in ProblemKind::ALL.iter().filter(|kind| kind.status() == 503) {
            let response = Problem::new(*kind).error_response();
            assert!(response.headers().contains_key(header::RETRY_AFTER), "{kind:?}");
        }
    }

    #[test]
    fn a_cause_is_never_written_to_the_caller() {
        let problem = Problem::new(ProblemKind::Internal).cause("password=hunter2");
        let body = serde_json::to_string(&problem.body()).unwrap();
        assert!(!body.contains("hunter2"));
        assert!(!problem.to_string().contains("hunter2"));
    }
}
