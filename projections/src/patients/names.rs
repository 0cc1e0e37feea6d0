//! The words of the names by which patients are found: what follows from the patients' rows, kept for searching.

use std::collections::BTreeMap;

use domain::kernel::PatientId;
use sqlx::PgConnection;

use super::{PatientRow, rows};

/// From how many patients names are derived at once.
const PAGE: i64 = 4_000;

/// Derives all of them from the patients, into an empty table.
pub(crate) async fn derive(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut last = None;
    loop {
        let page = rows::after(connection, last, PAGE).await?;
        let Some((id, _)) = page.last_key_value() else {
            return Ok(());
        };
        last = Some(*id);
        update(connection, &BTreeMap::new(), &page).await?;
    }
}

/// Brings the names up to date. `before` are the patients' rows that were there.
pub(crate) async fn update(
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
