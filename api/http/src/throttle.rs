//! The layers that refuse too much, and whom they count it for.

use std::net::IpAddr;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, ResponseError as _};
use api_wire::problem::ProblemKind;

use super::core::core;
use super::limits::network;
use super::problem::Problem;

/// The layer around what signs in. Answers `too-many-requests`.
///
/// # Errors
/// What the layers inside could not turn into an answer.
pub(super) async fn limit_sign_ins(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let core = core(request.request())?;
    let denied = address(request.request()).and_then(|address| core.limiter.sign_in(&address).err());
    if let Some(problem) = denied {
        return Ok(refuse(request, &problem));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// The address, or the network of a household, that a request comes from. A peer without an address is a test or a local socket: nobody to limit.
pub(super) fn address(request: &HttpRequest) -> Option<IpAddr> {
    let core = core(request).ok()?;
    let peer = request.peer_addr()?;
    Some(network(core.settings.proxies.client(peer.ip(), request.headers())))
}

/// An answer rather than an error, so that the layers outside treat it like any other.
pub(super) fn refuse(request: ServiceRequest, problem: &Problem) -> ServiceResponse<BoxBody> {
    request.into_response(problem.error_response())
}

/// The layer around everything under `/v1`. Answers `overloaded`.
///
/// # Errors
/// What the layers inside could not turn into an answer.
pub(super) async fn limit_concurrency(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let permits = core(request.request())?.permits.clone();
    let Ok(_permit) = permits.try_acquire_owned() else {
        return Ok(refuse(request, &Problem::new(ProblemKind::Overloaded)));
    };
    Ok(next.call(request).await?.map_into_boxed_body())
}
