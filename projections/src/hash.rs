//! Content hashes: whether two servers, or a server and an auditor, show the same.
//!
//! SHA-256 over the rows of a read model in the order of their keys. A row is its columns as Postgres writes a row as text,
//! under fixed settings, preceded by its length. Only what a reader sees counts; versions, positions and times of recording
//! differ between two runs of the same history, and so does as of when an undated finding is told.

use application::queries::ProjectionHash;
use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::{Executor, PgPool};

use crate::column;

/// A read model, and its rows.
type Model = (&'static str, &'static [&'static str]);

const MODELS: [Model; 6] = [
    (
        "accounts",
        &[
            "SELECT ROW(id, name, role, wallet, patient, practitioner, closed, \
         (SELECT jsonb_agg(act - 'at' ORDER BY n) FROM jsonb_array_elements(wallet_acts) WITH ORDINALITY AS acts (act, n)) \
         )::text FROM accounts ORDER BY id",
            "SELECT ROW(account, ordinal, key, hash, scopes, expires, revoked)::text FROM account_keys \
         ORDER BY account, ordinal",
        ],
    ),
    (
        "appointments",
        &[
            "SELECT ROW(id, owner, day, practitioner, patient, starts, minutes, status, reason, cancellation_reason, \
         recorded, names)::text FROM appointments ORDER BY id",
        ],
    ),
    (
        "availability",
        &[
            "SELECT ROW(owner, day, sessions, taken)::text FROM calendars ORDER BY owner, day",
            "SELECT ROW(practitioner, first, last, minutes, day)::text FROM free_runs \
         ORDER BY practitioner, first, last, minutes, day",
        ],
    ),
    (
        "patients",
        &[
            // Where a source does not date what it tells, as of when it is told is the time of recording.
            r#"SELECT ROW(id, details, regexp_replace(intake::text, '"as_of": ("[^"]*"|null)', '"as_of"', 'g'))::text FROM patients ORDER BY id"#,
            "SELECT ROW(patient, name)::text FROM patient_names ORDER BY patient, name",
        ],
    ),
    (
        "practitioners",
        &["SELECT ROW(id, details, specialization_codes, specialization_texts)::text FROM practitioners ORDER BY id"],
    ),
    (
        "relationships",
        &[
            "SELECT ROW(patient, practitioner, since, latest, appointments)::text FROM relationships \
         ORDER BY patient, practitioner",
        ],
    ),
];

/// All of one answer is read at one position. Rows are streamed: memory stays flat.
pub(crate) async fn content_hashes(pool: &PgPool) -> Result<Vec<ProjectionHash>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    transaction
        .execute(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; \
             SET LOCAL statement_timeout = '20min'; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL bytea_output = 'hex'",
        )
        .await?;
    let position: Option<i64> = sqlx::query_scalar("SELECT position FROM checkpoint")
        .fetch_optional(&mut *transaction)
        .await?;
    let position = position.map_or(0, column::counter);
    let mut hashes = Vec::with_capacity(MODELS.len());
    for (name, selects) in MODELS {
        let (mut hash, mut rows) = (Sha256::new(), 0_u64);
        for select in selects {
            let mut stream = sqlx::query_scalar::<_, String>(select).fetch(&mut *transaction);
            while let Some(row) = stream.try_next().await? {
                hash.update(column::int8(row.len() as u64).to_be_bytes());
                hash.update(row.as_bytes());
                rows = rows.saturating_add(1);
            }
        }
        hashes.push(ProjectionHash {
            name,
            rows,
            hash: hex::encode(hash.finalize()),
            position,
        });
    }
    transaction.rollback().await?;
    Ok(hashes)
}
