//! Reads accounts.

use application::ports::queries::{AccountView, KeyView, Page};
use domain::account::KeyHash;
use domain::kernel::{AccountId, Wallet};
use sqlx::PgPool;
use sqlx::QueryBuilder;

use super::AccountRow;
use super::rows::{Account, with_keys};
use crate::table::Row as _;

fn view(Account { row, keys }: Account) -> AccountView {
    let keys = keys.into_iter().map(|key| KeyView {
        id: key.key,
        hash: key.hash,
        scopes: key.scopes,
        expires: key.expires,
        revoked: key.revoked,
    });
    AccountView {
        id: row.id,
        name: row.name,
        role: row.role,
        wallet: row.wallet,
        patient: row.patient,
        practitioner: row.practitioner,
        closed: row.closed,
        keys: keys.collect(),
        wallet_acts: row.wallet_acts,
        version: row.version,
    }
}

fn select(which: &str) -> QueryBuilder<'static, sqlx::Postgres> {
    QueryBuilder::new(AccountRow::TABLE.select() + which)
}

async fn views(pool: &PgPool, mut query: QueryBuilder<'_, sqlx::Postgres>) -> Result<Vec<AccountView>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let accounts = query.build_query_as().fetch_all(&mut *connection).await?;
    Ok(with_keys(&mut connection, accounts)
        .await?
        .into_values()
        .map(view)
        .collect())
}

pub(crate) async fn one(pool: &PgPool, id: AccountId) -> Result<Option<AccountView>, sqlx::Error> {
    let mut query = select("WHERE id = ");
    query.push_bind(id.uuid());
    Ok(views(pool, query).await?.pop())
}

/// Of several with the same wallet, which the log does not allow, the one that has it longest.
pub(crate) async fn of_wallet(pool: &PgPool, wallet: &Wallet) -> Result<Option<AccountView>, sqlx::Error> {
    let mut query = select("WHERE wallet = ");
    query.push_bind(wallet.0.to_vec()).push(" ORDER BY position LIMIT 1");
    Ok(views(pool, query).await?.pop())
}

/// Of several with the same key, which nobody can make by accident, the one that had it first.
pub(crate) async fn of_key(pool: &PgPool, hash: &KeyHash) -> Result<Option<AccountView>, sqlx::Error> {
    let mut query = select("WHERE id = (SELECT account FROM account_keys WHERE hash = ");
    query.push_bind(hash.0.to_vec()).push(" ORDER BY issued LIMIT 1)");
    Ok(views(pool, query).await?.pop())
}

pub(crate) async fn list(pool: &PgPool, page: Page<AccountId>) -> Result<Vec<AccountView>, sqlx::Error> {
    let mut query = select("WHERE listed");
    if let Some(after) = page.after {
        query.push(" AND id > ").push_bind(after.uuid());
    }
    query.push(" ORDER BY id LIMIT ").push_bind(i64::from(page.limit));
    views(pool, query).await
}
