//! What the registry of practitioners has recorded.

use std::collections::BTreeMap;

use application::log::{LogEntry, Registry};
use application::ports::queries::AttestationView;
use domain::consent::SignerId;
use domain::kernel::PractitionerId;
use domain::registries::practitioners::{Act, Attestation, Entry, Standing};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgPool};

use super::{name, recorded_by};
use crate::table::{self, Field as _, keyed, table};
use crate::writes::Writes;

table! {
    /// How a practitioner stands with the registrars. There is one for whoever a registrar has named, also if nobody is registered here under that id.
    table AttestationRow: "attestations" (practitioner)
    seen {
        practitioner: PractitionerId,
        standing: Standing,
        /// How many acts there were.
        number: u64,
        reinstatements: u64,
        /// What the last attestation names.
        details: Option<[u8; 32]>,
    }
    unseen {
        /// Since when they are attested.
        attested_since: Option<u64>,
        position: u64,
    }
}
keyed!(AttestationRow by practitioner: PractitionerId);

table! {
    /// Somebody who is a registrar, or was one.
    table RegistrarRow: "registrars" (registrar)
    seen {
        registrar: SignerId,
        is_appointed: bool,
    }
    unseen {
        position: u64,
    }
}
keyed!(RegistrarRow by registrar: SignerId);

impl AttestationRow {
    const fn attestation(&self) -> Attestation {
        Attestation {
            standing: self.standing,
            number: self.number,
            reinstatements: self.reinstatements,
            details: self.details,
            attested_since: self.attested_since,
        }
    }

    fn after(before: Option<&Self>, practitioner: PractitionerId, act: &Act, position: u64) -> Self {
        let before = before.map(Self::attestation).unwrap_or_default();
        let Attestation {
            standing,
            number,
            reinstatements,
            details,
            attested_since,
        } = before.after(act, position);
        Self {
            practitioner,
            standing,
            number,
            reinstatements,
            details,
            attested_since,
            position,
        }
    }
}

struct Row(AttestationView);

impl FromRow<'_, PgRow> for Row {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self(AttestationView {
            attestation: AttestationRow::from_row(row)?.attestation(),
            final_position: u64::read(row, "final_position")?,
        }))
    }
}

/// How a practitioner stands.
pub(crate) async fn attestation(pool: &PgPool, practitioner: PractitionerId) -> Result<AttestationView, sqlx::Error> {
    let sql = "SELECT attestations.*, checkpoint.final_position FROM attestations, checkpoint WHERE practitioner = $1";
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(practitioner.uuid())
        .fetch_optional(pool)
        .await?;
    Ok(row.map(|Row(view)| view).unwrap_or_default())
}

pub(super) async fn fold(
    connection: &mut PgConnection,
    entries: &[LogEntry],
    writes: &mut Writes,
) -> Result<(), sqlx::Error> {
    let read = |recorded| Some((Entry::read(name(recorded), &recorded.payload)?, recorded.position));
    let recorded: Vec<_> = recorded_by(entries, Registry::Practitioners).filter_map(read).collect();
    let named = recorded.iter().filter_map(|(entry, _)| match entry {
        Entry::Practitioner(practitioner, _) => Some(*practitioner),
        Entry::Appointed(_) | Entry::Dismissed(_) | Entry::Owned(_) => None,
    });
    let mut attestations = table::load(connection, &named.collect::<Vec<_>>()).await?;
    let mut registrars = BTreeMap::new();
    for (entry, position) in recorded {
        let (registrar, is_appointed) = match entry {
            Entry::Practitioner(practitioner, act) => {
                let row = AttestationRow::after(attestations.get(&practitioner), practitioner, &act, position);
                attestations.insert(practitioner, row);
                continue;
            }
            Entry::Appointed(registrar) => (registrar, true),
            Entry::Dismissed(registrar) => (registrar, false),
            Entry::Owned(_) => continue,
        };
        let row = RegistrarRow {
            registrar,
            is_appointed,
            position,
        };
        registrars.insert(registrar, row);
    }
    table::write(writes, attestations.values());
    table::write(writes, registrars.values());
    Ok(())
}
