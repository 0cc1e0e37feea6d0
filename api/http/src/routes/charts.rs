//! Charts of patients.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::dto;
use application::error::{Resource, UseCaseError};
use application::use_cases::clinic::{Backend, Done};
use domain::chart::FindingId;
use domain::kernel::{ChartId, PatientId};
use uuid::Uuid;

use crate::answer::Answer;
use crate::command::Command;
use crate::etag;
use crate::location::Located;
use crate::problem::Problem;
use crate::read::Reading;

impl Located for ChartId {
    fn path(&self) -> String {
        format!("{}/chart", self.0.path())
    }
}

/// Read a patient's chart.
///
/// The answer holds the findings as they are now: conditions, allergies, medications and symptoms. With `If-None-Match` and the entity
/// tag of an earlier answer, a chart that has not changed is not sent again (304).
#[utoipa::path(
    get, path = "/v1/patients/{id}/chart", tag = "charts", params(("id" = Uuid, Path, description = "The id of the patient")),
    responses(
        (status = 200, description = "The chart of the patient", body = dto::Chart),
        (status = 304, description = "The version that the caller has, by `If-None-Match`, is the current one"),
    ),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<PatientId>) -> Result<HttpResponse, Problem> {
    let chart = reading.clinic.chart(&reading.caller, *id).await?;
    Ok(reading.answer(chart.version.map(etag::of_version), &dto::Chart::from(chart)))
}

/// Read a finding in a patient's chart.
///
/// The answer holds the finding as it is now. Its entity tag is that of the chart, for changing or refuting the finding with `If-Match`.
#[utoipa::path(
    get, path = "/v1/patients/{id}/chart/findings/{finding}", tag = "charts",
    params(
        ("id" = Uuid, Path, description = "The id of the patient"),
        ("finding" = Uuid, Path, description = "The id of the finding"),
    ),
    responses(
        (status = 200, description = "The finding", body = dto::Entry<dto::ChartFinding>,
            example = json!({
                "id": "7d9f0a1c-7d0e-4b7e-8a53-0c1f6f3b2d11",
                "finding": { "condition": { "concept": { "text": "Asthma" }, "onset": "1990-05-01" } },
                "asOf": "2026-03-02T09:00:00.000Z",
            })),
        (status = 304, description = "The version that the caller has, by `If-None-Match`, is the current one"),
    ),
)]
pub async fn finding<B: Backend>(
    reading: Reading<B>,
    path: web::Path<(PatientId, Uuid)>,
) -> Result<HttpResponse, Problem> {
    let (patient, id) = path.into_inner();
    let chart = reading
        .clinic
        .chart_with(&reading.caller, patient, FindingId(id))
        .await?;
    let tag = chart.version.map(etag::of_version);
    let found = dto::Chart::from(chart).finding(id);
    let found = found.ok_or(UseCaseError::NotFound(Resource::Finding))?;
    Ok(reading.answer(tag, &found))
}

/// What a command did to a finding. The tag is that of the chart.
fn of_finding(patient: PatientId, done: Done<FindingId>) -> Answer {
    let FindingId(id) = done.id;
    let path = format!("{}/findings/{id}", ChartId(patient).path());
    Answer::of(path, Some(id), done.receipt).tagged_by_version()
}

/// Note a finding in a patient's chart.
///
/// The body holds one condition, allergy, medication or symptom. Two who note findings at once lose nothing.
#[utoipa::path(
    post, path = "/v1/patients/{id}/chart/findings", tag = "charts", request_body = dto::ChartFinding,
    params(("id" = Uuid, Path, description = "The id of the patient")),
    responses((status = 201, description = "The finding was noted", body = CommandResult)),
)]
pub async fn note<B: Backend>(
    id: web::Path<PatientId>,
    command: Command<B, dto::ChartFinding>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, finding, issue| {
        let noted = clinic.note_finding(&caller, *id, finding, &issue).await?;
        let created = noted.receipt.position.is_some();
        Ok(of_finding(*id, noted).having(created))
    });
    run.await
}

/// Change a finding in a patient's chart.
///
/// The body holds the finding as it is from now on, such as a condition that has ended or a medication that is no longer taken. What the
/// sources of the finding have told is kept: an older state of theirs does not undo the change. With `If-Match`, nothing is changed that
/// the caller has not seen.
#[utoipa::path(
    put, path = "/v1/patients/{id}/chart/findings/{finding}", tag = "charts", request_body = dto::ChartFinding,
    params(
        ("id" = Uuid, Path, description = "The id of the patient"),
        ("finding" = Uuid, Path, description = "The id of the finding"),
        ("If-Match" = Option<String>, Header,
            description = "The entity tag that must be the current one; if it is not, the answer is 412 and nothing changes"),
    ),
    responses((status = 200, description = "The finding was changed", body = CommandResult)),
)]
pub async fn change<B: Backend>(
    path: web::Path<(PatientId, Uuid)>,
    mut command: Command<B, dto::ChartFinding>,
) -> Result<HttpResponse, Problem> {
    let expected = command.expected_version()?;
    let (patient, finding_id) = path.into_inner();
    let run = command.run(async move |clinic, caller, finding, issue| {
        let which = (patient, FindingId(finding_id));
        let changed = clinic.change_finding(&caller, which, finding, expected, &issue).await?;
        Ok(of_finding(patient, changed))
    });
    run.await
}

/// Refute a finding in a patient's chart.
///
/// The finding was wrong, and is removed from the chart. Older states of its sources do not bring it back. With `If-Match`, nothing is refuted that the
/// caller has not seen.
#[utoipa::path(
    post, path = "/v1/patients/{id}/chart/findings/{finding}/refute", tag = "charts", request_body = dto::Nothing,
    params(
        ("id" = Uuid, Path, description = "The id of the patient"),
        ("finding" = Uuid, Path, description = "The id of the finding"),
        ("If-Match" = Option<String>, Header,
            description = "The entity tag that must be the current one; if it is not, the answer is 412 and nothing changes"),
    ),
    responses((status = 200, description = "The finding was refuted", body = CommandResult)),
)]
pub async fn refute<B: Backend>(
    path: web::Path<(PatientId, Uuid)>,
    mut command: Command<B, dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    let expected = command.expected_version()?;
    let (patient, finding) = path.into_inner();
    let run = command.run(async move |clinic, caller, _, issue| {
        let which = (patient, FindingId(finding));
        let refuted = clinic.refute_finding(&caller, which, expected, &issue).await?;
        Ok(of_finding(patient, refuted))
    });
    run.await
}

/// State why there are no findings in a list of a patient's chart.
///
/// That none are known, that nobody knows, and that nobody has asked are three different things. A list with findings is refused: they
/// are to be refuted first. With `kind` the statement is about one kind of allergies.
#[utoipa::path(
    post, path = "/v1/patients/{id}/chart/absences", tag = "charts", request_body = dto::StateAbsence,
    params(("id" = Uuid, Path, description = "The id of the patient")),
    responses((status = 200, description = "The statement was recorded", body = CommandResult)),
)]
pub async fn state_absence<B: Backend>(
    id: web::Path<PatientId>,
    command: Command<B, dto::StateAbsence>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, statement, issue| {
        let stated = clinic.state_absence(&caller, *id, statement, &issue).await?;
        Ok(Answer::changed(stated.of(ChartId(*id))))
    });
    run.await
}

/// Read what other systems have told of a patient's chart.
///
/// It is for the system that tells it, and needs a key with the scope `import`: what people alone have noted is left out, and all symptoms are. The entity tag is that of the whole chart.
#[utoipa::path(
    get, path = "/v1/patients/{id}/chart/reports", tag = "charts", params(("id" = Uuid, Path, description = "The id of the patient")),
    responses(
        (status = 200, description = "What was told of the patient's chart", body = dto::Chart),
        (status = 304, description = "The version that the caller has, by `If-None-Match`, is the current one"),
    ),
)]
pub async fn reported<B: Backend>(reading: Reading<B>, id: web::Path<PatientId>) -> Result<HttpResponse, Problem> {
    let chart = reading.clinic.reported_chart(&reading.caller, *id).await?;
    Ok(reading.answer(chart.version.map(etag::of_version), &dto::Chart::from(chart)))
}

/// Report what another system tells of a patient's chart.
///
/// Only hospitals do. Each finding is matched with what is noted already, by the resource that tells it, or else by its code and day. The
/// newest state counts, whatever the order in which states are reported; what is not told stays as it is. With `If-Match`, nothing is
/// changed that the caller has not seen.
#[utoipa::path(
    post, path = "/v1/patients/{id}/chart/reports", tag = "charts", request_body = dto::ChartReport,
    params(
        ("id" = Uuid, Path, description = "The id of the patient"),
        ("If-Match" = Option<String>, Header,
            description = "The entity tag that must be the current one; if it is not, the answer is 412 and nothing changes"),
    ),
    responses((status = 200, description = "The report was taken in", body = CommandResult)),
)]
pub async fn report<B: Backend>(
    id: web::Path<PatientId>,
    mut command: Command<B, dto::ChartReport>,
) -> Result<HttpResponse, Problem> {
    let expected = command.expected_version()?;
    let run = command.run(async move |clinic, caller, report, issue| {
        let reported = clinic.report_chart(&caller, *id, report, expected, &issue).await?;
        Ok(Answer::changed(reported.of(ChartId(*id))))
    });
    run.await
}
