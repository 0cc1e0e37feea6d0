//! Invitations and wallets: how people come to sign in.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::dto;
use application::ports::invitations::Person;
use application::use_cases::clinic::Backend;
use chrono::TimeDelta;
use domain::kernel::{AccountId, ClaimsId, PatientId, PractitionerId};

use crate::answer::Answer;
use crate::auth::named;
use crate::command::Command;
use crate::location::Located;
use crate::problem::Problem;
use crate::read::Reading;

async fn invite<B: Backend>(reading: Reading<B>, person: Person) -> Result<HttpResponse, Problem> {
    let lifetime = TimeDelta::from_std(reading.core.settings.invitation_lifetime).unwrap_or_default();
    let issued = reading.clinic.invite(&reading.caller, person, lifetime).await?;
    Ok(HttpResponse::Ok().json(dto::Invitation::from(issued)))
}

/// Of what is claimed in a bucket only a wallet is found by whoever has it.
impl Located for ClaimsId {
    fn path(&self) -> String {
        "/v1/me/wallet".to_owned()
    }
}

/// Invite a patient to bind a wallet.
///
/// The patient signs in with a wallet and accepts the invitation (`POST /v1/invitations/accept`). The invitation can be used once and
/// expires; issuing another one ends the former. A patient who has a wallet is not invited: they change it themselves, or a registrar
/// takes it away first.
#[utoipa::path(
    post, path = "/v1/patients/{id}/invitation", tag = "wallets", params(("id" = Uuid, Path, description = "The id of the patient")),
    responses((status = 200, description = "The invitation, with its secret", body = dto::Invitation)),
)]
pub async fn invite_patient<B: Backend>(
    reading: Reading<B>,
    id: web::Path<PatientId>,
) -> Result<HttpResponse, Problem> {
    invite(reading, Person::Patient(*id)).await
}

/// Invite a practitioner to bind a wallet.
///
/// The practitioner signs in with a wallet and accepts the invitation (`POST /v1/invitations/accept`). The invitation can be used once
/// and expires; issuing another one ends the former. A practitioner who has a wallet is not invited: they change it themselves, or a
/// registrar takes it away first.
#[utoipa::path(
    post, path = "/v1/practitioners/{id}/invitation", tag = "wallets",
    params(("id" = Uuid, Path, description = "The id of the practitioner")),
    responses((status = 200, description = "The invitation, with its secret", body = dto::Invitation)),
)]
pub async fn invite_practitioner<B: Backend>(
    reading: Reading<B>,
    id: web::Path<PractitionerId>,
) -> Result<HttpResponse, Problem> {
    invite(reading, Person::Practitioner(*id)).await
}

/// Invite a person of the staff to bind a wallet.
///
/// The person signs in with a wallet and accepts the invitation (`POST /v1/invitations/accept`). The invitation can be used once and
/// expires; issuing another one ends the former. A person who has a wallet is not invited: they change it themselves, or a registrar
/// takes it away first. Services have keys and are not invited.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/invitation", tag = "wallets", params(("id" = Uuid, Path, description = "The id of the account")),
    responses((status = 200, description = "The invitation, with its secret", body = dto::Invitation)),
)]
pub async fn invite_staff<B: Backend>(reading: Reading<B>, id: web::Path<AccountId>) -> Result<HttpResponse, Problem> {
    invite(reading, Person::Staff(*id)).await
}

async fn withdraw<B: Backend>(reading: Reading<B>, person: Person) -> Result<HttpResponse, Problem> {
    reading.clinic.withdraw_invitation(&reading.caller, person).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Withdraw a patient's invitation.
///
/// The invitation can no longer be used to bind a wallet. If there is none, or it was accepted, nothing changes: a wallet that is bound
/// is taken away instead.
#[utoipa::path(
    delete, path = "/v1/patients/{id}/invitation", tag = "wallets", params(("id" = Uuid, Path, description = "The id of the patient")),
    responses((status = 204, description = "There is no invitation any more that could be accepted")),
)]
pub async fn withdraw_patients<B: Backend>(
    reading: Reading<B>,
    id: web::Path<PatientId>,
) -> Result<HttpResponse, Problem> {
    withdraw(reading, Person::Patient(*id)).await
}

/// Withdraw a practitioner's invitation.
///
/// The invitation can no longer be used to bind a wallet. If there is none, or it was accepted, nothing changes: a wallet that is bound
/// is taken away instead.
#[utoipa::path(
    delete, path = "/v1/practitioners/{id}/invitation", tag = "wallets",
    params(("id" = Uuid, Path, description = "The id of the practitioner")),
    responses((status = 204, description = "There is no invitation any more that could be accepted")),
)]
pub async fn withdraw_practitioners<B: Backend>(
    reading: Reading<B>,
    id: web::Path<PractitionerId>,
) -> Result<HttpResponse, Problem> {
    withdraw(reading, Person::Practitioner(*id)).await
}

/// Withdraw the invitation of a person of the staff.
///
/// The invitation can no longer be used to bind a wallet. If there is none, or it was accepted, nothing changes: a wallet that is bound
/// is taken away instead.
#[utoipa::path(
    delete, path = "/v1/accounts/{id}/invitation", tag = "wallets", params(("id" = Uuid, Path, description = "The id of the account")),
    responses((status = 204, description = "There is no invitation any more that could be accepted")),
)]
pub async fn withdraw_staffs<B: Backend>(
    reading: Reading<B>,
    id: web::Path<AccountId>,
) -> Result<HttpResponse, Problem> {
    withdraw(reading, Person::Staff(*id)).await
}

/// Accept an invitation.
///
/// This binds the wallet that the caller has signed in with; the message that it signed is kept as proof. From then on the wallet signs
/// in to the account of the person who was invited; its other sessions end. An invitation that is unknown, expired, used or withdrawn
/// gets the same answer in every case (422), and so does one whose issuer's account was closed or key was revoked.
#[utoipa::path(
    post, path = "/v1/invitations/accept", tag = "wallets", request_body = dto::AcceptInvitation,
    responses((status = 200, description = "The wallet is bound; `id` is the id of the account", body = CommandResult)),
)]
pub async fn accept<B: Backend>(command: Command<B, dto::AcceptInvitation>) -> Result<HttpResponse, Problem> {
    let (signed_in, authenticator) = (command.signed_in().await?, command.authenticator());
    let run = command.run(async move |clinic, caller, secret, issue| {
        let wallet = signed_in.as_ref().map(|signed_in| signed_in.wallet);
        let done = clinic.accept_invitation(&caller, &secret, signed_in, &issue).await?;
        if let Some(wallet) = wallet {
            authenticator.forget(&wallet).await;
        }
        Ok(Answer::changed(done))
    });
    run.await
}

/// Read the wallet of the caller's account.
///
/// The answer also says what was done to the wallet, by whom and why.
#[utoipa::path(
    get, path = "/v1/me/wallet", tag = "wallets",
    responses((status = 200, description = "The wallet, and what was done to it", body = dto::OwnWallet)),
)]
pub async fn read<B: Backend>(reading: Reading<B>) -> Result<HttpResponse, Problem> {
    let account = reading.clinic.own_wallet(&reading.caller).await?;
    Ok(HttpResponse::Ok().json(dto::OwnWallet::from(account)))
}

/// Replace the wallet of the caller's account by another one.
///
/// Both wallets sign, so that nobody can take an account over with a stolen token. From then on the new wallet signs in, and the former
/// one has no account. The sessions of both end, the caller's too: sign in with the new wallet. The same request may be repeated with
/// either wallet, under its `Idempotency-Key`.
#[utoipa::path(
    put, path = "/v1/me/wallet", tag = "wallets", request_body = dto::ChangeWallet,
    responses((status = 200, description = "The wallet is replaced; `id` is the id of the account", body = CommandResult)),
)]
pub async fn change<B: Backend>(command: Command<B, dto::ChangeWallet>) -> Result<HttpResponse, Problem> {
    let (core, authenticator) = (command.core(), command.authenticator());
    let run = command.ending_access().run(async move |clinic, caller, asked, issue| {
        let [old, new] = [&asked.current, &asked.new].map(|signed| named(&signed.message));
        let agreed = core.agreed(&asked, issue.command_id);
        let done = clinic.change_wallet(&caller, new, agreed, &issue).await?;
        for wallet in [old, new].into_iter().flatten() {
            authenticator.forget(&wallet).await;
        }
        Ok(Answer::changed(done))
    });
    run.await
}

/// What is said of a wallet whose taking away has not reached the log yet.
const TAKEN: &str = "The wallet signs nobody in any more; the log will say so as soon as it can.";

async fn take_away<B: Backend>(
    command: Command<B, dto::TakeWalletAway>,
    person: Person,
) -> Result<HttpResponse, Problem> {
    let authenticator = command.authenticator();
    let run = command
        .noting(TAKEN)
        .ending_access()
        .run(async move |clinic, caller, reason, issue| {
            let (done, wallet) = clinic.take_wallet_away(&caller, person, reason, &issue).await?;
            if let Some(wallet) = wallet {
                authenticator.forget(&wallet).await;
            }
            Ok(Answer::changed(done))
        });
    run.await
}

/// Take a patient's wallet away.
///
/// For registrars, when the wallet is lost or stolen, or was bound by the wrong person. From the moment this is accepted the wallet
/// signs nobody in. The patient is then invited again, and sees who took the wallet away, and why.
#[utoipa::path(
    post, path = "/v1/patients/{id}/wallet/take-away", tag = "wallets", request_body = dto::TakeWalletAway,
    params(("id" = Uuid, Path, description = "The id of the patient")),
    responses((status = 200, description = "The wallet is taken away; `id` is the id of the account", body = CommandResult)),
)]
pub async fn take_patients_away<B: Backend>(
    id: web::Path<PatientId>,
    command: Command<B, dto::TakeWalletAway>,
) -> Result<HttpResponse, Problem> {
    take_away(command, Person::Patient(*id)).await
}

/// Take a practitioner's wallet away.
///
/// For registrars, when the wallet is lost or stolen, or was bound by the wrong person. From the moment this is accepted the wallet
/// signs nobody in. The practitioner is then invited again, and sees who took the wallet away, and why.
#[utoipa::path(
    post, path = "/v1/practitioners/{id}/wallet/take-away", tag = "wallets", request_body = dto::TakeWalletAway,
    params(("id" = Uuid, Path, description = "The id of the practitioner")),
    responses((status = 200, description = "The wallet is taken away; `id` is the id of the account", body = CommandResult)),
)]
pub async fn take_practitioners_away<B: Backend>(
    id: web::Path<PractitionerId>,
    command: Command<B, dto::TakeWalletAway>,
) -> Result<HttpResponse, Problem> {
    take_away(command, Person::Practitioner(*id)).await
}

/// Take the wallet of a person of the staff away.
///
/// For registrars, when the wallet is lost or stolen, or was bound by the wrong person. From the moment this is accepted the wallet
/// signs nobody in. The person is then invited again, and sees who took the wallet away, and why.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/wallet/take-away", tag = "wallets", request_body = dto::TakeWalletAway,
    params(("id" = Uuid, Path, description = "The id of the account")),
    responses((status = 200, description = "The wallet is taken away; `id` is the id of the account", body = CommandResult)),
)]
pub async fn take_staffs_away<B: Backend>(
    id: web::Path<AccountId>,
    command: Command<B, dto::TakeWalletAway>,
) -> Result<HttpResponse, Problem> {
    take_away(command, Person::Staff(*id)).await
}
