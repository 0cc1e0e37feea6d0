//! Reads relationships.

use application::ports::queries::{Page, RelationshipView};
use domain::kernel::{PatientId, PractitionerId};
use sqlx::{PgPool, QueryBuilder};

use super::RelationshipRow;
use crate::table::Row as _;

fn view(row: RelationshipRow) -> RelationshipView {
    RelationshipView {
        patient: row.patient,
        practitioner: row.practitioner,
        since: row.since,
        latest: row.latest,
        appointments: row.appointments,
    }
}

pub(crate) async fn of_patient(pool: &PgPool, patient: PatientId) -> Result<Vec<RelationshipView>, sqlx::Error> {
    let mut query = QueryBuilder::new(RelationshipRow::TABLE.select());
    query
        .push("WHERE patient = ")
        .push_bind(patient.uuid())
        .push(" ORDER BY practitioner");
    Ok(query
        .build_query_as()
        .fetch_all(pool)
        .await?
        .into_iter()
        .map(view)
        .collect())
}

pub(crate) async fn of_practitioner(
    pool: &PgPool,
    practitioner: PractitionerId,
    page: Page<PatientId>,
) -> Result<Vec<RelationshipView>, sqlx::Error> {
    let mut query = QueryBuilder::new(RelationshipRow::TABLE.select());
    query.push("WHERE practitioner = ").push_bind(practitioner.uuid());
    if let Some(after) = page.after {
        query.push(" AND patient > ").push_bind(after.uuid());
    }
    query.push(" ORDER BY patient LIMIT ").push_bind(i64::from(page.limit));
    Ok(query
        .build_query_as()
        .fetch_all(pool)
        .await?
        .into_iter()
        .map(view)
        .collect())
}
