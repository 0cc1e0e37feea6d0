//! Reads relationships.

use application::queries::{Page, RelationshipView};
use chrono::{DateTime, Utc};
use domain::kernel::{PatientId, PractitionerId};
use sqlx::{PgPool, QueryBuilder};
use uuid::Uuid;

use crate::column;

const SELECT: &str = "SELECT patient, practitioner, since, latest, appointments FROM relationships ";

type Columns = (Uuid, Uuid, DateTime<Utc>, DateTime<Utc>, i64);

fn view((patient, practitioner, since, latest, appointments): Columns) -> RelationshipView {
    RelationshipView {
        patient: PatientId::new(patient),
        practitioner: PractitionerId::new(practitioner),
        since,
        latest,
        appointments: column::counter(appointments),
    }
}

pub(crate) async fn of_patient(pool: &PgPool, patient: PatientId) -> Result<Vec<RelationshipView>, sqlx::Error> {
    let mut query = QueryBuilder::new(SELECT);
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
    let mut query = QueryBuilder::new(SELECT);
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
