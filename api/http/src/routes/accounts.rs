//! Accounts of staff and services, and the services' keys. For administrators.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::dto;
use api_wire::page::{PageBody, PageQuery};
use application::ports::command::Receipt;
use application::use_cases::clinic::{Backend, Done};
use domain::kernel::AccountId;
use uuid::Uuid;

use crate::answer::Answer;
use crate::command::Command;
use crate::etag;
use crate::location::Located;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

impl Located for AccountId {
    fn path(&self) -> String {
        format!("/v1/accounts/{self}")
    }
}

/// Open an account for a service or a person of the staff.
///
/// A service is identified by its name: opening its account again changes nothing (200). A service then needs a key; a person of the
/// staff is then invited to bind a wallet.
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", request_body = dto::OpenAccount,
    responses(
        (status = 201, description = "The account was opened", body = CommandResult),
        (status = 200, description = "The account was open already, for the same holder", body = CommandResult),
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
/// Closed accounts are listed too. The accounts of patients and practitioners belong to their records, and are not listed.
#[utoipa::path(
    get, path = "/v1/accounts", tag = "accounts", params(PageQuery),
    responses((status = 200, description = "A page of accounts", body = PageBody<dto::Account>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("accounts", &()).page(&query)?;
    let found = reading.clinic.accounts(&reading.caller, page.query()).await?;
    Ok(reading.page(page.answer(found, |account| account.id, dto::Account::from)))
}

/// Read an account.
///
/// The answer holds the role, the wallet or the keys, and whether the account is closed. It has no secrets of keys: they are stored
/// nowhere.
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "accounts", params(("id" = Uuid, Path, description = "The id of the account")),
    responses(
        (status = 200, description = "The account", body = dto::Account),
        (status = 304, description = "The version that the caller has, by `If-None-Match`, is the current one"),
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
/// From the moment this is accepted nobody can sign in to the account any more, and none of its sessions and keys works. It stays
/// closed. The access is denied on every server even if something that the log needs is away at the time: the answer is then 202, or
/// 503 with the problem `revocation-pending`, and the log is told as soon as it can be.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/close", tag = "accounts",
    params(("id" = Uuid, Path, description = "The id of the account")),
    responses((status = 200, description = "The account is closed", body = CommandResult)),
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

/// What a command did to a key.
fn of_key(account: AccountId, key: Uuid, receipt: Receipt) -> Answer {
    Answer::of(format!("{}/keys/{key}", account.path()), Some(key), receipt)
}

/// Issue a key to a service.
///
/// The answer holds the secret of the key, this once: a repeated request gets the same answer without it. `Prefer: respond-async` is refused.
/// To replace a key, issue another one, make the service use it, and revoke the old one.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/keys", tag = "accounts", request_body = dto::IssueKey,
    params(("id" = Uuid, Path, description = "The id of the account")),
    responses((status = 201, description = "The key was issued; `id` is its id", body = CommandResult)),
)]
pub async fn issue_key<B: Backend>(
    id: web::Path<AccountId>,
    command: Command<B, dto::IssueKey>,
) -> Result<HttpResponse, Problem> {
    let run = command.waited_for()?.run(async move |clinic, caller, key, issue| {
        let issued = clinic.issue_key(&caller, *id, key, &issue).await?;
        let created = issued.receipt.position.is_some();
        let answer = of_key(*id, issued.key, issued.receipt).having(created);
        Ok(answer.with_secret(issued.secret))
    });
    run.await
}

/// Revoke a service's key.
///
/// The key stops working from the moment this is accepted. The other keys of the account keep working. While the log cannot be told,
/// the answer is the same as for closing an account.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/keys/{key}/revoke", tag = "accounts",
    params(("id" = Uuid, Path, description = "The id of the account"), ("key" = Uuid, Path, description = "The id of the key")),
    responses((status = 200, description = "The key is revoked", body = CommandResult)),
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
            Ok(of_key(id, key, receipt))
        });
    run.await
}
