//! The words of the names by which patients are found: what follows from the patients' rows, kept for searching.

use std::collections::BTreeMap;

use domain::kernel::PatientId;
use sqlx::PgConnection;

use super::{NameRow, PatientRow};
use crate::table;
use crate::writes::Writes;

/// From how many patients names are derived at once.
const PAGE: u32 = 4_000;

/// Derives all of them from the patients, into an empty table.
pub(crate) async fn derive(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut last = None;
    loop {
        let page = table::page(connection, last, PAGE).await?;
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
        let named = |name: &String| NameRow {
            patient: *id,
            name: name.clone(),
        };
        gone.extend(was.difference(&is).map(named));
        new.extend(is.difference(&was).map(named));
    }
    table::delete(writes, &gone);
    table::write(writes, &new);
}
