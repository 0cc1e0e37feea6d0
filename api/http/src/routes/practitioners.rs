//! Practitioners.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::check::checked;
use api_wire::dto;
use api_wire::page::{PageBody, PageQuery};
use api_wire::problem::ProblemKind;
use application::policy::identity::Principal;
use application::use_cases::clinic::Backend;
use domain::kernel::{PractitionerId, TextRule};
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::body::Json;
use crate::command::Command;
use crate::etag;
use crate::location::Located;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

impl Located for PractitionerId {
    fn path(&self) -> String {
        format!("/v1/practitioners/{self}")
    }
}

/// Register a practitioner.
///
/// A wallet that has signed in and has no account registers itself, where the operator lets patients register themselves. A hospital registers any practitioner, without a wallet, and then invites them
/// to bind one. Either way they do nothing before a registrar has attested them, but say who they are. An `identifier` in the details names the entry, so that registering again
/// with the same content changes nothing (200).
///
/// The calendar of a practitioner who works at several organisations can stand where all of them read and write it (`sharedCalendar`): then no time is
/// given away twice, whichever of them gives it. Each sees of the others' patients only that a time is taken. Its days are days of UTC.
#[utoipa::path(
    post, path = "/v1/practitioners", tag = "practitioners", request_body = dto::RegisterPractitioner,
    responses(
        (status = 201, description = "The practitioner was registered", body = CommandResult),
        (status = 200, description = "The practitioner was registered already, with the same content", body = CommandResult),
    ),
)]
pub async fn register<B: Backend>(command: Command<B, dto::RegisterPractitioner>) -> Result<HttpResponse, Problem> {
    let (signed_in, authenticator) = (command.signed_in().await?, command.authenticator());
    let run = command.run(async move |clinic, caller, (details, shared), issue| {
        let registered = clinic.register_practitioner(&caller, details, shared, signed_in, &issue);
        let done = registered.await?;
        if let Principal::Unregistered { wallet } = caller {
            authenticator.forget(&wallet).await;
        }
        Ok(Answer::created(done))
    });
    run.await
}

/// The filters of a list of practitioners.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PractitionerQuery {
    /// The specialization of the practitioners who are listed: a code, or a part of its text. Case and accents make no difference.
    #[param(example = "cardio")]
    pub specialization: Option<String>,
    /// The `nextCursor` of the previous page, which was asked for with the same filters. Without it, the answer is the first page.
    pub cursor: Option<String>,
    /// The largest number of items to return on a page.
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
/// The answer holds all practitioners, or those who have a specialization. Every caller with an account may ask.
#[utoipa::path(
    get, path = "/v1/practitioners", tag = "practitioners", params(PractitionerQuery),
    responses((status = 200, description = "A page of practitioners", body = PageBody<dto::Practitioner>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<PractitionerQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("practitioners", &query.filters()).page(&query.page())?;
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

/// Search for practitioners by identifier.
///
/// The answer holds the practitioners whom one of the identifiers names, whether it is the identifier that names their entry or another
/// one of theirs. Every caller with an account may ask. This changes nothing. It is a POST because an identifier in the address of a
/// request would end up in logs.
#[utoipa::path(
    post, path = "/v1/practitioners/lookup", tag = "practitioners", request_body = dto::LookUpPractitioners,
    responses((status = 200, description = "The practitioners, in the order of their ids", body = PageBody<dto::Practitioner>)),
)]
pub async fn look_up<B: Backend>(
    reading: Reading<B>,
    Json(wanted): Json<dto::LookUpPractitioners>,
) -> Result<HttpResponse, Problem> {
    let identifiers = checked(wanted)?;
    let found = reading
        .clinic
        .practitioners_known_as(&reading.caller, &identifiers)
        .await?;
    let items = found.into_iter().map(dto::Practitioner::from).collect();
    Ok(HttpResponse::Ok().json(PageBody::whole(items)))
}

/// Read a practitioner's entry.
///
/// The answer holds the practitioner's details, such as name, specializations and time zone. With `If-None-Match` and the entity tag of
/// an earlier answer, an entry that has not changed is not sent again (304).
#[utoipa::path(
    get, path = "/v1/practitioners/{id}", tag = "practitioners",
    params(("id" = Uuid, Path, description = "The id of the practitioner")),
    responses(
        (status = 200, description = "The practitioner's entry", body = dto::Practitioner),
        (status = 304, description = "The version that the caller has, by `If-None-Match`, is the current one"),
    ),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<PractitionerId>) -> Result<HttpResponse, Problem> {
    let practitioner = reading.clinic.practitioner(&reading.caller, *id).await?;
    let tag = etag::of_version(practitioner.version);
    Ok(reading.answer(tag, &dto::Practitioner::from(practitioner)))
}

/// Replace a practitioner's details.
///
/// All details are replaced: what is left out is removed. The time zone and the identifier never change. Only a hospital changes
/// `otherIdentifiers`.
#[utoipa::path(
    put, path = "/v1/practitioners/{id}", tag = "practitioners", request_body = dto::PractitionerDetails,
    params(
        ("id" = Uuid, Path, description = "The id of the practitioner"),
        ("If-Match" = Option<String>, Header,
            description = "The entity tag that must be the current one; if it is not, the answer is 412 and nothing changes"),
    ),
    responses((status = 200, description = "The details were replaced", body = CommandResult)),
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

/// List the patients whom a practitioner treats.
///
/// The answer holds each patient who has or had an appointment with the practitioner that was not cancelled, since when, and the number
/// of these appointments.
#[utoipa::path(
    get, path = "/v1/practitioners/{id}/patients", tag = "practitioners",
    params(("id" = Uuid, Path, description = "The id of the practitioner"), PageQuery),
    responses(
        (status = 200, description = "A page of relationships, in the order of the patients' ids", body = PageBody<dto::Relationship>),
    ),
)]
pub async fn patients<B: Backend>(
    reading: Reading<B>,
    id: web::Path<PractitionerId>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("patients of a practitioner", &*id).page(&query)?;
    let found = reading.clinic.patients_of(&reading.caller, *id, page.query()).await?;
    Ok(reading.page(page.answer(found, |one| one.patient, dto::Relationship::from)))
}
