//! Loads and writes a block's practitioners.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::kernel::PractitionerId;
use domain::practitioner::PractitionerDetails;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::PractitionerRow;
use crate::column;
use crate::writes::Writes;

type Columns = (Uuid, Json<PractitionerDetails>, i64, i64, DateTime<Utc>);

pub(crate) async fn load(
    connection: &mut PgConnection,
    keys: &[PractitionerId],
) -> Result<BTreeMap<PractitionerId, PractitionerRow>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let keys: Vec<Uuid> = keys.iter().map(|key| key.uuid()).collect();
    let rows: Vec<Columns> =
        sqlx::query_as("SELECT id, details, version, position, registered_at FROM practitioners WHERE id = ANY($1)")
            .bind(keys)
            .fetch_all(connection)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(id, Json(details), version, position, registered_at)| {
            let row = PractitionerRow {
                details,
                version: column::counter(version),
                position: column::counter(position),
                registered_at,
            };
            (PractitionerId::new(id), row)
        })
        .collect())
}

pub(crate) fn write(writes: &mut Writes, changed: &BTreeMap<PractitionerId, PractitionerRow>) {
    if changed.is_empty() {
        return;
    }
    let rows = || changed.values();
    writes
        .add(
            // An array cannot be unnested into arrays: the codes travel as JSON.
            "INSERT INTO practitioners \
         (id, details, specialization_codes, specialization_texts, version, position, registered_at) \
         SELECT id, details::jsonb, ARRAY(SELECT jsonb_array_elements_text(codes::jsonb)), texts, version, position, \
         registered_at \
         FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::int8[], $7::timestamptz[]) \
         AS changed (id, details, codes, texts, version, position, registered_at) \
         ON CONFLICT (id) DO UPDATE SET details = EXCLUDED.details, \
         specialization_codes = EXCLUDED.specialization_codes, specialization_texts = EXCLUDED.specialization_texts, \
         version = EXCLUDED.version, position = EXCLUDED.position, registered_at = EXCLUDED.registered_at",
        )
        .bind(changed.keys().map(|id| id.uuid()).collect::<Vec<_>>())
        .bind(rows().map(|row| column::json(&row.details)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::json(&row.codes())).collect::<Vec<_>>())
        .bind(rows().map(PractitionerRow::texts).collect::<Vec<_>>())
        .bind(rows().map(|row| column::int8(row.version)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::int8(row.position)).collect::<Vec<_>>())
        .bind(rows().map(|row| column::instant(row.registered_at)).collect::<Vec<_>>());
}
