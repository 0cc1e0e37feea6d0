//! Loads and writes a block's patients.

use std::collections::BTreeMap;

use domain::kernel::PatientId;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::PatientRow;
use crate::column;

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
    Ok(rows
        .into_iter()
        .map(
            |(id, Json(details), Json(intake), version, position, registered_at, updated_at)| {
                let row = PatientRow {
                    details,
                    intake,
                    version: column::counter(version),
                    position: column::counter(position),
                    registered_at,
                    updated_at,
                };
                (PatientId::new(id), row)
            },
        )
        .collect())
}

/// Writes the rows that changed. `before` are the rows that were there.
pub(crate) async fn write(
    connection: &mut PgConnection,
    before: &BTreeMap<PatientId, PatientRow>,
    changed: &BTreeMap<PatientId, PatientRow>,
) -> Result<(), sqlx::Error> {
    if changed.is_empty() {
        return Ok(());
    }
    let rows = || changed.values();
    sqlx::query(
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
    .bind(rows().map(|row| column::instant(row.updated_at)).collect::<Vec<_>>())
    .execute(&mut *connection)
    .await?;
    write_names(connection, before, changed).await
}

async fn write_names(
    connection: &mut PgConnection,
    before: &BTreeMap<PatientId, PatientRow>,
    changed: &BTreeMap<PatientId, PatientRow>,
) -> Result<(), sqlx::Error> {
    let (mut gone, mut patients, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (id, row) in changed {
        let new = row.names();
        if let Some(old) = before.get(id) {
            if old.names() == new {
                continue;
            }
            gone.push(id.uuid());
        }
        for name in new {
            patients.push(id.uuid());
            names.push(name);
        }
    }
    if !gone.is_empty() {
        sqlx::query("DELETE FROM patient_names WHERE patient = ANY($1)")
            .bind(gone)
            .execute(&mut *connection)
            .await?;
    }
    if !names.is_empty() {
        sqlx::query(
            "INSERT INTO patient_names (patient, name) SELECT * FROM UNNEST($1::uuid[], $2::text[]) \
             ON CONFLICT DO NOTHING",
        )
        .bind(patients)
        .bind(names)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
