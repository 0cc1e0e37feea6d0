//! Attestations: where public registers have practitioners, and what registrars say of them.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::dto;
use application::use_cases::clinic::Backend;
use domain::kernel::PractitionerId;
use serde::Deserialize;

use crate::answer::Answer;
use crate::command::Command;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

/// Tell under which number a public register has a practitioner.
///
/// That is what a registrar looks up, and attests. It is sealed: of it, the chain sees only a hash. Told anew with another number, it is another entry, of which no
/// registrar has attested anything.
#[utoipa::path(
    put, path = "/v1/practitioners/{id}/register-entry", tag = "attestations", request_body = dto::Identifier,
    params(("id" = Uuid, Path, description = "The id of the practitioner")),
    responses((status = 200, description = "The register entry is known", body = CommandResult)),
)]
pub async fn tell_register_entry<B: Backend>(
    id: web::Path<PractitionerId>,
    command: Command<B, dto::Identifier>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, identifier, issue| {
        let told = clinic.tell_register_entry(&caller, *id, identifier, &issue).await?;
        Ok(Answer::changed(told))
    });
    run.await
}

/// Read under which number a public register has a practitioner.
///
/// For registrars, hospitals, and the practitioner.
#[utoipa::path(
    get, path = "/v1/practitioners/{id}/register-entry", tag = "attestations",
    params(("id" = Uuid, Path, description = "The id of the practitioner")),
    responses((status = 200, description = "The register entry, and whether it is attested", body = dto::RegisterEntry)),
)]
pub async fn register_entry<B: Backend>(
    reading: Reading<B>,
    id: web::Path<PractitionerId>,
) -> Result<HttpResponse, Problem> {
    let entry = reading.clinic.register_entry(&reading.caller, *id).await?;
    Ok(HttpResponse::Ok().json(dto::RegisterEntry::from(entry)))
}

/// Read how a practitioner stands with the registrars.
///
/// The answer says whether registrars have attested the practitioner, or suspended them, as the registry of practitioners on the chain says. Every caller with an
/// account may ask.
#[utoipa::path(
    get, path = "/v1/practitioners/{id}/attestation", tag = "attestations",
    params(("id" = Uuid, Path, description = "The id of the practitioner")),
    responses((status = 200, description = "How the practitioner stands", body = dto::Attestation)),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<PractitionerId>) -> Result<HttpResponse, Problem> {
    let attestation = reading.clinic.attestation(&reading.caller, *id).await?;
    Ok(HttpResponse::Ok().json(dto::Attestation::from(attestation)))
}

/// What is to be signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToSignQuery {
    /// The type of the struct.
    #[param(inline)]
    pub primary_type: dto::AttestationType,
}

/// Read what a registrar signs to attest, suspend or reinstate a practitioner.
///
/// The answer is typed data (EIP-712), as wallets take it, for the practitioner as they stand now. An attestation and a reinstatement can be handed in within an hour, and only until
/// something else is done to the practitioner; a suspension, until they are reinstated. Compare the hash with what the wallet shows.
#[utoipa::path(
    get, path = "/v1/practitioners/{id}/attestation/typed-data", tag = "attestations",
    params(("id" = Uuid, Path, description = "The id of the practitioner"), ToSignQuery),
    responses((status = 200, description = "What to sign", body = dto::TypedData)),
)]
pub async fn to_sign<B: Backend>(
    reading: Reading<B>,
    id: web::Path<PractitionerId>,
    Parameters(query): Parameters<ToSignQuery>,
) -> Result<HttpResponse, Problem> {
    let of = query.primary_type.into();
    let (domain, message) = reading.clinic.attestation_to_sign(&reading.caller, *id, of).await?;
    Ok(HttpResponse::Ok().json(dto::TypedData::new(&domain, &message.typed())))
}

/// Hand in what a registrar has signed.
///
/// The registry of practitioners decides whether it counts: whether the signer is a registrar, whether the signature is theirs, whether it names the next number, and whether it is
/// in time. Anybody can hand the same in to the contract themselves; here the server does and pays for it. The answer comes when it is final.
#[utoipa::path(
    post, path = "/v1/practitioners/{id}/attestation", tag = "attestations", request_body = dto::SignedAttestation,
    params(("id" = Uuid, Path, description = "The id of the practitioner")),
    responses((status = 200, description = "The registry has taken it", body = CommandResult)),
)]
pub async fn hand_in<B: Backend>(
    id: web::Path<PractitionerId>,
    command: Command<B, dto::SignedAttestation>,
) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, signed, issue| {
        let taken = clinic.hand_in_attestation(&caller, *id, signed, &issue).await?;
        let resource = format!("/v1/practitioners/{id}/attestation");
        Ok(Answer::of(resource, None, taken))
    });
    run.await
}
