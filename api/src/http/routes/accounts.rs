//! Accounts of staff and services, and the services' keys. For administrators.

use actix_web::{HttpRequest, HttpResponse, web};
use application::accounts::NewAccount;
use application::clinic::{Backend, Clinic};
use domain::kernel::AccountId;
use uuid::Uuid;

use crate::http::answer::{Answer, CommandResult};
use crate::http::auth::Caller;
use crate::http::command::{Command, Parameters, core};
use crate::http::cursor::{PageBody, PageQuery};
use crate::http::dto::{self, checked};
use crate::http::etag;
use crate::http::problem::Problem;

fn path(id: AccountId) -> String {
    format!("/v1/accounts/{id}")
}

/// Open an account of the staff (with a wallet) or of a service (without).
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", request_body = dto::OpenAccount,
    responses(
        (status = 201, description = "Opened", body = CommandResult),
        (status = 200, description = "Was open already, for the same holder", body = CommandResult),
    ),
)]
pub async fn open<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    command: Command<dto::OpenAccount>,
) -> Result<HttpResponse, Problem> {
    let command = command.map(checked)?;
    let authenticator = core(&request)?.authenticator.clone();
    let run = command.run(clinic, |clinic, caller, account: NewAccount, issue| async move {
        let done = clinic.open_account(&caller, account, &issue).await?;
        authenticator.forget(done.id).await;
        Ok(Answer::created(path(done.id), done.id.uuid(), done.receipt).with_version_tag())
    });
    run.await
}

/// List the accounts of staff and services, in the order of their ids.
#[utoipa::path(
    get, path = "/v1/accounts", tag = "accounts", params(PageQuery),
    responses((status = 200, description = "A page of accounts", body = PageBody<dto::Account>)),
)]
pub async fn list<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let wanted = query.page()?;
    let found = clinic.accounts(&caller.principal, wanted.query()).await?;
    Ok(wanted
        .answer(found, |account| account.id, dto::Account::from)
        .linked(&request))
}

/// Read an account.
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "accounts", params(("id" = Uuid, Path, description = "The account")),
    responses(
        (status = 200, description = "The account", body = dto::Account),
        (status = 304, description = "The caller has this version"),
    ),
)]
pub async fn read<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let account = clinic.account(&caller.principal, AccountId::new(*id)).await?;
    Ok(etag::answer(
        &request,
        etag::of_version(account.version),
        &dto::Account::from(account),
    ))
}

/// Close an account. Nobody signs in with it any more, from the moment this is accepted.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/close", tag = "accounts",
    params(("id" = Uuid, Path, description = "The account")),
    responses((status = 200, description = "Closed", body = CommandResult)),
)]
pub async fn close<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    id: web::Path<Uuid>,
    command: Command<dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    etag::refuse(&command.headers)?;
    let id = AccountId::new(*id);
    let authenticator = core(&request)?.authenticator.clone();
    let run = command.run(clinic, move |clinic, caller, _, issue| async move {
        let receipt = clinic.close_account(&caller, id, &issue).await?;
        authenticator.forget(id).await;
        Ok(Answer::changed(path(id), Some(id.uuid()), receipt).with_version_tag())
    });
    run.await
}

/// Issue a key to a service.
///
/// The answer holds the secret, this once: a repeated request gets the same answer without it. To rotate a key, issue
/// another, move the service over, and revoke the old one.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/keys", tag = "accounts", request_body = dto::IssueKey,
    params(("id" = Uuid, Path, description = "The account")),
    responses((status = 201, description = "Issued; `id` is the key's", body = CommandResult)),
)]
pub async fn issue_key<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    id: web::Path<Uuid>,
    command: Command<dto::IssueKey>,
) -> Result<HttpResponse, Problem> {
    etag::refuse(&command.headers)?;
    let (command, id) = (command.map(checked)?, AccountId::new(*id));
    let run = command.run(clinic, move |clinic, caller, key, issue| async move {
        let issued = clinic.issue_key(&caller, id, key, &issue).await?;
        let resource = format!("{}/keys/{}", path(id), issued.key);
        Ok(Answer::created(resource, issued.key, issued.receipt).with_secret(issued.secret))
    });
    run.await
}

/// Revoke a key. It stops working from the moment this is accepted.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/keys/{key}/revoke", tag = "accounts",
    params(("id" = Uuid, Path, description = "The account"), ("key" = Uuid, Path, description = "The key")),
    responses((status = 200, description = "Revoked", body = CommandResult)),
)]
pub async fn revoke_key<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    ids: web::Path<(Uuid, Uuid)>,
    command: Command<dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    etag::refuse(&command.headers)?;
    let (id, key) = ids.into_inner();
    let id = AccountId::new(id);
    let run = command.run(clinic, move |clinic, caller, _, issue| async move {
        let receipt = clinic.revoke_key(&caller, id, key, &issue).await?;
        Ok(Answer::changed(format!("{}/keys/{key}", path(id)), Some(key), receipt))
    });
    run.await
}
