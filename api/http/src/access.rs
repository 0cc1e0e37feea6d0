//! Who may call an endpoint at all.
//!
//! Of which endpoints there are, `endpoints.rs` has the one list; here a request is held against it.

use actix_web::http::Method;
use actix_web::{HttpRequest, web};
use application::error::UseCaseError;
use application::policy::identity::Principal;
use application::policy::{Action, reach};

use super::problem::Problem;

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

/// Refuses whoever may never do what a request asks for. What has no rule is refused to everybody.
///
/// # Errors
/// `forbidden`.
pub fn check(request: &HttpRequest, principal: &Principal) -> Result<(), Problem> {
    match endpoint(request).map(|endpoint| endpoint.access) {
        Some(Access::Public | Access::Caller) => Ok(()),
        Some(Access::May(actions)) if actions.iter().any(|action| reach(principal, *action).is_some()) => Ok(()),
        Some(Access::May(_)) | None => Err(UseCaseError::Forbidden.into()),
    }
}
