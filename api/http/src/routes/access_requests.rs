//! Requests to be let into a patient's record: somebody asks, and the patient decides.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::dto;
use api_wire::page::{PageBody, PageQuery};
use application::ports::access_requests::{AccessRequest, AccessRequestCursor};
use application::use_cases::clinic::Backend;
use domain::kernel::GrantsId;
use uuid::Uuid;

use crate::answer::Answer;
use crate::command::Command;
use crate::location::Located;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

/// Under which the patients who are asked find them.
const OF_A_PATIENT: &str = "/v1/me/access-requests";

/// Ask a patient to be let into their record.
///
/// Name the patient, and they find the request among theirs for two weeks; or name none, and read the code of the request (`GET /v1/access-requests/{id}`), by which a patient takes it up
/// within 15 minutes: at the desk, on their own phone. It allows nothing: the patient approves it, and signs what it then becomes. Whether there is such a patient is not told.
#[utoipa::path(
    post, path = "/v1/access-requests", tag = "accessRequests", request_body = dto::NewAccessRequest,
    responses((status = 201, description = "The patient can be asked", body = CommandResult)),
)]
pub async fn ask<B: Backend>(command: Command<B, dto::NewAccessRequest>) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, asked, issue| {
        let id = clinic.ask_for_access(&caller, asked, &issue).await?;
        let resource = format!("/v1/access-requests/{id}");
        Ok(Answer::beside_the_log(issue.command_id, &resource, id).having(true))
    });
    run.await
}

/// Read what one has asked, and how it stands.
///
/// For who has asked. Once it is granted, the answer names the patient who has taken it up.
#[utoipa::path(
    get, path = "/v1/access-requests/{id}", tag = "accessRequests",
    params(("id" = Uuid, Path, description = "The id of the request")),
    responses((status = 200, description = "The request", body = dto::OwnAccessRequest)),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<Uuid>) -> Result<HttpResponse, Problem> {
    let found = reading.clinic.access_request(&reading.caller, *id).await?;
    Ok(HttpResponse::Ok().json(dto::OwnAccessRequest::from(found)))
}

/// Take up a request by its code.
///
/// For patients. From then on it is theirs, stands in their list for an hour at least, and nobody else can take it up.
#[utoipa::path(
    post, path = "/v1/me/access-requests", tag = "accessRequests", request_body = dto::TakeAccessRequestUp,
    responses((status = 200, description = "The request is in the list; `id` is its id", body = CommandResult)),
)]
pub async fn take_up<B: Backend>(command: Command<B, dto::TakeAccessRequestUp>) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, code, issue| {
        let id = clinic.take_access_request_up(&caller, code).await?;
        Ok(Answer::beside_the_log(issue.command_id, OF_A_PATIENT, id))
    });
    run.await
}

/// List what the caller is asked, the newest first.
///
/// For patients: who asks for what, and why. What they have declined is not there.
#[utoipa::path(
    get, path = "/v1/me/access-requests", tag = "accessRequests", params(PageQuery),
    responses((status = 200, description = "A page of requests", body = PageBody<dto::AccessRequest>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading
        .list("access requests", &())
        .page::<AccessRequestCursor>(&query)?;
    let found = reading.clinic.access_requests_to(&reading.caller, page.query()).await?;
    let key = |request: &AccessRequest| (request.asked_at, request.id);
    Ok(reading.page(page.answer(found, key, dto::AccessRequest::from)))
}

/// Approve a request.
///
/// For patients. It prepares the grant that is asked for; the patient then signs it (`GET …/typed-data` and `POST …/signature` under `resource`), within an hour. Until then nobody is let in.
/// Who has not signed in time approves again.
#[utoipa::path(
    post, path = "/v1/me/access-requests/{id}/approve", tag = "accessRequests",
    params(("id" = Uuid, Path, description = "The id of the request")),
    responses((status = 201, description = "The grant can be signed; `id` is its id", body = CommandResult)),
)]
pub async fn approve<B: Backend>(
    id: web::Path<Uuid>,
    command: Command<B, dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, (), issue| {
        let (patient, prepared) = clinic.approve_access(&caller, *id, &issue).await?;
        let created = prepared.receipt.position.is_some();
        let path = format!("{}/{}", GrantsId(patient).path(), prepared.id);
        Ok(Answer::of(path, Some(prepared.id), prepared.receipt).having(created))
    });
    run.await
}

/// Decline a request.
///
/// For patients. Who has asked is told that it is declined. What was granted upon it before is revoked in its own way.
#[utoipa::path(
    post, path = "/v1/me/access-requests/{id}/decline", tag = "accessRequests",
    params(("id" = Uuid, Path, description = "The id of the request")),
    responses((status = 200, description = "The request is declined; `id` is its id", body = CommandResult)),
)]
pub async fn decline<B: Backend>(
    id: web::Path<Uuid>,
    command: Command<B, dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, (), issue| {
        clinic.decline_access(&caller, *id).await?;
        Ok(Answer::beside_the_log(issue.command_id, OF_A_PATIENT, *id))
    });
    run.await
}
