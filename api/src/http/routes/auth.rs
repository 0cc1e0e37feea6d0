//! Signing in and out.

use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use utoipa::openapi::security::{Http, HttpAuthScheme};

use crate::http::auth::{Caller, Rejection};
use crate::http::body::Json;
use crate::http::command::unreachable_store;
use crate::http::core::core;
use crate::http::dto::{self, Instant};
use crate::http::problem::{Problem, ProblemKind};

/// How bearer tokens are described.
pub fn bearer_scheme() -> Http {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description =
        Some("A session's token (POST /v1/auth/login), or a service's key, which begins with `mk_`.".into());
    scheme
}

/// Ask for a nonce to sign in with.
///
/// The wallet then signs an EIP-4361 message that names this domain, URI, chain and nonce.
#[utoipa::path(
    post, path = "/v1/auth/nonce", tag = "auth", security(()),
    responses((status = 200, description = "What to sign", body = dto::Challenge)),
)]
pub async fn nonce(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let core = core(&request)?;
    let token = core
        .ports
        .secrets
        .token()
        .map_err(|error| Problem::new(ProblemKind::Internal).cause(error))?;
    // EIP-4361 allows letters and digits only.
    let nonce: String = token.chars().filter(char::is_ascii_alphanumeric).collect();
    let issued_at = core.ports.clock.now();
    let lifetime = TimeDelta::from_std(core.settings.nonce_lifetime).unwrap_or_default();
    let expires_at = issued_at + lifetime;
    core.ports
        .sessions
        .issue_nonce(&nonce, expires_at)
        .await
        .map_err(unreachable_store)?;
    Ok(HttpResponse::Ok().json(dto::Challenge {
        nonce,
        domain: core.sign_in.domain.clone(),
        uri: core.sign_in.uri.clone(),
        chain_id: core.sign_in.chain_id,
        version: "1",
        issued_at: Instant(issued_at),
        expires_at: Instant(expires_at),
    }))
}

/// Sign in with a signed message.
///
/// A wallet without an account gets a session too: with it, it can register as a patient and do nothing else. Contract
/// wallets (ERC-1271) cannot sign in yet.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "auth", request_body = dto::SignIn, security(()),
    responses((status = 200, description = "Signed in", body = dto::OpenedSession)),
)]
pub async fn login(request: HttpRequest, Json(sign_in): Json<dto::SignIn>) -> Result<HttpResponse, Problem> {
    let core = core(&request)?;
    let now = core.ports.clock.now();
    let verified = core
        .sign_in
        .verify(&sign_in.message, &sign_in.signature, now)
        .map_err(refused)?;
    // Last of all, so that only who holds the key can use a nonce up.
    if !core
        .ports
        .sessions
        .consume_nonce(&verified.nonce, now)
        .await
        .map_err(unreachable_store)?
    {
        return Err(refused(Rejection::Nonce));
    }
    let (token, session) = core.authenticator.open(verified.wallet).await?;
    // An account that was closed gets no session: the token stands for nobody.
    let unauthenticated = || Problem::new(ProblemKind::LoginFailed).detail("The account is closed.");
    let me = core
        .authenticator
        .authenticate(&token)
        .await?
        .ok_or_else(unauthenticated)?;
    Ok(HttpResponse::Ok().json(dto::OpenedSession {
        token,
        idle_expires_at: Instant(session.idle_expires_at),
        expires_at: Instant(session.expires_at),
        me: dto::Me::of(&me.principal, me.wallet),
    }))
}

fn refused(rejection: Rejection) -> Problem {
    Problem::new(ProblemKind::LoginFailed).detail(rejection.to_string())
}

/// Sign out. The token stops working.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "auth",
    responses((status = 204, description = "Signed out")),
)]
pub async fn logout(request: HttpRequest, caller: Caller) -> Result<HttpResponse, Problem> {
    let Some(session) = caller.session else {
        let detail = "A service's key does not sign out: revoke it.";
        return Err(Problem::new(ProblemKind::Forbidden).detail(detail));
    };
    core(&request)?.authenticator.close(session).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who the caller is.
#[utoipa::path(
    get, path = "/v1/me", tag = "auth",
    responses((status = 200, description = "The caller", body = dto::Me)),
)]
pub async fn me(caller: Caller) -> HttpResponse {
    HttpResponse::Ok().json(dto::Me::of(&caller.principal, caller.wallet))
}
