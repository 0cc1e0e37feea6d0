//! Accounts of staff and services, and the services' keys. For administrators.

use actix_web::{HttpResponse, web};
use application::clinic::{Backend, Done};
use domain::kernel::AccountId;
use uuid::Uuid;

use crate::http::answer::{Answer, CommandResult};
use crate::http::command::Command;
use crate::http::cursor::{PageBody, PageQuery};
use crate::http::dto;
use crate::http::etag;
use crate::http::problem::Problem;
use crate::http::reading::{Parameters, Reading};

/// Open an account of a service, or of a person of the staff.
///
/// A service is named by its name, so opening it again changes nothing (200); it needs a key. A person is then invited to bind a wallet.
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", request_body = dto::OpenAccount,
    responses(
        (status = 201, description = "Opened", body = CommandResult),
        (status = 200, description = "Was open already, for the same holder", body = CommandResult),
    ),
)]
pub async fn open<B: Backend>(command: Command<B, dto::OpenAccount>) -> Result<HttpResponse, Problem> {
    let run = command.run(async move |clinic, caller, account, issue| {
        let done = clinic.open_account(&caller, account, &issue).await?;
        Ok(Answer::created(done))
    });
    run.await
}

/// List the accounts of staff and services, in the order of their ids.
///
/// Closed ones too. Patients and practitioners have their accounts by their records, and are not listed.
#[utoipa::path(
    get, path = "/v1/accounts", tag = "accounts", params(PageQuery),
    responses((status = 200, description = "A page of accounts", body = PageBody<dto::Account>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = query.page(reading.list("accounts", &()))?;
    let found = reading.clinic.accounts(&reading.caller, page.query()).await?;
    Ok(reading.page(page.answer(found, |account| account.id, dto::Account::from)))
}

/// Read an account.
///
/// Role, wallet or keys, and whether it is closed. The keys' secrets are kept nowhere.
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "accounts", params(("id" = Uuid, Path, description = "The account")),
    responses(
        (status = 200, description = "The account", body = dto::Account),
        (status = 304, description = "The caller has this version"),
    ),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<AccountId>) -> Result<HttpResponse, Problem> {
    let account = reading.clinic.account(&reading.caller, *id).await?;
    Ok(reading.answer(etag::of_version(account.version), &dto::Account::from(account)))
}

/// What is said of a revocation that has not reached the log yet.
const DENIED: &str = "The access is denied already; the log will say so as soon as it can.";

/// Close an account.
///
/// Nobody signs in with it any more, and none of its sessions and keys works, from the moment this is accepted. It stays closed.
/// Whatever is not there just now, it is denied on every server: the answer is then 202, or 503 with the problem `revocation-pending`,
/// and the log is told as soon as it can be.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/close", tag = "accounts",
    params(("id" = Uuid, Path, description = "The account")),
    responses((status = 200, description = "Closed", body = CommandResult)),
)]
pub async fn close<B: Backend>(
    id: web::Path<AccountId>,
    command: Command<B, dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    let id = *id;
    let run = command
        .noting(DENIED)
        .ending_access()
        .run(async move |clinic, caller, (), issue| {
            let receipt = clinic.close_account(&caller, id, &issue).await?;
            Ok(Answer::changed(Done { id, receipt }))
        });
    run.await
}

/// Issue a key to a service.
///
/// The answer holds the secret, this once: a repeated request gets the same answer without it, and `Prefer` is of no use here. To rotate a key, issue
/// another, move the service over, and revoke the old one.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/keys", tag = "accounts", request_body = dto::IssueKey,
    params(("id" = Uuid, Path, description = "The account")),
    responses((status = 201, description = "Issued; `id` is the key's", body = CommandResult)),
)]
pub async fn issue_key<B: Backend>(
    id: web::Path<AccountId>,
    command: Command<B, dto::IssueKey>,
) -> Result<HttpResponse, Problem> {
    let run = command.waited_for()?.run(async move |clinic, caller, key, issue| {
        let issued = clinic.issue_key(&caller, *id, key, &issue).await?;
        Ok(Answer::issued(*id, issued))
    });
    run.await
}

/// Revoke a key.
///
/// It stops working from the moment this is accepted. The account's other keys go on. Answers as closing an account does.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/keys/{key}/revoke", tag = "accounts",
    params(("id" = Uuid, Path, description = "The account"), ("key" = Uuid, Path, description = "The key")),
    responses((status = 200, description = "Revoked", body = CommandResult)),
)]
pub async fn revoke_key<B: Backend>(
    ids: web::Path<(AccountId, Uuid)>,
    command: Command<B, dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    let (id, key) = ids.into_inner();
    let run = command
        .noting(DENIED)
        .ending_access()
        .run(async move |clinic, caller, (), issue| {
            let receipt = clinic.revoke_key(&caller, id, key, &issue).await?;
            Ok(Answer::revoked(id, key, receipt))
        });
    run.await
}
