//! The handlers: each reads its request, makes one call of a use case, and maps the answer.
//!
//! One module per resource. Every handler under `/v1` but those of [`auth`] takes a caller. Which of them there are, and who may call
//! each, says [`endpoints`](super::endpoints); the policy is in the application.

pub mod access_log;
pub mod access_requests;
pub mod accounts;
pub mod admin;
pub mod appointments;
pub mod attestations;
pub mod auth;
pub mod availability;
pub mod charts;
pub mod commands;
pub mod emergencies;
pub mod engagements;
pub mod events;
pub mod export;
pub mod grants;
pub mod patients;
pub mod practitioners;
pub mod requests;
pub mod system;
pub mod treatment;
pub mod visits;
pub mod wallets;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, Resource, Route, web};
use api_wire::problem::ProblemKind;

use super::problem::Problem;

/// Where a resource stands, and what can be done with it. Another method is answered with a problem that names these, and HEAD
/// wherever GET is one of them.
pub fn resource(path: &str, routes: Vec<(Method, Route)>) -> Resource {
    let allowed = routes.iter().map(|(method, _)| match *method {
        Method::GET => "GET, HEAD",
        _ => method.as_str(),
    });
    let allowed = allowed.collect::<Vec<_>>().join(", ");
    let refuse = move || {
        let allowed = allowed.clone();
        async move { Err::<HttpResponse, _>(Problem::new(ProblemKind::MethodNotAllowed).allow(allowed)) }
    };
    let resource = web::resource(path).default_service(web::to(refuse));
    routes.into_iter().fold(resource, |resource, (method, route)| {
        resource.route(route.method(method))
    })
}

/// What is not there.
///
/// # Errors
/// `not-found`.
pub async fn nothing_here(_: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::new(ProblemKind::NotFound))
}
