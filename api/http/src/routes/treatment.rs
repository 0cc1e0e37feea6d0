//! Treatments: whether a patient is treated here, so that the staff may know their chart.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::dto;
use application::use_cases::clinic::Backend;
use domain::kernel::{PatientId, TreatmentId};

use crate::answer::Answer;
use crate::command::Command;
use crate::location::Located;
use crate::problem::Problem;
use crate::read::Reading;

impl Located for TreatmentId {
    fn path(&self) -> String {
        format!("{}/treatment", self.0.path())
    }
}

/// Read whether a patient is treated here.
///
/// While they are, the staff may know what is in their chart. Their own act begins it: that they bind a wallet here, or agree on paper. What the hospital does alone, such as registering
/// them or booking for them, begins nothing.
#[utoipa::path(
    get, path = "/v1/patients/{id}/treatment", tag = "treatment",
    params(("id" = Uuid, Path, description = "The id of the patient")),
    responses((status = 200, description = "Whether they are treated", body = dto::Treatment)),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<PatientId>) -> Result<HttpResponse, Problem> {
    let treatment = reading.clinic.treatment(&reading.caller, *id).await?;
    Ok(HttpResponse::Ok().json(dto::Treatment::from(treatment)))
}

/// Say that a patient agrees to be treated here.
///
/// A patient who has ended their treatment says so themselves. Of a patient without a wallet, a person of the staff enters the paper that they have signed; a service names that person. It is
/// good in this organisation, and until the patient binds a wallet.
#[utoipa::path(
    post, path = "/v1/patients/{id}/treatment/agreement", tag = "treatment", request_body = dto::TreatmentStatement,
    params(("id" = Uuid, Path, description = "The id of the patient")),
    responses((status = 200, description = "The patient is treated here", body = CommandResult)),
)]
pub async fn agree<B: Backend>(
    id: web::Path<PatientId>,
    command: Command<B, dto::TreatmentStatement>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, paper, issue| {
        let agreed = clinic.agree_to_treatment(&caller, *id, paper, &issue).await?;
        Ok(Answer::of(TreatmentId(*id).path(), None, agreed))
    });
    run.await
}

/// End a patient's treatment here.
///
/// It holds at once: no request that begins after the answer is let in by it, on any server of the organisation. What the patient has granted to practitioners stays. Who says it, and how, is
/// as for agreeing.
#[utoipa::path(
    post, path = "/v1/patients/{id}/treatment/end", tag = "treatment", request_body = dto::TreatmentStatement,
    params(("id" = Uuid, Path, description = "The id of the patient")),
    responses((status = 200, description = "The patient is not treated here any more", body = CommandResult)),
)]
pub async fn end<B: Backend>(
    id: web::Path<PatientId>,
    command: Command<B, dto::TreatmentStatement>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, paper, issue| {
        let ended = clinic.end_treatment(&caller, *id, paper, &issue).await?;
        Ok(Answer::of(TreatmentId(*id).path(), None, ended))
    });
    run.await
}
