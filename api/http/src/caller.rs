//! Who is asking: the principal of a request, for handlers.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use api_wire::problem::ProblemKind;

use super::access;
use super::auth::Authenticated;
use super::core::core;
use super::headers::single;
use super::problem::Problem;

/// Whoever a request's token stands for.
pub type Caller = Authenticated;

/// Who is asking.
///
/// # Errors
/// `unauthenticated` when there is no token, or one that stands for nobody.
pub async fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    let unauthenticated = || Problem::new(ProblemKind::Unauthenticated);
    let token = bearer(request).ok_or_else(unauthenticated)?;
    core(request)?
        .authenticator
        .authenticate(token)
        .await?
        .ok_or_else(unauthenticated)
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    // Of two, a proxy before us may have looked at the other one.
    let given = single(request.headers(), &header::AUTHORIZATION).ok().flatten()?;
    let (scheme, token) = given.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let caller = caller(&request).await?;
            access::check(&request, &caller.principal)?;
            Ok(caller)
        })
    }
}
