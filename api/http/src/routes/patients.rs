//! Patients.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::check::checked;
use api_wire::dto;
use api_wire::page::{PageBody, PageQuery};
use application::policy::identity::Principal;
use application::use_cases::clinic::Backend;
use domain::kernel::PatientId;

use crate::answer::Answer;
use crate::auth::named;
use crate::body::Json;
use crate::command::Command;
use crate::etag;
use crate::location::Located;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

impl Located for PatientId {
    fn path(&self) -> String {
        format!("/v1/patients/{self}")
    }
}

/// Register a patient.
///
/// A wallet that has signed in and has no account registers itself, where the operator allows that. A hospital registers any patient,
/// without a wallet, and then invites them to bind one. An `identifier` in the details names the record, so that registering again with
/// the same content changes nothing (200).
#[utoipa::path(
    post, path = "/v1/patients", tag = "patients", request_body = dto::RegisterPatient,
    responses(
        (status = 201, description = "The patient was registered", body = CommandResult),
        (status = 200, description = "The patient was registered already, with the same content", body = CommandResult),
    ),
)]
pub async fn register<B: Backend>(command: Command<B, dto::RegisterPatient>) -> Result<HttpResponse, Problem> {
    let (signed_in, authenticator) = (command.signed_in().await?, command.authenticator());
    let run = command.run(async move |clinic, caller, details, issue| {
        let done = clinic.register_patient(&caller, details, signed_in, &issue).await?;
        if let Principal::Unregistered { wallet } = caller {
            authenticator.forget(&wallet).await;
        }
        Ok(Answer::created(done))
    });
    run.await
}

/// List patients, in the order of their ids.
///
/// For hospitals. The answer holds the details of the patients; `next` leads to the next page.
#[utoipa::path(
    get, path = "/v1/patients", tag = "patients", params(PageQuery),
    responses((status = 200, description = "A page of patients", body = PageBody<dto::Patient>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("patients", &()).page(&query)?;
    let found = reading.clinic.patients(&reading.caller, None, page.query()).await?;
    Ok(reading.page(page.answer(found, |patient| patient.id, dto::Patient::from)))
}

/// Search for patients by name.
///
/// This changes nothing. It is a POST because a name in the address of a request would end up in logs.
#[utoipa::path(
    post, path = "/v1/patients/search", tag = "patients", request_body = dto::SearchPatients,
    responses((status = 200, description = "A page of patients", body = PageBody<dto::Patient>)),
)]
pub async fn search<B: Backend>(
    reading: Reading<B>,
    Json(search): Json<dto::SearchPatients>,
) -> Result<HttpResponse, Problem> {
    let (name, asked) = checked(search)?;
    let page = reading.list("patients by name", &name).page_by_body(&asked)?;
    let found = reading
        .clinic
        .patients(&reading.caller, Some(&name), page.query())
        .await?;
    Ok(HttpResponse::Ok().json(page.answer(found, |patient| patient.id, dto::Patient::from)))
}

/// Search for patients by identifier.
///
/// The answer holds the patients whom one of the identifiers names, whether it is the identifier that names their record or another one
/// of theirs. This changes nothing. It is a POST because an identifier in the address of a request would end up in logs.
#[utoipa::path(
    post, path = "/v1/patients/lookup", tag = "patients", request_body = dto::LookUpPatients,
    responses((status = 200, description = "The patients, in the order of their ids", body = PageBody<dto::Patient>)),
)]
pub async fn look_up<B: Backend>(
    reading: Reading<B>,
    Json(wanted): Json<dto::LookUpPatients>,
) -> Result<HttpResponse, Problem> {
    let identifiers = checked(wanted)?;
    let found = reading.clinic.patients_known_as(&reading.caller, &identifiers).await?;
    let items = found.into_iter().map(dto::Patient::from).collect();
    Ok(HttpResponse::Ok().json(PageBody::whole(items)))
}

/// Read who a patient is.
///
/// The answer holds the details as they are now; what was found of the patient is in their chart. With `If-None-Match` and the entity tag of an earlier answer, a record
/// that has not changed is not sent again (304).
#[utoipa::path(
    get, path = "/v1/patients/{id}", tag = "patients", params(("id" = Uuid, Path, description = "The id of the patient")),
    responses(
        (status = 200, description = "The patient", body = dto::Patient),
        (status = 304, description = "The version that the caller has, by `If-None-Match`, is the current one"),
    ),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<PatientId>) -> Result<HttpResponse, Problem> {
    let patient = reading.clinic.patient(&reading.caller, *id).await?;
    Ok(reading.answer(patient.version.map(etag::of_version), &dto::Patient::from(patient)))
}

/// Replace a patient's details.
///
/// All details are replaced: what is left out is removed. The identifier never changes. Only a hospital changes `otherIdentifiers`, and
/// sets the instant as of which its system told the details (`asOf`); a patient who leaves `asOf` out keeps it. With `If-Match`,
/// nothing is replaced that the caller has not seen.
#[utoipa::path(
    put, path = "/v1/patients/{id}/details", tag = "patients", request_body = dto::PatientDetails,
    params(
        ("id" = Uuid, Path, description = "The id of the patient"),
        ("If-Match" = Option<String>, Header,
            description = "The entity tag that must be the current one; if it is not, the answer is 412 and nothing changes"),
    ),
    responses((status = 200, description = "The details were replaced", body = CommandResult)),
)]
pub async fn update_details<B: Backend>(
    id: web::Path<PatientId>,
    mut command: Command<B, dto::PatientDetails>,
) -> Result<HttpResponse, Problem> {
    let expected = command.expected_version()?;
    let run = command.run(async move |clinic, caller, details, issue| {
        let updated = clinic.update_patient_details(&caller, *id, details, expected, &issue);
        Ok(Answer::changed(updated.await?))
    });
    run.await
}

/// What is said of an erasure that has not reached the log yet.
const ERASED_SOON: &str = "Once it is noted it is carried through, by whichever server can: who then signs in again with this wallet has no account.";

/// Erase the caller.
///
/// For patients. All is erased that is known of them here, for ever: who they are, their chart, visits, grants, who has read what, and their account. The keys are destroyed under which it stands on the chain, so nobody can read it any more there either. Nobody can undo it. The
/// wallet signs it, so that nobody erases somebody with a stolen token. Once it is accepted it is carried through, whatever stops meanwhile (202, or 503 with `outcome-unknown`). From the answer on the session is
/// no longer good: who gets none, and signs in again, finds a wallet without an account. Where the operator has decided so it is `erasure-by-operator`.
#[utoipa::path(
    post, path = "/v1/me/erasure", tag = "patients", request_body = dto::EraseMe,
    responses((status = 200, description = "The caller is erased", body = CommandResult)),
)]
pub async fn erase_me<B: Backend>(command: Command<B, dto::EraseMe>) -> Result<HttpResponse, Problem> {
    let (core, authenticator) = (command.core(), command.authenticator());
    let run = command
        .noting(ERASED_SOON)
        .ending_access()
        .run(async move |clinic, caller, signed, issue| {
            let wallet = named(&signed.message);
            let agreed = |own| core.wants_erasure(&signed, own, issue.command_id);
            let (patient, erased) = clinic.erase_self(&caller, agreed, &issue).await?;
            if let Some(wallet) = wallet {
                authenticator.forget(&wallet).await;
            }
            Ok(match erased {
                Some(receipt) => Answer::of(patient.path(), Some(patient.uuid()), receipt),
                None => Answer::beside_the_log(issue.command_id, &patient.path(), patient.uuid()),
            })
        });
    run.await
}

/// List the practitioners who treat a patient.
///
/// The answer holds each practitioner with whom the patient has or had an appointment that was not cancelled, since when, and the
/// number of these appointments.
#[utoipa::path(
    get, path = "/v1/patients/{id}/practitioners", tag = "patients",
    params(("id" = Uuid, Path, description = "The id of the patient")),
    responses(
        (status = 200, description = "The relationships, in the order of the practitioners' ids", body = PageBody<dto::Relationship>),
    ),
)]
pub async fn practitioners<B: Backend>(reading: Reading<B>, id: web::Path<PatientId>) -> Result<HttpResponse, Problem> {
    let found = reading.clinic.practitioners_of(&reading.caller, *id).await?;
    let items = found.into_iter().map(dto::Relationship::from).collect();
    Ok(HttpResponse::Ok().json(PageBody::whole(items)))
}
