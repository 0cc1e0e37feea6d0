//! What is open to everybody who can reach the server: health, metrics, the documents about the interface.
//!
//! None of it says anything about anybody. Metrics tell how busy the clinic is: keep them behind the proxy.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use api_wire::dto;
use api_wire::problem::ProblemKind;

use crate::api_document::ApiDocument;
use crate::core::core;
use crate::problem::Problem;

/// Check whether the process is alive.
///
/// The answer says nothing about the database and the node: a process that cannot reach them need not be started again.
#[utoipa::path(
    get, path = "/health/live", tag = "system", security(()),
    responses((status = 204, description = "The process is alive")),
)]
pub async fn live() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// Check whether the server can do its work.
///
/// The answer tells it for each component. A component that is not essential may be away: the server then does what it can without it.
#[utoipa::path(
    get, path = "/health/ready", tag = "system", security(()),
    responses(
        (status = 200, description = "The server can do its work", body = dto::Readiness),
        (status = 503, description = "An essential component cannot do its work", body = dto::Readiness),
    ),
)]
pub async fn ready(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let readiness = dto::Readiness::from(core(&request)?.ports.status.readiness().await);
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Ok(HttpResponse::build(status).json(readiness))
}

/// Read the metrics of the server, in the text format of OpenMetrics.
///
/// They are meant for Prometheus and the like. They tell how busy the clinic is, and nothing about any person.
#[utoipa::path(
    get, path = "/metrics", tag = "system", security(()),
    responses((status = 200, description = "The metrics of the server", body = String, content_type = "application/openmetrics-text",
        example = "# HELP medconnect_http_requests Requests answered.\n# TYPE medconnect_http_requests counter\n# EOF\n")),
)]
pub async fn metrics(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let internal = |error| Problem::new(ProblemKind::Internal).cause(error);
    let text = core(&request)?
        .ports
        .metrics
        .encode()
        .map_err(|error| internal(Box::new(error)))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(HttpResponse::Ok().content_type(kind).body(text))
}

/// Read what a type of problem means.
///
/// The answer is a page for people. The `type` of every problem is the address of its page.
#[utoipa::path(
    get, path = "/problems/{slug}", tag = "system", security(()),
    params(("slug" = String, Path, description = "The last segment of the problem's type", example = "slot-taken")),
    responses((status = 200, description = "What the type means, and what to do about it", body = String, content_type = "text/html",
        example = "<!doctype html><html lang=\"en\"><title>Slot taken</title>…</html>")),
)]
pub async fn problem(slug: web::Path<String>) -> Result<HttpResponse, Problem> {
    let kind = ProblemKind::from_slug(&slug).ok_or_else(|| Problem::new(ProblemKind::NotFound))?;
    // Our own words, without a character that HTML would take for its own.
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1>\
         <p><code>{slug}</code>, HTTP {status}</p><p>{description}</p></html>\n",
        title = kind.title(),
        slug = kind.slug(),
        status = kind.status(),
        description = kind.description(),
    );
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}

/// Find the documents about this server.
///
/// A browser is redirected to the documentation; every other client gets the addresses of the documents.
#[utoipa::path(
    get, path = "/", tag = "system", security(()),
    responses(
        (status = 200, description = "The addresses of the documents about this server", body = dto::Home),
        (status = 302, description = "A browser is redirected to the documentation"),
    ),
)]
pub async fn home(request: HttpRequest) -> HttpResponse {
    let accepted = request.headers().get_all(header::ACCEPT);
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    if accepted.any(|kinds| kinds.contains("text/html")) {
        let documentation = (header::LOCATION, dto::Home::HERE.documentation);
        return HttpResponse::Found().insert_header(documentation).finish();
    }
    HttpResponse::Ok().json(dto::Home::HERE)
}

/// Read the OpenAPI document of this interface, in YAML.
///
/// It has the same content as `/openapi.json`.
#[utoipa::path(
    get, path = "/openapi.yaml", tag = "system", security(()),
    responses((status = 200, description = "The OpenAPI document", body = Object, content_type = "application/yaml",
        example = json!({ "openapi": "3.1.0", "info": { "title": "Medconnect" } }))),
)]
pub async fn openapi(document: web::Data<ApiDocument>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/yaml")
        .body(document.yaml.clone())
}

/// A browser asks for an icon unbidden: there is none.
pub async fn icon() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
        .finish()
}
