//! How the system is doing.

use actix_web::HttpResponse;
use application::clinic::Backend;
use serde::Deserialize;

use crate::http::dto;
use crate::http::problem::Problem;
use crate::http::reading::{Parameters, Reading};

/// What to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StatusQuery {
    /// Whether to take content hashes of the read models, if the log moved since they were taken. Reads everything.
    #[serde(default)]
    #[param(default = false, required = false)]
    pub content_hashes: bool,
}

/// How the system is doing: chain, log, outbox, read models, parked events.
///
/// For administrators and auditors. `troubles` says what does not go on and why; it is empty while all is well.
#[utoipa::path(
    get, path = "/v1/admin/status", tag = "admin", params(StatusQuery),
    responses((status = 200, description = "The status", body = dto::Status)),
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

/// Try the parked events again.
///
/// A newer program or another key may read them. For administrators. A server does so by itself when it starts, and when a key has come.
#[utoipa::path(
    post, path = "/v1/admin/parked/retry", tag = "admin",
    responses((status = 200, description = "What could be read", body = dto::RetriedEvents)),
)]
pub async fn retry_parked<B: Backend>(reading: Reading<B>) -> Result<HttpResponse, Problem> {
    let parked = reading.core.ports.parked.as_ref();
    let retried = reading.clinic.retry_parked(&reading.caller, parked).await?;
    Ok(HttpResponse::Ok().json(dto::RetriedEvents::from(retried)))
}
