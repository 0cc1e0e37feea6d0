//! What is left of somebody in the read models once they are erased: what their events make of rows when nothing of theirs can be read. So it
//! makes no difference when their key is destroyed.

use application::log::{AnyEvent, LogEntry, OpenedEvent};
use domain::erasure::ErasureEvent;
use domain::kernel::{DataSubject, ErasureId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::writes::Arguments;

/// The ids of erased patients, practitioners and accounts are the parameters, in this order.
const ERASING: &str = "
    WITH patients AS (DELETE FROM patients WHERE id = ANY ($1)),
         names AS (DELETE FROM patient_names WHERE patient = ANY ($1)),
         charts AS (DELETE FROM charts WHERE chart = ANY ($1)),
         grants AS (DELETE FROM grants WHERE patient = ANY ($1)),
         emergencies AS (DELETE FROM emergencies WHERE patient = ANY ($1)),
         engagements AS (UPDATE engagements SET patient = NULL WHERE patient = ANY ($1)),
         reads AS (DELETE FROM reads WHERE patient = ANY ($1)),
         encounters AS (DELETE FROM appointments WHERE patient = ANY ($1) AND recorded),
         appointments AS (UPDATE appointments SET patient = NULL, reason = NULL, cancellation_reason = NULL
                          WHERE patient = ANY ($1) AND NOT recorded),
         relationships AS (DELETE FROM relationships WHERE patient = ANY ($1)),
         practitioners AS (DELETE FROM practitioners WHERE id = ANY ($2)),
         accounts AS (UPDATE accounts SET name = NULL, patient = NULL, wallet = NULL, wallet_acts = '[]'
                      WHERE patient = ANY ($1) OR practitioner = ANY ($2) OR id = ANY ($3))
    SELECT";

/// Whom entries erase.
pub(crate) fn erased_by(entries: &[LogEntry]) -> Vec<DataSubject> {
    let erased = |event: &OpenedEvent| match &event.event {
        AnyEvent::Erasure(ErasureId(subject), ErasureEvent::Erased { .. }) => Some(*subject),
        _ => None,
    };
    entries.iter().filter_map(LogEntry::event).filter_map(erased).collect()
}

/// Erases data subjects from rows that are written. Again is harmless.
pub(crate) async fn erase(connection: &mut PgConnection, subjects: &[DataSubject]) -> Result<(), sqlx::Error> {
    if subjects.is_empty() {
        return Ok(());
    }
    let (mut patients, mut practitioners, mut accounts): (Vec<Uuid>, Vec<Uuid>, Vec<Uuid>) = Default::default();
    for subject in subjects {
        match subject {
            DataSubject::Patient(id) => patients.push(id.uuid()),
            DataSubject::Practitioner(id) => practitioners.push(id.uuid()),
            DataSubject::Staff(id) => accounts.push(id.uuid()),
        }
    }
    let mut arguments = Arguments::default();
    for ids in [patients, practitioners, accounts] {
        arguments.push(ids);
    }
    let erasing = sqlx::query_with(ERASING, arguments.bound()?);
    erasing.execute(connection).await.map(drop)
}
