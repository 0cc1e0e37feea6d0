//! The rows of accounts, and of their keys.

use std::collections::BTreeMap;

use application::ports::queries::WalletAct;
use chrono::{DateTime, Utc};
use domain::account::{KeyHash, Role, Scope};
use domain::kernel::{AccountId, PatientId, PractitionerId, Wallet};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::table::{Field, Keyed as _, Row as _, keyed, table};
use crate::writes::{Arguments, Writes};

/// What was done to a wallet, but when.
const UNDATED: &str =
    "(SELECT jsonb_agg(act - 'at' ORDER BY n) FROM jsonb_array_elements(wallet_acts) WITH ORDINALITY AS acts (act, n))";

table! {
    /// An account.
    table AccountRow: "accounts" (id)
    seen {
        id: AccountId,
        name: Option<String>,
        role: Role,
        wallet: Option<Wallet>,
        patient: Option<PatientId>,
        practitioner: Option<PractitionerId>,
        closed: bool,
        /// What was done to the wallet, oldest first.
        wallet_acts: Vec<WalletAct> as UNDATED,
    }
    unseen {
        /// Whether lists show it: staff and services, not patients and practitioners.
        listed: bool,
        /// The position of the event that bound the wallet.
        wallet_since: Option<u64>,
        version: u64,
        position: u64,
    }
}
keyed!(AccountRow by id: AccountId);

table! {
    /// A key of an account.
    table KeyRow: "account_keys" (account, ordinal)
    seen {
        account: AccountId,
        /// The place among the account's keys, from 0, oldest first.
        ordinal: u64,
        key: Uuid,
        hash: KeyHash,
        scopes: Vec<Scope>,
        expires: Option<DateTime<Utc>>,
        revoked: bool,
    }
    unseen {
        /// The position of the event that issued it.
        issued: u64,
    }
}

/// An account with its keys, oldest first.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Account {
    pub(crate) row: AccountRow,
    pub(crate) keys: Vec<KeyRow>,
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    ids: &[AccountId],
) -> Result<BTreeMap<AccountId, Account>, sqlx::Error> {
    let rows = crate::table::load::<AccountRow>(connection, ids).await?;
    with_keys(connection, rows.into_values().collect()).await
}

/// Puts accounts together with their keys.
pub(super) async fn with_keys(
    connection: &mut PgConnection,
    rows: Vec<AccountRow>,
) -> Result<BTreeMap<AccountId, Account>, sqlx::Error> {
    if rows.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut arguments = Arguments::default();
    Field::bind(rows.iter().map(|row| Some(&row.id)), &mut arguments);
    let keys = format!(
        "{}WHERE account = ANY($1) ORDER BY account, ordinal",
        KeyRow::TABLE.select()
    );
    let keys: Vec<KeyRow> = sqlx::query_as_with(&keys, arguments.bound()?)
        .fetch_all(connection)
        .await?;
    let account = |row: AccountRow| Account { row, keys: Vec::new() };
    let mut accounts: BTreeMap<_, _> = rows.into_iter().map(|row| (row.key(), account(row))).collect();
    for key in keys {
        if let Some(account) = accounts.get_mut(&key.account) {
            account.keys.push(key);
        }
    }
    Ok(accounts)
}

/// Writes the accounts that changed. `before` are those that were there.
pub(crate) fn write(
    writes: &mut Writes,
    before: &BTreeMap<AccountId, Account>,
    changed: &BTreeMap<AccountId, Account>,
) {
    crate::table::write(writes, changed.values().map(|account| &account.row));
    let is_changed = |id, account: &Account| before.get(id).is_none_or(|before| before.keys != account.keys);
    let keys = changed.iter().filter(|(id, account)| is_changed(*id, account));
    crate::table::write(writes, keys.flat_map(|(_, account)| &account.keys));
}
