//! Patients.

use actix_web::{HttpRequest, HttpResponse, web};
use application::clinic::{Backend, Clinic};
use application::identity::Principal;
use domain::kernel::PatientId;
use uuid::Uuid;

use crate::http::answer::{Answer, CommandResult};
use crate::http::auth::Caller;
use crate::http::command::{Command, Json, Parameters, core};
use crate::http::cursor::{PageBody, PageQuery};
use crate::http::dto::{self, checked};
use crate::http::etag;
use crate::http::problem::Problem;

/// Register a patient.
///
/// A wallet that has signed in and has no account registers itself. A hospital registers anybody; an `identifier` in the
/// details names the record, so that registering again with the same content changes nothing (200).
#[utoipa::path(
    post, path = "/v1/patients", tag = "patients", request_body = dto::RegisterPatient,
    responses(
        (status = 201, description = "Registered", body = CommandResult),
        (status = 200, description = "Was registered already, with the same content", body = CommandResult),
    ),
)]
pub async fn register<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    command: Command<dto::RegisterPatient>,
) -> Result<HttpResponse, Problem> {
    let command = command.map(checked)?;
    let authenticator = core(&request)?.authenticator.clone();
    let run = command.run(clinic, |clinic, caller, (registration, wallet), issue| async move {
        let done = clinic.register_patient(&caller, registration, wallet, &issue).await?;
        let own = if let Principal::Unregistered { wallet } = caller {
            Some(wallet)
        } else {
            wallet
        };
        if let Some(wallet) = own {
            authenticator.forget(clinic.account_of_wallet(&wallet)).await;
        }
        Ok(Answer::created(path(done.id), done.id.uuid(), done.receipt).with_version_tag())
    });
    run.await
}

fn path(id: PatientId) -> String {
    format!("/v1/patients/{id}")
}

/// List patients, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/patients", tag = "patients", params(PageQuery),
    responses((status = 200, description = "A page of patients", body = PageBody<dto::PatientSummary>)),
)]
pub async fn list<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let wanted = query.page()?;
    let found = clinic.patients(&caller.principal, None, wanted.query()).await?;
    Ok(wanted
        .answer(found, |patient| patient.id, dto::PatientSummary::from)
        .linked(&request))
}

/// Search patients by name.
///
/// Changes nothing. It is a POST because a name in an address would end up in logs.
#[utoipa::path(
    post, path = "/v1/patients/search", tag = "patients", request_body = dto::SearchPatients,
    responses((status = 200, description = "A page of patients", body = PageBody<dto::PatientSummary>)),
)]
pub async fn search<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    Json(search): Json<dto::SearchPatients>,
) -> Result<HttpResponse, Problem> {
    let dto::SearchPatients { name, cursor, limit } = search;
    if name.trim().is_empty() || name.chars().count() > 200 {
        return Err(Problem::invalid("/name", "must have from 1 to 200 characters"));
    }
    let wanted = PageQuery { cursor, limit }.page()?;
    let found = clinic
        .patients(&caller.principal, Some(name.trim()), wanted.query())
        .await?;
    Ok(HttpResponse::Ok().json(wanted.answer(found, |patient| patient.id, dto::PatientSummary::from)))
}

/// Read a patient's record.
#[utoipa::path(
    get, path = "/v1/patients/{id}", tag = "patients", params(("id" = Uuid, Path, description = "The patient")),
    responses(
        (status = 200, description = "The record", body = dto::Patient),
        (status = 304, description = "The caller has this version"),
    ),
)]
pub async fn read<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let patient = clinic.patient(&caller.principal, PatientId::new(*id)).await?;
    Ok(etag::answer(
        &request,
        etag::of_version(patient.version),
        &dto::Patient::from(patient),
    ))
}

/// Replace a patient's details.
#[utoipa::path(
    put, path = "/v1/patients/{id}/details", tag = "patients", request_body = dto::PatientDetails,
    params(("id" = Uuid, Path, description = "The patient"), ("If-Match" = Option<String>, Header, description = "Only if this is the current version")),
    responses((status = 200, description = "Replaced", body = CommandResult)),
)]
pub async fn update_details<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    id: web::Path<Uuid>,
    command: Command<dto::PatientDetails>,
) -> Result<HttpResponse, Problem> {
    let (command, id) = (command.map(checked)?, PatientId::new(*id));
    let expected = etag::expected_version(&command.headers)?;
    let run = command.run(clinic, move |clinic, caller, details, issue| async move {
        let done = clinic
            .update_patient_details(&caller, id, details, expected, &issue)
            .await?;
        Ok(Answer::changed(path(done.id), Some(done.id.uuid()), done.receipt).with_version_tag())
    });
    run.await
}

/// Replace what a patient brings: history, allergies, medications, symptoms.
#[utoipa::path(
    put, path = "/v1/patients/{id}/intake", tag = "patients", request_body = dto::Intake,
    params(("id" = Uuid, Path, description = "The patient"), ("If-Match" = Option<String>, Header, description = "Only if this is the current version")),
    responses((status = 200, description = "Replaced", body = CommandResult)),
)]
pub async fn update_intake<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    id: web::Path<Uuid>,
    command: Command<dto::Intake>,
) -> Result<HttpResponse, Problem> {
    let (command, id) = (command.map(checked)?, PatientId::new(*id));
    let expected = etag::expected_version(&command.headers)?;
    let run = command.run(clinic, move |clinic, caller, intake, issue| async move {
        let done = clinic
            .update_patient_intake(&caller, id, intake, expected, &issue)
            .await?;
        Ok(Answer::changed(path(done.id), Some(done.id.uuid()), done.receipt).with_version_tag())
    });
    run.await
}

/// Who treats a patient.
#[utoipa::path(
    get, path = "/v1/patients/{id}/practitioners", tag = "patients",
    params(("id" = Uuid, Path, description = "The patient")),
    responses((status = 200, description = "The relationships, by practitioner", body = PageBody<dto::Relationship>)),
)]
pub async fn practitioners<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let found = clinic.practitioners_of(&caller.principal, PatientId::new(*id)).await?;
    let items = found.into_iter().map(dto::Relationship::from).collect();
    Ok(HttpResponse::Ok().json(PageBody {
        items,
        next_cursor: None,
        next: None,
    }))
}
