//! Emergencies: practitioners open records without a grant, and justify it.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::dto;
use api_wire::page::{PageBody, PageQuery};
use application::ports::queries::EmergencyView;
use application::use_cases::clinic::Backend;
use domain::kernel::{EmergencyId, PatientId};
use serde::Deserialize;
use uuid::Uuid;

use crate::answer::Answer;
use crate::command::Command;
use crate::location::Located;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

impl Located for EmergencyId {
    fn path(&self) -> String {
        format!("{}/emergencies/{}", self.patient.path(), self.id)
    }
}

/// Open a patient's record in an emergency.
///
/// A practitioner who cannot wait for a grant says why, what they need, and for how long. When the answer comes it is in the log for good, and they read what they have opened, and no more. The
/// patient sees it, with the reason. It is to be justified afterwards; what is not justified in time is flagged to registrars and auditors.
#[utoipa::path(
    post, path = "/v1/patients/{id}/emergencies", tag = "emergencies", request_body = dto::NewEmergency,
    params(("id" = Uuid, Path, description = "The id of the patient")),
    responses((status = 201, description = "The record is open", body = CommandResult)),
)]
pub async fn open<B: Backend>(
    id: web::Path<PatientId>,
    command: Command<B, dto::NewEmergency>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, to_open, issue| {
        let opened = clinic.open_in_emergency(&caller, *id, to_open, &issue).await?;
        let created = opened.receipt.position.is_some();
        Ok(Answer::of(opened.id.path(), Some(opened.id.id), opened.receipt).having(created))
    });
    run.await
}

/// Read an emergency.
///
/// The patient reads those of their record, and a practitioner those in which they have opened one.
#[utoipa::path(
    get, path = "/v1/patients/{id}/emergencies/{emergency}", tag = "emergencies",
    params(
        ("id" = Uuid, Path, description = "The id of the patient"),
        ("emergency" = Uuid, Path, description = "The id of the emergency"),
    ),
    responses((status = 200, description = "The emergency", body = dto::Emergency)),
)]
pub async fn read<B: Backend>(
    reading: Reading<B>,
    path: web::Path<(PatientId, Uuid)>,
) -> Result<HttpResponse, Problem> {
    let (patient, id) = path.into_inner();
    let found = reading.clinic.emergency(&reading.caller, EmergencyId { patient, id });
    Ok(HttpResponse::Ok().json(dto::Emergency::seen(found.await?)))
}

/// Say why it was right to open a record.
///
/// The practitioner who has opened it does, once, as soon as they can. After the time for it, it is late and counts all the same.
#[utoipa::path(
    post, path = "/v1/patients/{id}/emergencies/{emergency}/justification", tag = "emergencies",
    request_body = dto::NewJustification,
    params(
        ("id" = Uuid, Path, description = "The id of the patient"),
        ("emergency" = Uuid, Path, description = "The id of the emergency"),
    ),
    responses((status = 200, description = "The emergency is justified", body = CommandResult)),
)]
pub async fn justify<B: Backend>(
    path: web::Path<(PatientId, Uuid)>,
    command: Command<B, dto::NewJustification>,
) -> Result<HttpResponse, Problem> {
    let (patient, id) = path.into_inner();
    let emergency = EmergencyId { patient, id };
    let run = command.run(async move |clinic, caller, text, issue| {
        let justified = clinic.justify_emergency(&caller, emergency, text, &issue).await?;
        Ok(Answer::of(emergency.path(), Some(id), justified))
    });
    run.await
}

/// List the emergencies that concern the caller, the newest first.
///
/// A patient sees in which their record was opened, by whom and why. A practitioner sees in which they have opened records, and which they have not justified yet.
#[utoipa::path(
    get, path = "/v1/me/emergencies", tag = "emergencies", params(PageQuery),
    responses((status = 200, description = "A page of emergencies", body = PageBody<dto::Emergency>)),
)]
pub async fn own<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("own emergencies", &()).page::<u64>(&query)?;
    let found = reading.clinic.own_emergencies(&reading.caller, page.query()).await?;
    let key = |view: &EmergencyView| view.position;
    Ok(reading.page(page.answer(found, key, dto::Emergency::seen)))
}

/// Which emergencies.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EmergencyQuery {
    /// How the emergencies stand that are listed.
    #[param(inline)]
    pub standing: Option<dto::EmergencyStanding>,
    /// The `nextCursor` of the previous page, which was asked for with the same filters. Without it, the answer is the first page.
    pub cursor: Option<String>,
    /// The largest number of items to return on a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// List the emergencies of everybody, the newest first.
///
/// For registrars and auditors: who has opened records, when, what of them, and whether they have justified it. Whose records they were, and why, stands with the patient and the practitioner
/// alone.
#[utoipa::path(
    get, path = "/v1/emergencies", tag = "emergencies", params(EmergencyQuery),
    responses((status = 200, description = "A page of emergencies", body = PageBody<dto::Emergency>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<EmergencyQuery>,
) -> Result<HttpResponse, Problem> {
    let standing = query.standing.map(Into::into);
    let page_query = PageQuery::new(query.cursor.as_ref(), query.limit);
    let page = reading.list("emergencies", &query.standing).page::<u64>(&page_query)?;
    let found = reading
        .clinic
        .emergencies_overseen(&reading.caller, standing, page.query());
    let key = |view: &EmergencyView| view.position;
    Ok(reading.page(page.answer(found.await?, key, dto::Emergency::overseen)))
}
