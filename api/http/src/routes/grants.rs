//! Grants: what patients allow whom, by their signatures.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::dto;
use api_wire::page::{PageBody, PageQuery};
use api_wire::problem::ProblemKind;
use application::ports::queries::GrantCursor;
use application::use_cases::clinic::Backend;
use application::use_cases::grants::{ToRevoke, Which};
use domain::kernel::{GrantsId, PatientId};
use serde::Deserialize;
use uuid::Uuid;

use crate::answer::Answer;
use crate::command::Command;
use crate::location::Located;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

/// All of a patient's grants have a path, and each of them has one under it.
impl Located for GrantsId {
    fn path(&self) -> String {
        format!("{}/grants", self.0.path())
    }
}

/// Prepare a grant of a patient.
///
/// It allows nothing yet: the patient is given what to sign, and hands it in signed within an hour. Who may read and for what is sealed; the chain sees a hash of it.
#[utoipa::path(
    post, path = "/v1/patients/{id}/grants", tag = "grants", request_body = dto::NewGrant,
    params(("id" = Uuid, Path, description = "The id of the patient")),
    responses((status = 201, description = "The grant can be signed", body = CommandResult)),
)]
pub async fn prepare<B: Backend>(
    id: web::Path<PatientId>,
    command: Command<B, dto::NewGrant>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, proposal, issue| {
        let prepared = clinic.prepare_grant(&caller, *id, proposal, &issue).await?;
        let created = prepared.receipt.position.is_some();
        let path = format!("{}/{}", GrantsId(*id).path(), prepared.id);
        Ok(Answer::of(path, Some(prepared.id), prepared.receipt).having(created))
    });
    run.await
}

/// List the grants of a patient, the newest first.
///
/// Beside what was prepared here, it holds what the registry of consents has recorded of the patient and nobody has prepared here: that can be revoked, too.
#[utoipa::path(
    get, path = "/v1/patients/{id}/grants", tag = "grants",
    params(("id" = Uuid, Path, description = "The id of the patient"), PageQuery),
    responses((status = 200, description = "A page of grants", body = PageBody<dto::Grant>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    id: web::Path<PatientId>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("grants", &*id).page::<GrantCursor>(&query)?;
    let found = reading.clinic.grants(&reading.caller, *id, page.query()).await?;
    let grants = found.grants().iter().collect();
    let shown = page.answer(
        grants,
        |grant| (grant.position, grant.grant_id),
        |grant| dto::Grant::from((grant, found.standing(grant))),
    );
    Ok(reading.page(shown))
}

/// Read a grant of a patient.
///
/// The answer holds what is granted to whom, and how the grant stands now.
#[utoipa::path(
    get, path = "/v1/patients/{id}/grants/{grant}", tag = "grants",
    params(
        ("id" = Uuid, Path, description = "The id of the patient"),
        ("grant" = Uuid, Path, description = "The id of the grant"),
    ),
    responses((status = 200, description = "The grant", body = dto::Grant)),
)]
pub async fn read<B: Backend>(
    reading: Reading<B>,
    path: web::Path<(PatientId, Uuid)>,
) -> Result<HttpResponse, Problem> {
    let (patient, id) = path.into_inner();
    let (grant, standing) = reading.clinic.grant(&reading.caller, patient, id).await?;
    Ok(HttpResponse::Ok().json(dto::Grant::from((&grant, standing))))
}

/// Read what a patient signs to give a grant.
///
/// The answer is typed data (EIP-712), as wallets take it. The wallet shows to whom what is granted. Compare the hash with what the wallet shows.
#[utoipa::path(
    get, path = "/v1/patients/{id}/grants/{grant}/typed-data", tag = "grants",
    params(
        ("id" = Uuid, Path, description = "The id of the patient"),
        ("grant" = Uuid, Path, description = "The id of the grant"),
    ),
    responses((status = 200, description = "What to sign", body = dto::TypedData)),
)]
pub async fn to_sign<B: Backend>(
    reading: Reading<B>,
    path: web::Path<(PatientId, Uuid)>,
) -> Result<HttpResponse, Problem> {
    let (patient, id) = path.into_inner();
    let (domain, message) = reading.clinic.grant_to_sign(&reading.caller, patient, id).await?;
    Ok(HttpResponse::Ok().json(dto::TypedData::new(&domain, &message.typed())))
}

/// Hand in a grant that a patient has signed.
///
/// The registry of consents decides whether it counts: whether the signer may speak for the patient, whether the signature is theirs, whether nothing was revoked meanwhile, and
/// whether it is in time. Anybody can hand the same in to the contract themselves; here the server does and pays for it. The answer comes when it is final: then it holds, as soon as its
/// time has come.
#[utoipa::path(
    post, path = "/v1/patients/{id}/grants/{grant}/signature", tag = "grants", request_body = dto::GrantSignature,
    params(
        ("id" = Uuid, Path, description = "The id of the patient"),
        ("grant" = Uuid, Path, description = "The id of the grant"),
    ),
    responses((status = 200, description = "The grant is given", body = CommandResult)),
)]
pub async fn hand_in<B: Backend>(
    path: web::Path<(PatientId, Uuid)>,
    command: Command<B, dto::GrantSignature>,
) -> Result<HttpResponse, Problem> {
    let (patient, grant) = path.into_inner();
    let run = command.run(async move |clinic, caller, signed, issue| {
        let which = (patient, grant);
        let given = clinic.hand_in_grant(&caller, which, &signed, &issue).await?;
        let resource = format!("{}/{grant}", GrantsId(patient).path());
        Ok(Answer::of(resource, Some(grant), given))
    });
    run.await
}

/// What is to be signed.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevocationQuery {
    /// The type of the struct.
    #[param(inline)]
    pub primary_type: dto::RevocationType,
    /// The id of the grant that is revoked; or of one, when all to its grantee are.
    pub grant: Option<Uuid>,
    /// Instead of it, what names the grant in the registry: for one that was not prepared here.
    #[param(min_length = 66, max_length = 66, pattern = "^0x[0-9a-fA-F]{64}$")]
    pub grant_id: Option<String>,
}

impl RevocationQuery {
    fn to_revoke(&self) -> Result<ToRevoke, Problem> {
        let wrong = |detail: &'static str| Problem::new(ProblemKind::MalformedRequest).detail(detail);
        let recorded = |text: &String| match dto::grant_id(text) {
            Some(id) => Ok(Which::Recorded(id)),
            None => Err(wrong("The parameter `grantId` must be `0x` and 64 hexadecimal digits.")),
        };
        let which = match (self.grant, &self.grant_id) {
            (Some(_), Some(_)) => {
                return Err(wrong(
                    "One of the parameters `grant` and `grantId` names a grant, not both.",
                ));
            }
            (Some(id), None) => Some(Which::Prepared(id)),
            (None, id) => id.as_ref().map(recorded).transpose()?,
        };
        match (self.primary_type, which) {
            (dto::RevocationType::Revocation, Some(which)) => Ok(ToRevoke::Grant(which)),
            (dto::RevocationType::GranteeRevocation, Some(which)) => Ok(ToRevoke::GranteeOf(which)),
            (dto::RevocationType::FullRevocation, None) => Ok(ToRevoke::All),
            (dto::RevocationType::FullRevocation, Some(_)) => Err(wrong("Of all grants none is named.")),
            (_, None) => Err(wrong("The parameter `grant`, or `grantId`, is missing.")),
        }
    }
}

/// Read what a patient signs to revoke grants.
///
/// The answer is typed data (EIP-712), as wallets take it. It has no deadline: it can be handed in until the same was done otherwise.
#[utoipa::path(
    get, path = "/v1/patients/{id}/revocations/typed-data", tag = "grants",
    params(("id" = Uuid, Path, description = "The id of the patient"), RevocationQuery),
    responses((status = 200, description = "What to sign", body = dto::TypedData)),
)]
pub async fn revocation_to_sign<B: Backend>(
    reading: Reading<B>,
    id: web::Path<PatientId>,
    Parameters(query): Parameters<RevocationQuery>,
) -> Result<HttpResponse, Problem> {
    let revocation = reading
        .clinic
        .revocation_to_sign(&reading.caller, *id, query.to_revoke()?);
    let (domain, message) = revocation.await?;
    Ok(HttpResponse::Ok().json(dto::TypedData::new(&domain, &message.typed())))
}

/// Revoke grants of a patient.
///
/// It holds at once: no request that begins after the answer is allowed by what is revoked, on any server of the organisation. The registry of consents decides whether it counts for everybody
/// else; when the answer is 200 it is final there; with the problem `revocation-pending` it is handed in until it is.
#[utoipa::path(
    post, path = "/v1/patients/{id}/revocations", tag = "grants", request_body = dto::SignedRevocation,
    params(("id" = Uuid, Path, description = "The id of the patient")),
    responses((status = 200, description = "The grants are revoked", body = CommandResult)),
)]
pub async fn revoke<B: Backend>(
    id: web::Path<PatientId>,
    command: Command<B, dto::SignedRevocation>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, signed, issue| {
        let revoked = clinic.revoke_grants(&caller, *id, signed, &issue).await?;
        Ok(Answer::of(GrantsId(*id).path(), None, revoked))
    });
    run.await
}
