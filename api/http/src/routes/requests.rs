//! Requests to be registered: where the operator registers by approval.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::dto;
use api_wire::page::{PageBody, PageQuery};
use application::use_cases::clinic::Backend;
use uuid::Uuid;

use crate::answer::Answer;
use crate::command::Command;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

/// Make a registration request: ask to be registered as a patient.
///
/// For a wallet that has signed in and has no account, where the operator registers patients by approval. The request puts nothing in
/// the log: it waits, for a limited time, until a hospital approves or declines it. Another request of the same wallet replaces the one
/// before, under another id.
#[utoipa::path(
    put, path = "/v1/me/registration-request", tag = "registration", request_body = dto::AskForRegistration,
    responses((status = 200, description = "The registration request waits; `id` is its id", body = CommandResult)),
)]
pub async fn ask<B: Backend>(command: Command<B, dto::AskForRegistration>) -> Result<HttpResponse, Problem> {
    let command = command.counted_as_request()?;
    let signed_in = command.signed_in().await?;
    let run = command.run(async move |clinic, caller, details, issue| {
        let asked = clinic.ask_for_registration(&caller, details, signed_in, &issue);
        let id = asked.await?;
        Ok(Answer::beside_the_log(
            issue.command_id,
            "/v1/me/registration-request",
            id,
        ))
    });
    run.await
}

/// Read the caller's own registration request, and what has become of it.
///
/// The request waits, or it is approved (`GET /v1/me` then names the record too), or it was declined, with a reason. A request that was
/// decided on is shown for two weeks.
#[utoipa::path(
    get, path = "/v1/me/registration-request", tag = "registration",
    responses((status = 200, description = "The caller's registration request", body = dto::OwnRegistrationRequest)),
)]
pub async fn own<B: Backend>(reading: Reading<B>) -> Result<HttpResponse, Problem> {
    let own = reading
        .clinic
        .own_request(&reading.caller, reading.wallet.as_ref())
        .await?;
    Ok(HttpResponse::Ok().json(dto::OwnRegistrationRequest::from(own)))
}

/// List registration requests, the longest wait first.
///
/// For hospitals. The list holds the requests on which nobody has decided yet. Nobody has checked what they say: search for the person
/// first, so that nobody gets a second record, and invite those whom the hospital has registered already.
#[utoipa::path(
    get, path = "/v1/registration-requests", tag = "registration", params(PageQuery),
    responses((status = 200, description = "A page of registration requests", body = PageBody<dto::RegistrationRequest>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("registration requests", &()).page(&query)?;
    let found = reading.clinic.requests(&reading.caller, page.query()).await?;
    let key = |request: &application::ports::requests::RegistrationRequest| (request.asked_at, request.id);
    Ok(reading.page(page.answer(found, key, dto::RegistrationRequest::from)))
}

/// Approve a registration request.
///
/// This registers the owner of the request as a patient, with the wallet that has made the request. The event names who approved it,
/// and the patient sees that. Approving it again registers nobody twice (200).
#[utoipa::path(
    post, path = "/v1/registration-requests/{id}/approve", tag = "registration",
    params(("id" = Uuid, Path, description = "The id of the registration request")),
    responses(
        (status = 201, description = "The patient was registered; `id` is their id", body = CommandResult),
        (status = 200, description = "The patient was registered already, by an earlier approval", body = CommandResult),
    ),
)]
pub async fn approve<B: Backend>(
    id: web::Path<Uuid>,
    command: Command<B, dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    let authenticator = command.authenticator();
    let run = command.run(async move |clinic, caller, (), issue| {
        let (done, wallet) = clinic.approve_request(&caller, *id, &issue).await?;
        if let Some(wallet) = wallet {
            authenticator.forget(&wallet).await;
        }
        Ok(Answer::created(done))
    });
    run.await
}

/// Decline a registration request.
///
/// The content of the request is forgotten at once. Whoever has made it sees the reason, and may make another one.
#[utoipa::path(
    post, path = "/v1/registration-requests/{id}/decline", tag = "registration", request_body = dto::DeclineRequest,
    params(("id" = Uuid, Path, description = "The id of the registration request")),
    responses((status = 200, description = "The registration request is declined; `id` is its id", body = CommandResult)),
)]
pub async fn decline<B: Backend>(
    id: web::Path<Uuid>,
    command: Command<B, dto::DeclineRequest>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, reason, issue| {
        clinic.decline_request(&caller, *id, &reason, &issue).await?;
        Ok(Answer::beside_the_log(
            issue.command_id,
            "/v1/registration-requests",
            *id,
        ))
    });
    run.await
}
