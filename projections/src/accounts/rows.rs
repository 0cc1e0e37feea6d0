//! Loads and writes a block's accounts and their keys.

use std::collections::BTreeMap;

use application::queries::WalletAct;
use chrono::{DateTime, Utc};
use domain::account::{KeyHash, Scope};
use domain::kernel::{AccountId, PatientId, PractitionerId, Wallet};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::AccountRow;
use super::fold::KeyRow;
use crate::column;
use crate::writes::Writes;

/// The columns of an account.
#[derive(FromRow, Debug)]
pub(super) struct Columns {
    pub(super) id: Uuid,
    listed: bool,
    name: Option<String>,
    role: String,
    wallet: Option<Vec<u8>>,
    patient: Option<Uuid>,
    practitioner: Option<Uuid>,
    closed: bool,
    wallet_acts: Json<Vec<WalletAct>>,
    version: i64,
    position: i64,
}

/// The columns of a key.
#[derive(FromRow, Debug)]
pub(super) struct KeyColumns {
    account: Uuid,
    key: Uuid,
    hash: Vec<u8>,
    scopes: Json<Vec<Scope>>,
    expires: Option<DateTime<Utc>>,
    revoked: bool,
    issued: i64,
}

/// A wallet or a hash of another length than its type has.
#[derive(Debug, thiserror::Error)]
#[error("a column has bytes of another length than expected")]
struct WrongLength;

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], sqlx::Error> {
    bytes.try_into().map_err(|_| sqlx::Error::Decode(WrongLength.into()))
}

impl TryFrom<Columns> for AccountRow {
    type Error = sqlx::Error;

    fn try_from(columns: Columns) -> Result<Self, sqlx::Error> {
        Ok(Self {
            listed: columns.listed,
            name: columns.name,
            role: column::named(&columns.role)?,
            wallet: columns.wallet.map(|bytes| exactly(&bytes).map(Wallet)).transpose()?,
            patient: columns.patient.map(PatientId::new),
            practitioner: columns.practitioner.map(PractitionerId::new),
            closed: columns.closed,
            keys: Vec::new(),
            wallet_acts: columns.wallet_acts.0,
            version: column::counter(columns.version),
            position: column::counter(columns.position),
        })
    }
}

impl TryFrom<KeyColumns> for KeyRow {
    type Error = sqlx::Error;

    fn try_from(columns: KeyColumns) -> Result<Self, sqlx::Error> {
        Ok(Self {
            key: columns.key,
            hash: KeyHash(exactly(&columns.hash)?),
            scopes: columns.scopes.0,
            expires: columns.expires,
            revoked: columns.revoked,
            issued: column::counter(columns.issued),
        })
    }
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    keys: &[AccountId],
) -> Result<BTreeMap<AccountId, AccountRow>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<Uuid> = keys.iter().map(|key| key.uuid()).collect();
    let accounts = sqlx::query_as("SELECT * FROM accounts WHERE id = ANY($1)")
        .bind(ids)
        .fetch_all(&mut *connection)
        .await?;
    with_keys(connection, accounts).await
}

/// Puts accounts together with their keys, oldest first.
pub(super) async fn with_keys(
    connection: &mut PgConnection,
    accounts: Vec<Columns>,
) -> Result<BTreeMap<AccountId, AccountRow>, sqlx::Error> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.id).collect();
    let keys: Vec<KeyColumns> = sqlx::query_as(
        "SELECT account, key, hash, scopes, expires, revoked, issued FROM account_keys \
         WHERE account = ANY($1) ORDER BY account, ordinal",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let mut rows = BTreeMap::new();
    for account in accounts {
        rows.insert(AccountId::new(account.id), AccountRow::try_from(account)?);
    }
    for key in keys {
        if let Some(row) = rows.get_mut(&AccountId::new(key.account)) {
            row.keys.push(key.try_into()?);
        }
    }
    Ok(rows)
}

/// Writes the rows that changed. `before` are the rows that were there.
pub(crate) fn write(
    writes: &mut Writes,
    before: &BTreeMap<AccountId, AccountRow>,
    changed: &BTreeMap<AccountId, AccountRow>,
) {
    if changed.is_empty() {
        return;
    }
    let rows = || changed.values();
    writes.add(
        "INSERT INTO accounts (id, listed, name, role, wallet, patient, practitioner, closed, version, position, wallet_acts) \
         SELECT id, listed, name, role, wallet, patient, practitioner, closed, version, position, wallet_acts::jsonb \
         FROM UNNEST($1::uuid[], $2::bool[], $3::text[], $4::text[], $5::bytea[], $6::uuid[], $7::uuid[], \
         $8::bool[], $9::int8[], $10::int8[], $11::text[]) AS changed (id, listed, name, role, wallet, patient, \
         practitioner, closed, version, position, wallet_acts) \
         ON CONFLICT (id) DO UPDATE SET listed = EXCLUDED.listed, name = EXCLUDED.name, role = EXCLUDED.role, \
         wallet = EXCLUDED.wallet, patient = EXCLUDED.patient, practitioner = EXCLUDED.practitioner, \
         closed = EXCLUDED.closed, version = EXCLUDED.version, position = EXCLUDED.position, \
         wallet_acts = EXCLUDED.wallet_acts",
    )
    .bind(changed.keys().map(|id| id.uuid()).collect::<Vec<_>>())
    .bind(rows().map(|row| row.listed).collect::<Vec<_>>())
    .bind(
        rows()
            .map(|row| row.name.as_deref().map(column::text))
            .collect::<Vec<_>>(),
    )
    .bind(rows().map(|row| <&str>::from(row.role)).collect::<Vec<_>>())
    .bind(
        rows()
            .map(|row| row.wallet.map(|wallet| wallet.0.to_vec()))
            .collect::<Vec<_>>(),
    )
    .bind(rows().map(|row| row.patient.map(PatientId::uuid)).collect::<Vec<_>>())
    .bind(
        rows()
            .map(|row| row.practitioner.map(PractitionerId::uuid))
            .collect::<Vec<_>>(),
    )
    .bind(rows().map(|row| row.closed).collect::<Vec<_>>())
    .bind(rows().map(|row| column::int8(row.version)).collect::<Vec<_>>())
    .bind(rows().map(|row| column::int8(row.position)).collect::<Vec<_>>())
    .bind(rows().map(|row| column::json(&row.wallet_acts)).collect::<Vec<_>>());

    let keys: Vec<(Uuid, i64, &KeyRow)> = changed
        .iter()
        .filter(|(id, row)| before.get(id).is_none_or(|before| before.keys != row.keys))
        .flat_map(|(id, row)| (0..).zip(&row.keys).map(|(ordinal, key)| (id.uuid(), ordinal, key)))
        .collect();
    if keys.is_empty() {
        return;
    }
    let rows = || keys.iter().map(|(_, _, key)| *key);
    writes
        .add(
            "INSERT INTO account_keys (account, ordinal, key, hash, scopes, expires, revoked, issued) \
         SELECT account, ordinal, key, hash, scopes::jsonb, expires, revoked, issued \
         FROM UNNEST($1::uuid[], $2::int8[], $3::uuid[], $4::bytea[], $5::text[], $6::timestamptz[], $7::bool[], \
         $8::int8[]) AS changed (account, ordinal, key, hash, scopes, expires, revoked, issued) \
         ON CONFLICT (account, ordinal) DO UPDATE SET key = EXCLUDED.key, hash = EXCLUDED.hash, \
         scopes = EXCLUDED.scopes, expires = EXCLUDED.expires, revoked = EXCLUDED.revoked, issued = EXCLUDED.issued",
        )
        .bind(keys.iter().map(|(account, _, _)| *account).collect::<Vec<_>>())
        .bind(keys.iter().map(|(_, ordinal, _)| *ordinal).collect::<Vec<_>>())
        .bind(rows().map(|key| key.key).collect::<Vec<_>>())
        .bind(rows().map(|key| key.hash.0.to_vec()).collect::<Vec<_>>())
        .bind(rows().map(|key| column::json(&key.scopes)).collect::<Vec<_>>())
        .bind(rows().map(|key| key.expires.map(column::instant)).collect::<Vec<_>>())
        .bind(rows().map(|key| key.revoked).collect::<Vec<_>>())
        .bind(rows().map(|key| column::int8(key.issued)).collect::<Vec<_>>());
}
