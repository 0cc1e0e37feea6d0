//! Auditors' engagements: an administrator engages an auditor, who examines who has read what.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::dto;
use api_wire::page::{PageBody, PageQuery};
use application::ports::queries::{EngagementView, LoggedReadView, ReadCursor};
use application::use_cases::clinic::{Backend, Done};
use domain::kernel::EngagementId;

use crate::answer::Answer;
use crate::command::Command;
use crate::location::Located;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

impl Located for EngagementId {
    fn path(&self) -> String {
        format!("/v1/engagements/{self}")
    }
}

/// Engage an auditor.
///
/// For administrators: an auditor examines who has read what, when and by which right, of these records and this time, for so many days. They see nothing of what was read, and what they are
/// shown stands in the access log of each patient. The engagement stands in the log, for ever.
#[utoipa::path(
    post, path = "/v1/engagements", tag = "engagements", request_body = dto::NewEngagement,
    responses((status = 201, description = "The auditor is engaged", body = CommandResult)),
)]
pub async fn begin<B: Backend>(command: Command<B, dto::NewEngagement>) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, to_engage, issue| {
        let done = clinic.engage_auditor(&caller, to_engage, &issue).await?;
        Ok(Answer::created(done))
    });
    run.await
}

/// List engagements, the newest first.
///
/// Administrators see all of them, without which patient they are about, and auditors their own; of them it is noted that they were shown it. Those that have ended are listed, too.
#[utoipa::path(
    get, path = "/v1/engagements", tag = "engagements", params(PageQuery),
    responses((status = 200, description = "A page of engagements", body = PageBody<dto::Engagement>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("engagements", &()).page::<u64>(&query)?;
    let found = reading.clinic.engagements(&reading.caller, page.query()).await?;
    let key = |view: &EngagementView| view.position;
    Ok(reading.page(page.answer(found, key, dto::Engagement::from)))
}

/// Read an engagement.
///
/// Administrators read any, without which patient it is about, and auditors their own; of them it is noted that they were shown it.
#[utoipa::path(
    get, path = "/v1/engagements/{id}", tag = "engagements",
    params(("id" = Uuid, Path, description = "The id of the engagement")),
    responses((status = 200, description = "The engagement", body = dto::Engagement)),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<EngagementId>) -> Result<HttpResponse, Problem> {
    let found = reading.clinic.engagement(&reading.caller, *id).await?;
    Ok(HttpResponse::Ok().json(dto::Engagement::from(found)))
}

/// End an engagement before its time.
///
/// For administrators. Once it is answered with 200, the auditor is shown nothing by it any more, on any server; after 202, once the command is executed. Closing the auditor's account works at once, also while the
/// chain is away. What has ended stays as it is.
#[utoipa::path(
    post, path = "/v1/engagements/{id}/end", tag = "engagements",
    params(("id" = Uuid, Path, description = "The id of the engagement")),
    responses((status = 200, description = "The engagement has ended", body = CommandResult)),
)]
pub async fn end<B: Backend>(
    id: web::Path<EngagementId>,
    command: Command<B, dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    let id = *id;
    let run = command.run(async move |clinic, caller, (), issue| {
        let receipt = clinic.end_engagement(&caller, id, &issue).await?;
        Ok(Answer::changed(Done { id, receipt }))
    });
    run.await
}

/// List who has read what in an engagement's scope and time, the latest first.
///
/// For its auditor, while it is open: who, whose record, what kind of thing, when, and by which right, without what was shown. It is what the log has, which takes up what was read within two
/// hours as a rule, but for what the auditor was shown by this engagement. Of each patient whose record stands on the page, it is noted that the auditor was shown so.
#[utoipa::path(
    get, path = "/v1/engagements/{id}/accesses", tag = "engagements",
    params(("id" = Uuid, Path, description = "The id of the engagement"), PageQuery),
    responses((status = 200, description = "A page of reads", body = PageBody<dto::AccessLogEntry>)),
)]
pub async fn accesses<B: Backend>(
    reading: Reading<B>,
    id: web::Path<EngagementId>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("examined accesses", &*id).page::<ReadCursor>(&query)?;
    let found = reading
        .clinic
        .examined_accesses(&reading.caller, *id, page.query())
        .await?;
    let key = |view: &LoggedReadView| (view.read.at, view.position, view.index);
    Ok(reading.page(page.answer(found, key, dto::AccessLogEntry::examined)))
}
