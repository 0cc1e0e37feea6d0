//! Visits of the past, as another system tells them.

use actix_web::HttpResponse;
use api_wire::answer::CommandResult;
use api_wire::dto;
use application::use_cases::clinic::Backend;
use domain::kernel::EncounterId;

use super::appointments::of_appointment;
use crate::command::Command;
use crate::location::Located;
use crate::problem::Problem;

impl Located for EncounterId {
    fn path(&self) -> String {
        format!("/v1/appointments/{}", self.id)
    }
}

/// Record a visit of the past.
///
/// For hospital systems whose key has the scope `import`. The rules for booking do not apply, but the visit must have begun. Recording
/// a visit of the same patient again, by its identifier, with the same content changes nothing (200). With other content, which includes
/// another day or practitioner, it is refused (409), and the problem names what is recorded; with `corrects` it takes the place of that
/// (200). A visit of another patient is another visit, whatever its identifier.
#[utoipa::path(
    post, path = "/v1/visits", tag = "visits", request_body = dto::RecordVisit,
    responses(
        (status = 201, description = "The visit was recorded", body = CommandResult),
        (status = 200, description = "The visit was recorded already, with the same content, or has been corrected", body = CommandResult),
    ),
)]
pub async fn record<B: Backend>(command: Command<B, dto::RecordVisit>) -> Result<HttpResponse, Problem> {
    let run = command.run(async |clinic, caller, visit, issue| {
        let done = clinic.record_visit(&caller, visit, &issue).await?;
        let began = done.receipt.began;
        Ok(of_appointment(done).having(began))
    });
    run.await
}
