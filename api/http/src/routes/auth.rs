//! Signing in and out.

use actix_web::{HttpRequest, HttpResponse};
use api_wire::dto;
use api_wire::problem::ProblemKind;
use application::use_cases::clinic::Backend;
use utoipa::openapi::security::{Http, HttpAuthScheme};

use crate::body::Json;
use crate::caller::Caller;
use crate::core::{clinic, core};
use crate::problem::Problem;

/// How bearer tokens are described.
pub fn bearer_scheme() -> Http {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description =
        Some("A session's token (POST /v1/auth/login), which begins with `ms_`, or a service's key, which begins with `mk_`.".into());
    scheme
}

/// Ask for a nonce to sign in with.
///
/// The wallet then signs an EIP-4361 message that contains the domain, URI, chain id and nonce of the answer.
#[utoipa::path(
    post, path = "/v1/auth/nonce", tag = "auth", security(()),
    responses((status = 200, description = "What the message to sign must contain", body = dto::Challenge)),
)]
pub async fn nonce(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(core(&request)?.challenge()?))
}

/// Sign in with a signed message.
///
/// A wallet without an account gets a session too. With it, the wallet can register as a patient or accept an invitation, and do
/// nothing else. Contract wallets (ERC-1271) cannot sign in yet.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "auth", request_body = dto::SignIn, security(()),
    responses((status = 200, description = "The session that was opened", body = dto::OpenedSession)),
)]
pub async fn login<B: Backend>(request: HttpRequest, Json(signed): Json<dto::SignIn>) -> Result<HttpResponse, Problem> {
    let (core, clinic) = (core(&request)?, clinic::<B>(&request)?);
    let signed_in = core.signed_in(&signed).await?;
    core.welcome(clinic.into_inner(), &signed_in).await?;
    Ok(HttpResponse::Ok().json(core.open_session(&signed_in).await?))
}

/// Sign out.
///
/// The token of the session stops working. Other sessions of the same wallet go on. A service does not sign out: its key is revoked.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "auth",
    responses((status = 204, description = "The session has ended")),
)]
pub async fn logout(request: HttpRequest, caller: Caller) -> Result<HttpResponse, Problem> {
    let Some(session) = caller.session else {
        let detail = "A service's key does not sign out: revoke it.";
        return Err(Problem::new(ProblemKind::Forbidden).detail(detail));
    };
    core(&request)?.authenticator.close(session).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Read who the caller is.
///
/// The answer holds the account and role that the token stands for, the id of the caller's own record or entry, and the scopes of a
/// service's key.
#[utoipa::path(
    get, path = "/v1/me", tag = "auth",
    responses((status = 200, description = "The caller, as the server knows them", body = dto::Me)),
)]
pub async fn me(caller: Caller) -> HttpResponse {
    HttpResponse::Ok().json(dto::Me::of(&caller.principal, caller.wallet))
}
