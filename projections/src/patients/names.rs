//! The words of the names by which patients are found: what follows from the patients' rows, kept for searching.

use std::collections::BTreeMap;

use domain::kernel::PatientId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{PatientRow, rows};
use crate::writes::Writes;

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
        let mut writes = Writes::default();
        update(&mut writes, &BTreeMap::new(), &page);
        writes.run(connection).await?;
    }
}

/// Brings the names up to date. `before` are the patients' rows that were there.
pub(crate) fn update(
    writes: &mut Writes,
    before: &BTreeMap<PatientId, PatientRow>,
    changed: &BTreeMap<PatientId, PatientRow>,
) {
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    for (id, row) in changed {
        let is = row.names();
        let was = before.get(id).map(PatientRow::names).unwrap_or_default();
        gone.extend(was.difference(&is).map(|name| (id.uuid(), name.clone())));
        new.extend(is.difference(&was).map(|name| (id.uuid(), name.clone())));
    }
    if !gone.is_empty() {
        let (patients, names): (Vec<Uuid>, Vec<String>) = gone.into_iter().unzip();
        writes
            .add(
                "DELETE FROM patient_names USING UNNEST($1::uuid[], $2::text[]) AS gone (patient, name) \
                 WHERE patient_names.patient = gone.patient AND patient_names.name = gone.name",
            )
            .bind(patients)
            .bind(names);
    }
    if !new.is_empty() {
        let (patients, names): (Vec<Uuid>, Vec<String>) = new.into_iter().unzip();
        writes
            .add(
                "INSERT INTO patient_names (patient, name) SELECT * FROM UNNEST($1::uuid[], $2::text[]) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(patients)
            .bind(names);
    }
}
