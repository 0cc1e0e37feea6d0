//! How the system is doing.

use actix_web::{HttpRequest, HttpResponse, web};
use application::clinic::{Backend, Clinic};
use serde::Deserialize;

use crate::http::auth::Caller;
use crate::http::command::{Parameters, core};
use crate::http::dto;
use crate::http::problem::Problem;

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

/// Chain, log, outbox, read models, parked events. For administrators and auditors.
#[utoipa::path(
    get, path = "/v1/admin/status", tag = "admin", params(StatusQuery),
    responses((status = 200, description = "The status", body = dto::Status)),
)]
pub async fn status<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    Parameters(query): Parameters<StatusQuery>,
) -> Result<HttpResponse, Problem> {
    let source = core(&request)?.ports.status.clone();
    let report = clinic
        .status(&caller.principal, source.as_ref(), query.content_hashes)
        .await?;
    Ok(HttpResponse::Ok().json(dto::Status::from(report)))
}

/// Try the parked events again: a newer program or another key may read them. For administrators.
///
/// A server does so by itself when it starts.
#[utoipa::path(
    post, path = "/v1/admin/parked/retry", tag = "admin",
    responses((status = 200, description = "What could be read", body = dto::RetriedEvents)),
)]
pub async fn retry_parked<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let parked = core(&request)?.ports.parked.clone();
    let retried = clinic.retry_parked(&caller.principal, parked.as_ref()).await?;
    Ok(HttpResponse::Ok().json(dto::RetriedEvents::from(retried)))
}
