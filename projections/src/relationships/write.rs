//! Writes what changes in relationships. The block's appointments must be written already.

use domain::calendar::AppointmentStatus;
use sqlx::{Executor, PgConnection};
use strum::IntoEnumIterator as _;

use super::{Changes, RelationshipRow};
use crate::table::{Field, Row};
use crate::writes::Arguments;

/// Which appointments count, in SQL: [`AppointmentStatus::counts`].
fn counted() -> String {
    let counted = AppointmentStatus::iter().filter(|status| status.counts());
    let names: Vec<String> = counted.map(|status| format!("'{status}'")).collect();
    format!("status IN ({})", names.join(", "))
}

/// Derives all of them from the appointments, into an empty table.
pub(crate) async fn derive(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let deriving = format!(
        "INSERT INTO relationships (patient, practitioner, since, latest, appointments) \
             SELECT patient, practitioner, min(starts), max(starts), count(*) FROM appointments \
             WHERE patient IS NOT NULL AND practitioner IS NOT NULL AND {} \
             GROUP BY patient, practitioner",
        counted()
    );
    connection.execute(deriving.as_str()).await.map(drop)
}

/// Brings them up to date with what changed.
pub(crate) async fn update(connection: &mut PgConnection, changes: &Changes) -> Result<(), sqlx::Error> {
    if !changes.additions.is_empty() {
        let additions: Vec<&RelationshipRow> = changes.additions.values().collect();
        let mut arguments = Arguments::default();
        RelationshipRow::bind(&additions, &mut arguments);
        let adding = RelationshipRow::TABLE.insert(
            "(patient, practitioner) DO UPDATE SET since = LEAST(relationships.since, EXCLUDED.since), \
             latest = GREATEST(relationships.latest, EXCLUDED.latest), \
             appointments = relationships.appointments + EXCLUDED.appointments",
        );
        sqlx::query_with(&adding, arguments.bound()?)
            .execute(&mut *connection)
            .await?;
    }
    if !changes.stale.is_empty() {
        let mut arguments = Arguments::default();
        Field::bind(changes.stale.iter().map(|(patient, _)| Some(patient)), &mut arguments);
        Field::bind(
            changes.stale.iter().map(|(_, practitioner)| Some(practitioner)),
            &mut arguments,
        );
        let deriving = format!(
            "WITH derived AS MATERIALIZED (\
                 SELECT stale.patient, stale.practitioner, sums.* \
                 FROM UNNEST($1::uuid[], $2::uuid[]) AS stale (patient, practitioner) \
                 CROSS JOIN LATERAL (\
                     SELECT min(starts) AS since, max(starts) AS latest, count(*) AS appointments FROM appointments a \
                     WHERE a.patient = stale.patient AND a.practitioner = stale.practitioner \
                     AND a.{}) AS sums), \
             gone AS (\
                 DELETE FROM relationships r USING derived d \
                 WHERE r.patient = d.patient AND r.practitioner = d.practitioner AND d.appointments = 0) \
             INSERT INTO relationships (patient, practitioner, since, latest, appointments) \
             SELECT patient, practitioner, since, latest, appointments FROM derived WHERE appointments > 0 \
             ON CONFLICT (patient, practitioner) DO UPDATE SET since = EXCLUDED.since, latest = EXCLUDED.latest, \
             appointments = EXCLUDED.appointments",
            counted()
        );
        sqlx::query_with(&deriving, arguments.bound()?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
