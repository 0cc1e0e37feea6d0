//! Loads and writes patients.

use std::collections::BTreeMap;

use domain::kernel::PatientId;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::PatientRow;
use crate::column;
use crate::writes::Writes;

type Columns = (
    Uuid,
    Json<domain::patient::PatientDetails>,
    Json<domain::patient::Intake>,
    i64,
    i64,
    chrono::DateTime<chrono::Utc>,
    chrono::DateTime<chrono::Utc>,
);

pub(crate) async fn load(
    connection: &mut PgConnection,
    keys: &[PatientId],
) -> Result<BTreeMap<PatientId, PatientRow>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let keys: Vec<Uuid> = keys.iter().map(|key| key.uuid()).collect();
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, details, intake, version, position, registered_at, updated_at FROM patients WHERE id = ANY($1)",
    )
    .bind(keys)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(entry).collect())
}

/// The patients after this one, or the first, in the order of their ids, at most so many.
pub(super) async fn after(
    connection: &mut PgConnection,
    last: Option<PatientId>,
    limit: i64,
) -> Result<BTreeMap<PatientId, PatientRow>, sqlx::Error> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, details, intake, version, position, registered_at, updated_at FROM patients \
         WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2",
    )
    .bind(last.map(PatientId::uuid))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(entry).collect())
}

fn entry(
    (id, Json(details), Json(intake), version, position, registered_at, updated_at): Columns,
) -> (PatientId, PatientRow) {
    let row = PatientRow {
        details,
        intake,
        version: column::counter(version),
        position: column::counter(position),
        registered_at,
        updated_at,
    };
    (PatientId::new(id), row)
}

/// Writes the rows that changed.
pub(crate) fn write(writes: &mut Writes, changed: &BTreeMap<PatientId, PatientRow>) {
    if changed.is_empty() {
        return;
    }
    let rows = || changed.values();
    writes
        .add(
            "INSERT INTO patients (id, details, intake, version, position, registered_at, updated_at) \
         SELECT id, details::jsonb, intake::jsonb, version, position, registered_at, updated_at \
         FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::int8[], $5::int8[], $6::timestamptz[], $7::timestamptz[]) \
         AS changed (id, details, intake, version, position, registered_at, updated_at) \
         ON CONFLICT (id) DO UPDATE SET details = EXCLUDED.details, intake = EXCLUDED.intake, \
         version = EXCLUDED.version, position = EXCLUDED.position, registered_at = EXCLUDED.registered_at, \
         updated_at = EXCLUDED.updated_at",
        )
        .bind(changed.keys().map(|id| id.uuid()).collect::<Vec<_>>())
        .bind(rows().map(|row| column::json(&row.details)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::json(&row.intake)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::int8(row.version)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::int8(row.position)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::instant(row.registered_at)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::instant(row.updated_at)).collect::<Vec<_>>());
}
