//! Who is asking: the principal of a request, for handlers.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use api_wire::problem::ProblemKind;

use super::auth::Authenticated;
use super::core::core;
use super::headers::{on_behalf_of, single};
use super::problem::Problem;

/// Whoever a request's token stands for.
pub type Caller = Authenticated;

/// Finds out who is asking.
///
/// # Errors
/// `unauthenticated` when there is no token, or one that stands for nobody; `malformed-request` and `no-person` when it asks for somebody who cannot be asked for.
pub async fn identify(request: &HttpRequest) -> Result<Caller, Problem> {
    let token = bearer(request).ok_or_else(unauthenticated)?;
    let person = on_behalf_of(request.headers())?;
    let authenticator = &core(request)?.authenticator;
    let caller = authenticator.authenticate(token).await?.ok_or_else(unauthenticated)?;
    match person {
        Some(person) => authenticator.acting_for(caller, person).await,
        None => Ok(caller),
    }
}

/// Who is asking, and has passed the endpoint's rule ([`guarded`](super::access)).
///
/// # Errors
/// `unauthenticated` where the endpoint is public, and nobody was asked who they are.
pub fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    request
        .extensions()
        .get::<Caller>()
        .cloned()
        .ok_or_else(unauthenticated)
}

fn unauthenticated() -> Problem {
    Problem::new(ProblemKind::Unauthenticated)
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    // Of two, a proxy before us may have looked at the other one.
    let given = single(request.headers(), &header::AUTHORIZATION).ok().flatten()?;
    let (scheme, token) = given.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request))
    }
}
