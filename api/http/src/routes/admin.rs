//! How the system is doing.

use actix_web::HttpResponse;
use api_wire::dto;
use application::use_cases::clinic::Backend;
use serde::Deserialize;

use crate::problem::Problem;
use crate::read::{Parameters, Reading};

/// What the status includes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StatusQuery {
    /// Whether to compute the content hashes of the read models anew, if the log has moved since they were last computed. This reads
    /// all their rows.
    #[serde(default)]
    #[param(default = false, required = false)]
    pub content_hashes: bool,
}

/// Read the status of the system: chain, log, outbox, read models and parked events.
///
/// For administrators and auditors. `troubles` says what does not work at present and why; it is empty while all is well.
#[utoipa::path(
    get, path = "/v1/admin/status", tag = "admin", params(StatusQuery),
    responses((status = 200, description = "The status of the system", body = dto::Status)),
)]
pub async fn status<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<StatusQuery>,
) -> Result<HttpResponse, Problem> {
    let source = reading.core.ports.status.as_ref();
    let report = reading
        .clinic
        .status(&reading.caller, source, query.content_hashes)
        .await?;
    Ok(HttpResponse::Ok().json(dto::Status::from(report)))
}

/// Try again to read the parked events.
///
/// For administrators. A newer version of the program or another key may make them readable. A server does the same by itself when it
/// starts, and when it has got a key.
#[utoipa::path(
    post, path = "/v1/admin/parked/retry", tag = "admin",
    responses((status = 200, description = "The events that could now be read, and how many could not", body = dto::RetriedEvents)),
)]
pub async fn retry_parked<B: Backend>(reading: Reading<B>) -> Result<HttpResponse, Problem> {
    let parked = reading.core.ports.parked.as_ref();
    let retried = reading.clinic.retry_parked(&reading.caller, parked).await?;
    Ok(HttpResponse::Ok().json(dto::RetriedEvents::from(retried)))
}
