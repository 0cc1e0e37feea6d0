//! What the registries have recorded: who is a practitioner and who says so, and who may read of whom. The folds are the domain's.
//!
//! Whose consents a row is about is told as the registry knows them, by a signer; which patient that is follows from their account.

mod consents;
mod practitioners;

use application::log::{LogEntry, RecordedEntry, Registry};
use sqlx::PgConnection;

pub(crate) use consents::{ControlRow, DelegateRow, GrantRow, GranteeRow, consents};
pub(crate) use practitioners::{AttestationRow, RegistrarRow, attestation};

use crate::writes::Writes;

/// What one of the registries recorded, in the order of the log.
fn recorded_by(entries: &[LogEntry], registry: Registry) -> impl Iterator<Item = &RecordedEntry> {
    let recorded = entries.iter().filter_map(|entry| match entry {
        LogEntry::Recorded(recorded) => Some(recorded),
        LogEntry::Event(_) => None,
    });
    recorded.filter(move |recorded| recorded.registry == Some(registry))
}

/// The name of an entry's stream within its namespace.
const fn name(entry: &RecordedEntry) -> &[u8; 28] {
    let [_, _, _, _, name @ ..] = &entry.stream.0;
    name
}

/// Loads the rows that entries concern, and adds to `writes` what they make of them. Entries that the registry never records make nothing.
pub(crate) async fn fold(
    connection: &mut PgConnection,
    entries: &[LogEntry],
    writes: &mut Writes,
) -> Result<(), sqlx::Error> {
    practitioners::fold(connection, entries, writes).await?;
    consents::fold(connection, entries, writes).await
}
