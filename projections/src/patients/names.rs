//! The words of the names by which patients are found: what follows from the patients' rows, kept for searching.

use std::collections::BTreeMap;

use domain::kernel::PatientId;
use sqlx::PgConnection;

use super::{NameRow, PatientRow};
use crate::table;
use crate::writes::Writes;

/// Derives all of them from the patients, into an empty table.
pub(crate) async fn derive(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let nothing = BTreeMap::new();
    table::derive_from(connection, |writes, page| update(writes, &nothing, page)).await
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
        gone.extend(was.difference(&is).map(|name| row_of(*id, name)));
        new.extend(is.difference(&was).map(|name| row_of(*id, name)));
    }
    table::delete(writes, &gone);
    table::write(writes, &new);
}

/// What stands in the database of a word.
pub(crate) fn row_of(patient: PatientId, name: &str) -> NameRow {
    NameRow {
        patient,
        name: name.to_owned(),
    }
}
