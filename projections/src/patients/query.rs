//! Reads patients.

use application::queries::{Page, PatientView};
use chrono::{DateTime, Utc};
use domain::kernel::PatientId;
use domain::patient::{Intake, PatientDetails};
use sqlx::types::Json;
use sqlx::{PgPool, QueryBuilder};
use uuid::Uuid;

use crate::column;

const SELECT: &str = "SELECT id, details, intake, version, registered_at, updated_at FROM patients ";

type Columns = (
    Uuid,
    Json<PatientDetails>,
    Json<Intake>,
    i64,
    DateTime<Utc>,
    DateTime<Utc>,
);

fn view((id, Json(details), Json(intake), version, registered_at, updated_at): Columns) -> PatientView {
    PatientView {
        id: PatientId::new(id),
        details,
        intake,
        version: column::counter(version),
        registered_at,
        updated_at,
    }
}

pub(crate) async fn one(pool: &PgPool, id: PatientId) -> Result<Option<PatientView>, sqlx::Error> {
    let mut query = QueryBuilder::new(SELECT);
    query.push("WHERE id = ").push_bind(id.uuid());
    Ok(query.build_query_as::<Columns>().fetch_optional(pool).await?.map(view))
}

pub(crate) async fn list(
    pool: &PgPool,
    name: Option<&str>,
    page: Page<PatientId>,
) -> Result<Vec<PatientView>, sqlx::Error> {
    let mut query = QueryBuilder::new(SELECT);
    query.push("WHERE TRUE");
    if let Some(after) = page.after {
        query.push(" AND id > ").push_bind(after.uuid());
    }
    if let Some(name) = name.map(column::searchable).filter(|name| !name.is_empty()) {
        // Names that begin so are those from the text itself up to the text followed by the last character there is.
        query
            .push(" AND id IN (SELECT patient FROM patient_names WHERE name >= ")
            .push_bind(name.clone())
            .push(" AND name < ")
            .push_bind(format!("{name}{}", char::MAX))
            .push(")");
    }
    query.push(" ORDER BY id LIMIT ").push_bind(i64::from(page.limit));
    Ok(query
        .build_query_as::<Columns>()
        .fetch_all(pool)
        .await?
        .into_iter()
        .map(view)
        .collect())
}
