//! The table `data_keys`.

use application::log::Position;
use chrono::{DateTime, Utc};
use domain::kernel::SubjectId;
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::backup::RestingKey;
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

    pub(super) const fn subject(&self) -> SubjectId {
        SubjectId::new(self.subject)
    }
}

/// The keys of data subjects, the newest first.
pub(super) async fn of_subjects(pool: &Answering, subjects: &[SubjectId]) -> Result<Vec<KeyRow>, sqlx::Error> {
    let subjects: Vec<Uuid> = subjects.iter().map(|subject| subject.uuid()).collect();
    sqlx::query_as(
        "SELECT key_id, subject, wrapped, kek_id FROM data_keys WHERE subject = ANY ($1) ORDER BY created_at DESC, key_id",
    )
    .bind(subjects)
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

/// A row with everything in it.
#[derive(sqlx::FromRow)]
struct WholeRow {
    #[sqlx(flatten)]
    key: KeyRow,
    created_at: DateTime<Utc>,
    destroyed_at: Option<DateTime<Utc>>,
}

impl WholeRow {
    fn resting(self) -> Option<RestingKey> {
        Some(RestingKey {
            key_id: self.key.key_id()?,
            subject: self.key.subject(),
            wrapped: self.key.wrapped,
            kek_id: self.key.kek_id,
            created_at: self.created_at,
            destroyed_at: self.destroyed_at,
        })
    }
}

const WHOLE: &str = "SELECT key_id, subject, wrapped, kek_id, created_at, destroyed_at FROM data_keys";

/// Every key, as all of them are at one moment.
pub(super) async fn all(executor: impl PgExecutor<'_>) -> Result<Vec<RestingKey>, sqlx::Error> {
    let rows: Vec<WholeRow> = sqlx::query_as(&format!("{WHOLE} ORDER BY created_at, key_id"))
        .fetch_all(executor)
        .await?;
    Ok(rows.into_iter().filter_map(WholeRow::resting).collect())
}

/// One key that is wrapped under each of these key-encryption keys, and one that is wrapped under none of them.
pub(super) async fn samples(pool: &PgPool, kek_ids: &[&str]) -> Result<Vec<RestingKey>, sqlx::Error> {
    let mut samples = Vec::new();
    let under_one = format!("{WHOLE} WHERE wrapped IS NOT NULL AND kek_id = $1 LIMIT 1");
    for kek_id in kek_ids {
        samples.extend(sqlx::query_as(&under_one).bind(kek_id).fetch_optional(pool).await?);
    }
    let under_none = format!("{WHOLE} WHERE wrapped IS NOT NULL AND kek_id <> ALL ($1) LIMIT 1");
    samples.extend(sqlx::query_as(&under_none).bind(kek_ids).fetch_optional(pool).await?);
    Ok(samples.into_iter().filter_map(WholeRow::resting).collect())
}

/// Keeps everybody else from writing keys until the transaction ends.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let lock = sqlx::query("LOCK TABLE data_keys IN SHARE ROW EXCLUSIVE MODE");
    lock.execute(connection).await.map(drop)
}

/// Writes keys that are not there.
pub(super) async fn insert_resting(connection: &mut PgConnection, keys: &[&RestingKey]) -> Result<(), sqlx::Error> {
    let ids: Vec<&[u8]> = keys.iter().map(|key| key.key_id.as_slice()).collect();
    let subjects: Vec<Uuid> = keys.iter().map(|key| key.subject.uuid()).collect();
    let wrapped: Vec<Option<&[u8]>> = keys.iter().map(|key| key.wrapped.as_deref()).collect();
    let keks: Vec<&str> = keys.iter().map(|key| key.kek_id.as_str()).collect();
    let created: Vec<DateTime<Utc>> = keys.iter().map(|key| key.created_at).collect();
    let destroyed: Vec<Option<DateTime<Utc>>> = keys.iter().map(|key| key.destroyed_at).collect();
    sqlx::query(
        "INSERT INTO data_keys (key_id, subject, wrapped, kek_id, created_at, destroyed_at)
         SELECT * FROM UNNEST($1::bytea[], $2::uuid[], $3::bytea[], $4::text[], $5::timestamptz[], $6::timestamptz[])",
    )
    .bind(ids)
    .bind(subjects)
    .bind(wrapped)
    .bind(keks)
    .bind(created)
    .bind(destroyed)
    .execute(connection)
    .await
    .map(drop)
}

/// Destroys keys: their rows stay.
pub(super) async fn destroy(connection: &mut PgConnection, keys: &[&RestingKey]) -> Result<(), sqlx::Error> {
    let ids: Vec<&[u8]> = keys.iter().map(|key| key.key_id.as_slice()).collect();
    let sql =
        "UPDATE data_keys SET wrapped = NULL, destroyed_at = now() WHERE key_id = ANY ($1) AND wrapped IS NOT NULL";
    sqlx::query(sql).bind(ids).execute(connection).await.map(drop)
}

/// The check value of the master secret that this database is used with. The first one is remembered.
pub(super) async fn organisation(pool: &PgPool, first: &[u8; 4]) -> Result<[u8; 4], sqlx::Error> {
    let mut found = remembered(pool).await?;
    if found.is_none() {
        let remember = "INSERT INTO organisation (org_key_id) VALUES ($1) ON CONFLICT DO NOTHING";
        sqlx::query(remember).bind(first.as_slice()).execute(pool).await?;
        found = remembered(pool).await?;
    }
    Ok(found.unwrap_or_default())
}

/// As [`organisation`], if any is remembered: there may be no table yet.
pub(super) async fn known_organisation(pool: &PgPool) -> Result<Option<[u8; 4]>, sqlx::Error> {
    let is_there: bool = sqlx::query_scalar("SELECT to_regclass('organisation') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    if is_there { remembered(pool).await } else { Ok(None) }
}

async fn remembered(pool: &PgPool) -> Result<Option<[u8; 4]>, sqlx::Error> {
    sqlx::query_scalar("SELECT org_key_id FROM organisation")
        .fetch_optional(pool)
        .await
}

/// Whether there is a journal: read models are made after the keys' tables.
async fn has_journal(pool: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass('checkpoint') IS NOT NULL AND to_regclass('journal') IS NOT NULL")
        .fetch_one(pool)
        .await
}

/// Up to which position the log has been applied.
pub(super) async fn applied_position(pool: &PgPool) -> Result<Position, sqlx::Error> {
    if !has_journal(pool).await? {
        return Ok(0);
    }
    let position: Option<i64> = sqlx::query_scalar("SELECT position FROM checkpoint")
        .fetch_optional(pool)
        .await?;
    Ok(position.map_or(0, i64::unsigned_abs))
}

/// Some entries of the journal after a position: where, in which stream, and how they begin.
pub(super) async fn journal_after(
    pool: &PgPool,
    position: i64,
    limit: i64,
) -> Result<Vec<(i64, [u8; 32], i64, Vec<u8>)>, sqlx::Error> {
    if !has_journal(pool).await? {
        return Ok(Vec::new());
    }
    // No header is longer. What is void needs no key.
    let sql =
        "SELECT position, stream, origin, substring(payload FROM 1 FOR 96) FROM journal WHERE position > $1 AND void IS NULL
               ORDER BY position LIMIT $2";
    sqlx::query_as(sql).bind(position).bind(limit).fetch_all(pool).await
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
