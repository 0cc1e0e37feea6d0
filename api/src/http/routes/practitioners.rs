//! Practitioners.

use actix_web::{HttpRequest, HttpResponse, web};
use application::clinic::{Backend, Clinic};
use domain::kernel::PractitionerId;
use serde::Deserialize;
use uuid::Uuid;

use crate::http::answer::{Answer, CommandResult};
use crate::http::auth::Caller;
use crate::http::command::{Command, Parameters, core};
use crate::http::cursor::{PageBody, PageQuery};
use crate::http::dto::{self, checked};
use crate::http::etag;
use crate::http::problem::{Problem, ProblemKind};

/// Register a practitioner.
///
/// Only a hospital does. Nobody registers themselves as a practitioner: what they do would count before a registrar has
/// attested them.
#[utoipa::path(
    post, path = "/v1/practitioners", tag = "practitioners", request_body = dto::RegisterPractitioner,
    responses(
        (status = 201, description = "Registered", body = CommandResult),
        (status = 200, description = "Was registered already, with the same content", body = CommandResult),
    ),
)]
pub async fn register<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    command: Command<dto::RegisterPractitioner>,
) -> Result<HttpResponse, Problem> {
    let command = command.map(checked)?;
    let authenticator = core(&request)?.authenticator.clone();
    let run = command.run(clinic, |clinic, caller, (details, wallet), issue| async move {
        let done = clinic.register_practitioner(&caller, details, wallet, &issue).await?;
        if let Some(wallet) = wallet {
            authenticator.forget(clinic.account_of_wallet(&wallet)).await;
        }
        Ok(Answer::created(path(done.id), done.id.uuid(), done.receipt).with_version_tag())
    });
    run.await
}

fn path(id: PractitionerId) -> String {
    format!("/v1/practitioners/{id}")
}

/// Which practitioners.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PractitionerQuery {
    /// A code of a specialization, or a part of its text, in any case.
    #[param(example = "cardio")]
    pub specialization: Option<String>,
    /// Where the page before ended (`nextCursor`).
    pub cursor: Option<String>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// List practitioners, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/practitioners", tag = "practitioners", params(PractitionerQuery),
    responses((status = 200, description = "A page of practitioners", body = PageBody<dto::Practitioner>)),
)]
pub async fn list<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    Parameters(query): Parameters<PractitionerQuery>,
) -> Result<HttpResponse, Problem> {
    let PractitionerQuery {
        specialization,
        cursor,
        limit,
    } = query;
    let wanted = PageQuery { cursor, limit }.page()?;
    let specialization = check_specialization(specialization)?;
    let found = clinic
        .practitioners(&caller.principal, specialization.as_deref(), wanted.query())
        .await?;
    Ok(wanted
        .answer(found, |practitioner| practitioner.id, dto::Practitioner::from)
        .linked(&request))
}

/// A specialization to look for; a blank one is none.
///
/// # Errors
/// `malformed-request` when it is too long to be one.
pub fn check_specialization(text: Option<String>) -> Result<Option<String>, Problem> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > 200) {
        let detail = "The specialization must have at most 200 characters.";
        return Err(Problem::new(ProblemKind::MalformedRequest).detail(detail));
    }
    Ok(text)
}

/// Read a practitioner's entry.
#[utoipa::path(
    get, path = "/v1/practitioners/{id}", tag = "practitioners",
    params(("id" = Uuid, Path, description = "The practitioner")),
    responses(
        (status = 200, description = "The entry", body = dto::Practitioner),
        (status = 304, description = "The caller has this version"),
    ),
)]
pub async fn read<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let practitioner = clinic.practitioner(&caller.principal, PractitionerId::new(*id)).await?;
    Ok(etag::answer(
        &request,
        etag::of_version(practitioner.version),
        &dto::Practitioner::from(practitioner),
    ))
}

/// Replace a practitioner's details.
#[utoipa::path(
    put, path = "/v1/practitioners/{id}", tag = "practitioners", request_body = dto::PractitionerDetails,
    params(("id" = Uuid, Path, description = "The practitioner"), ("If-Match" = Option<String>, Header, description = "Only if this is the current version")),
    responses((status = 200, description = "Replaced", body = CommandResult)),
)]
pub async fn update<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    id: web::Path<Uuid>,
    command: Command<dto::PractitionerDetails>,
) -> Result<HttpResponse, Problem> {
    let (command, id) = (command.map(checked)?, PractitionerId::new(*id));
    let expected = etag::expected_version(&command.headers)?;
    let run = command.run(clinic, move |clinic, caller, details, issue| async move {
        let done = clinic
            .update_practitioner(&caller, id, details, expected, &issue)
            .await?;
        Ok(Answer::changed(path(done.id), Some(done.id.uuid()), done.receipt).with_version_tag())
    });
    run.await
}

/// Whom a practitioner treats.
#[utoipa::path(
    get, path = "/v1/practitioners/{id}/patients", tag = "practitioners",
    params(("id" = Uuid, Path, description = "The practitioner"), PageQuery),
    responses((status = 200, description = "A page of relationships, by patient", body = PageBody<dto::Relationship>)),
)]
pub async fn patients<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    id: web::Path<Uuid>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let wanted = query.page()?;
    let found = clinic
        .patients_of(&caller.principal, PractitionerId::new(*id), wanted.query())
        .await?;
    Ok(wanted
        .answer(found, |relationship| relationship.patient, dto::Relationship::from)
        .linked(&request))
}
