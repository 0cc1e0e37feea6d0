//! Who has read what is known of a patient: for the patient.

use std::time::Duration;

use actix_web::HttpResponse;
use api_wire::dto;
use api_wire::page::{PageBody, PageQuery};
use application::ports::queries::{LoggedReadView, ReadCursor};
use application::use_cases::clinic::Backend;
use domain::kernel::AccessLogId;
use tokio::time::timeout;

use crate::location::Located;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

/// For how long a patient who looks waits for what was noted to come to the log.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many reads that the log does not have are listed at most.
const MOST_NOTED: u32 = 200;

/// What a patient's own reads are told by is theirs alone, so its path says "me".
impl Located for AccessLogId {
    fn path(&self) -> String {
        "/v1/me/access-log".to_owned()
    }
}

/// List who has read what is known of the caller, the latest first.
///
/// Whoever reads is noted before they are shown anything, and what was noted is put into the log now and then; when the first page is asked for, at once. What could not be put
/// there in time is listed by `GET /v1/me/noted-reads`. Each item says which entry of the log tells it, and in which transaction that is: `medconnect audit` proves it. To look
/// who has read is not noted.
#[utoipa::path(
    get, path = "/v1/me/access-log", tag = "reads", params(PageQuery),
    responses((status = 200, description = "A page of reads", body = PageBody<dto::AccessLogEntry>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("access log", &()).page::<ReadCursor>(&query)?;
    if query.cursor.is_none() {
        log_now(&reading).await;
    }
    let found = reading.clinic.access_log(&reading.caller, page.query()).await?;
    let key = |view: &LoggedReadView| (view.read.at, view.position, view.index);
    Ok(reading.page(page.answer(found, key, dto::AccessLogEntry::from)))
}

/// Puts into the log what was noted of the caller, if there is anything, as a command of theirs. Whoever has issued too many, and whoever has waited for long enough, is shown what is there.
async fn log_now<B: Backend>(reading: &Reading<B>) {
    let (caller, limiter) = (&reading.caller, &reading.core.limiter);
    let noted = reading.clinic.noted_reads(caller, Some(1)).await;
    if noted.is_ok_and(|noted| noted.is_empty()) || limiter.command(caller, &reading.issuers.now).is_err() {
        return;
    }
    match timeout(PATIENCE, reading.clinic.log_own_reads(&reading.caller)).await {
        Ok(logged) => logged.unwrap_or_else(|error| tracing::warn!(%error, "reads wait to be put into the log")),
        Err(_) => tracing::debug!("reads wait to be put into the log for longer than a patient does"),
    }
}

/// List the reads of what is known of the caller that are noted and not in the log yet, the latest first.
///
/// There are some for a while; of very many the latest are listed. If they stay, the chain cannot be reached.
#[utoipa::path(
    get, path = "/v1/me/noted-reads", tag = "reads",
    responses((status = 200, description = "The reads", body = PageBody<dto::AccessLogEntry>)),
)]
pub async fn noted<B: Backend>(reading: Reading<B>) -> Result<HttpResponse, Problem> {
    let noted = reading.clinic.noted_reads(&reading.caller, Some(MOST_NOTED)).await?;
    let items = noted.into_iter().map(dto::AccessLogEntry::from).collect();
    Ok(reading.page(PageBody::whole(items)))
}
