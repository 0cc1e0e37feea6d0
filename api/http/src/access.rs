//! Who may call an endpoint at all.
//!
//! Of which endpoints there are, `endpoints.rs` has the one list. Whatever is not public stands behind [`guarded`]: its handler is called
//! with a caller who has passed the endpoint's rule, or not at all.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpMessage as _, HttpRequest, Route, web};
use api_wire::problem::ProblemKind;
use application::error::UseCaseError;
use application::policy::{Action, Denial, reach};

use super::caller::{Caller, identify};
use super::problem::Problem;
use super::throttle::refuse;

/// What an endpoint does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Shows what the log says, and changes nothing.
    Read,
    /// Changes the log: with idempotency keys, and waiting.
    Command,
    /// Has nothing to do with the log, or changes something beside it: signing in, invitations, the state of the server.
    Beside,
}

/// Who may call an endpoint at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Everybody, signed in or not.
    Public,
    /// Whoever has a token; the use case decides the rest.
    Caller,
    /// Whoever may do one of these on something.
    May(&'static [Action]),
}

/// An endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: String,
    /// What it does.
    pub kind: Kind,
    /// Who may call it.
    pub access: Access,
}

/// All endpoints that are mounted.
#[derive(Debug)]
pub struct Endpoints(pub Vec<Endpoint>);

impl Endpoints {
    /// An endpoint by its method and path.
    pub fn find(&self, method: &Method, path: &str) -> Option<&Endpoint> {
        let is_it = |endpoint: &&Endpoint| endpoint.method == *method && endpoint.path == path;
        self.0.iter().find(is_it)
    }
}

/// The endpoint that a request was routed to.
pub fn endpoint(request: &HttpRequest) -> Option<&'static Endpoint> {
    let endpoints = request.app_data::<web::Data<&'static Endpoints>>()?;
    endpoints.find(request.method(), &request.match_pattern()?)
}

/// A route behind its rule: whoever is not identified, or may never do such a thing, is answered before the handler is called.
pub(super) fn guarded(route: Route, access: Access) -> Route {
    match access {
        Access::Public => route,
        access => route.wrap(from_fn(move |request, next| guard(access, request, next))),
    }
}

async fn guard(
    access: Access,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let caller = identify(request.request()).await;
    match caller.and_then(|caller| allowed(access, caller)) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await
        }
        Err(problem) => Ok(refuse(request, &problem)),
    }
}

/// Asks again who is asking, and whether they may: the caller of the request is as they are now.
///
/// # Errors
/// As the endpoint's rule: `unauthenticated`, `forbidden` and its kin, or `database-unavailable` when nobody can tell.
pub(super) async fn still_allowed(request: &HttpRequest) -> Result<(), Problem> {
    let Some(endpoint) = endpoint(request) else {
        return Err(Problem::new(ProblemKind::Internal));
    };
    if endpoint.access == Access::Public {
        return Ok(());
    }
    let caller = allowed(endpoint.access, identify(request).await?)?;
    request.extensions_mut().insert(caller);
    Ok(())
}

fn allowed(access: Access, caller: Caller) -> Result<Caller, Problem> {
    let Access::May(actions) = access else {
        return Ok(caller);
    };
    let mut denied = Denial::Role;
    for action in actions {
        match reach(&caller.principal, *action) {
            Ok(_) => return Ok(caller),
            Err(denial) => denied = denial,
        }
    }
    Err(UseCaseError::from(denied).into())
}
