//! Practitioners.

use actix_web::{HttpResponse, web};
use application::clinic::Backend;
use domain::kernel::{PractitionerId, TextRule};
use serde::{Deserialize, Serialize};

use crate::http::answer::{Answer, CommandResult};
use crate::http::command::Command;
use crate::http::cursor::{PageBody, PageQuery};
use crate::http::dto;
use crate::http::etag;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reading::{Parameters, Reading};

/// Register a practitioner.
///
/// Only a hospital does, and then invites them to bind a wallet. Nobody registers themselves as a practitioner: what they do would count before a registrar has
/// attested them.
#[utoipa::path(
    post, path = "/v1/practitioners", tag = "practitioners", request_body = dto::RegisterPractitioner,
    responses(
        (status = 201, description = "Registered", body = CommandResult),
        (status = 200, description = "Was registered already, with the same content", body = CommandResult),
    ),
)]
pub async fn register<B: Backend>(command: Command<B, dto::RegisterPractitioner>) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, details, issue| {
        let done = clinic.register_practitioner(&caller, details, &issue).await?;
        Ok(Answer::created(done))
    });
    run.await
}

/// Which practitioners.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PractitionerQuery {
    /// A code of a specialization, or a part of its text; case and accents do not count.
    #[param(example = "cardio")]
    pub specialization: Option<String>,
    /// Where the page before ended (`nextCursor`), by the same filters.
    pub cursor: Option<String>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

impl PractitionerQuery {
    fn page(&self) -> PageQuery {
        PageQuery::new(self.cursor.as_ref(), self.limit)
    }

    /// What tells its list from others.
    const fn filters(&self) -> impl Serialize {
        let Self {
            specialization,
            cursor: _,
            limit: _,
        } = self;
        specialization
    }
}

/// List practitioners, in the order of their ids.
///
/// All of them, or those of a specialization. For everybody who has an account.
#[utoipa::path(
    get, path = "/v1/practitioners", tag = "practitioners", params(PractitionerQuery),
    responses((status = 200, description = "A page of practitioners", body = PageBody<dto::Practitioner>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<PractitionerQuery>,
) -> Result<HttpResponse, Problem> {
    let page = query.page().page(reading.list("practitioners", &query.filters()))?;
    let specialization = check_specialization(query.specialization)?;
    let found = reading
        .clinic
        .practitioners(&reading.caller, specialization.as_deref(), page.query())
        .await?;
    Ok(reading.page(page.answer(found, |practitioner| practitioner.id, dto::Practitioner::from)))
}

/// A specialization to look for; a blank one is none.
///
/// # Errors
/// `malformed-request` when it is too long to be one.
pub fn check_specialization(text: Option<String>) -> Result<Option<String>, Problem> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let most = TextRule::SEARCH.most();
    if text.as_ref().is_some_and(|text| text.chars().count() > most) {
        let detail = format!("The specialization must have at most {most} characters.");
        return Err(Problem::new(ProblemKind::MalformedRequest).detail(detail));
    }
    Ok(text)
}

/// Read a practitioner's entry.
///
/// Name, specializations and time zone. With `If-None-Match` and the entity tag of an earlier answer, one that has not changed
/// is not sent again.
#[utoipa::path(
    get, path = "/v1/practitioners/{id}", tag = "practitioners",
    params(("id" = Uuid, Path, description = "The practitioner")),
    responses(
        (status = 200, description = "The entry", body = dto::Practitioner),
        (status = 304, description = "The caller has this version"),
    ),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<PractitionerId>) -> Result<HttpResponse, Problem> {
    let practitioner = reading.clinic.practitioner(&reading.caller, *id).await?;
    let tag = etag::of_version(practitioner.version);
    Ok(reading.answer(tag, &dto::Practitioner::from(practitioner)))
}

/// Replace a practitioner's details.
///
/// All of them: what is left out is gone. Time zone and identifier never change.
#[utoipa::path(
    put, path = "/v1/practitioners/{id}", tag = "practitioners", request_body = dto::PractitionerDetails,
    params(("id" = Uuid, Path, description = "The practitioner"), ("If-Match" = Option<String>, Header, description = "Only if this is the current version")),
    responses((status = 200, description = "Replaced", body = CommandResult)),
)]
pub async fn update<B: Backend>(
    id: web::Path<PractitionerId>,
    mut command: Command<B, dto::PractitionerDetails>,
) -> Result<HttpResponse, Problem> {
    let expected = command.expected_version()?;
    let run = command.run(async move |clinic, caller, details, issue| {
        let updated = clinic.update_practitioner(&caller, *id, details, expected, &issue);
        Ok(Answer::changed(updated.await?))
    });
    run.await
}

/// Whom a practitioner treats.
///
/// Each patient who has or had an appointment with them that was not cancelled, since when and how often.
#[utoipa::path(
    get, path = "/v1/practitioners/{id}/patients", tag = "practitioners",
    params(("id" = Uuid, Path, description = "The practitioner"), PageQuery),
    responses((status = 200, description = "A page of relationships, by patient", body = PageBody<dto::Relationship>)),
)]
pub async fn patients<B: Backend>(
    reading: Reading<B>,
    id: web::Path<PractitionerId>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = query.page(reading.list("patients of a practitioner", &*id))?;
    let found = reading.clinic.patients_of(&reading.caller, *id, page.query()).await?;
    Ok(reading.page(page.answer(found, |one| one.patient, dto::Relationship::from)))
}
