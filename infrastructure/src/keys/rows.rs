//! The table `data_keys`.

use domain::kernel::PatientId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::log::{KeyId, NewKey};
use crate::postgres::Answering;

/// A row: one key of one subject. `wrapped` is `None` once the key is destroyed.
#[derive(sqlx::FromRow)]
pub(super) struct KeyRow {
    key_id: Vec<u8>,
    subject: Uuid,
    pub(super) wrapped: Option<Vec<u8>>,
    pub(super) kek_id: String,
}

impl KeyRow {
    /// The key's name; `None` never happens, the table checks the length.
    pub(super) fn key_id(&self) -> Option<KeyId> {
        self.key_id.as_slice().try_into().ok()
    }

    pub(super) const fn subject(&self) -> PatientId {
        PatientId::new(self.subject)
    }
}

/// The keys of one subject, the newest first.
pub(super) async fn of_subject(pool: &Answering, subject: PatientId) -> Result<Vec<KeyRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT key_id, subject, wrapped, kek_id FROM data_keys WHERE subject = $1 ORDER BY created_at DESC, key_id",
    )
    .bind(subject.uuid())
    .fetch_all(pool)
    .await
}

/// The keys with these names, as far as they are here.
pub(super) async fn by_ids(pool: &Answering, ids: &[KeyId]) -> Result<Vec<KeyRow>, sqlx::Error> {
    let ids: Vec<&[u8]> = ids.iter().map(KeyId::as_slice).collect();
    sqlx::query_as("SELECT key_id, subject, wrapped, kek_id FROM data_keys WHERE key_id = ANY($1)")
        .bind(ids)
        .fetch_all(pool)
        .await
}

/// How many keys are wrapped under another key-encryption key than this one.
pub(super) async fn count_outdated(pool: &Answering, kek_id: &str) -> Result<u64, sqlx::Error> {
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM data_keys WHERE wrapped IS NOT NULL AND kek_id <> $1")
        .bind(kek_id)
        .fetch_one(pool)
        .await?;
    Ok(count.unsigned_abs())
}

/// Some keys wrapped under another key-encryption key than this one, locked against a rotation that runs beside.
pub(super) async fn outdated(
    connection: &mut PgConnection,
    kek_id: &str,
    limit: i64,
) -> Result<Vec<KeyRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT key_id, subject, wrapped, kek_id FROM data_keys WHERE wrapped IS NOT NULL AND kek_id <> $1 \
         ORDER BY key_id LIMIT $2 FOR UPDATE SKIP LOCKED",
    )
    .bind(kek_id)
    .bind(limit)
    .fetch_all(connection)
    .await
}

/// Replaces the wrapped bytes of keys.
pub(super) async fn replace(
    connection: &mut PgConnection,
    kek_id: &str,
    rewrapped: &[(KeyId, Vec<u8>)],
) -> Result<(), sqlx::Error> {
    let ids: Vec<&[u8]> = rewrapped.iter().map(|(id, _)| id.as_slice()).collect();
    let wrapped: Vec<&[u8]> = rewrapped.iter().map(|(_, wrapped)| wrapped.as_slice()).collect();
    sqlx::query(
        "UPDATE data_keys SET wrapped = new.wrapped, kek_id = $1 \
         FROM unnest($2::bytea[], $3::bytea[]) AS new (key_id, wrapped) WHERE data_keys.key_id = new.key_id",
    )
    .bind(kek_id)
    .bind(ids)
    .bind(wrapped)
    .execute(connection)
    .await?;
    Ok(())
}

/// The columns of new keys, as `UNNEST` takes them.
pub(crate) struct KeyColumns<'a> {
    pub(crate) ids: Vec<&'a [u8]>,
    pub(crate) subjects: Vec<Uuid>,
    pub(crate) wrapped: Vec<&'a [u8]>,
    pub(crate) keks: Vec<&'a str>,
}

impl<'a> KeyColumns<'a> {
    pub(crate) fn of(keys: &'a [NewKey]) -> Self {
        Self {
            ids: keys.iter().map(|key| key.key_id.as_slice()).collect(),
            subjects: keys.iter().map(|key| key.subject.uuid()).collect(),
            wrapped: keys.iter().map(|key| key.wrapped.as_slice()).collect(),
            keks: keys.iter().map(|key| key.kek_id.as_str()).collect(),
        }
    }
}

/// Writes new keys, in the caller's transaction. Those that are there already stay.
pub(crate) async fn insert_keys(connection: &mut PgConnection, keys: &[NewKey]) -> Result<(), sqlx::Error> {
    let keys = KeyColumns::of(keys);
    sqlx::query(
        "INSERT INTO data_keys (key_id, subject, wrapped, kek_id)
         SELECT * FROM UNNEST($1::bytea[], $2::uuid[], $3::bytea[], $4::text[]) ON CONFLICT (key_id) DO NOTHING",
    )
    .bind(keys.ids)
    .bind(keys.subjects)
    .bind(keys.wrapped)
    .bind(keys.keks)
    .execute(connection)
    .await
    .map(drop)
}
