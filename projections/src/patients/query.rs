//! Reads patients.

use application::queries::{Page, PatientView};
use chrono::{DateTime, Utc};
use domain::kernel::{Identifier, PatientId};
use domain::patient::{Intake, PatientDetails};
use sqlx::types::Json;
use sqlx::{PgPool, Postgres, QueryBuilder};
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

/// How many patients are told who are known by the same identifiers.
const MOST_NAMESAKES: i64 = 100;

pub(crate) async fn known_as(
    pool: &PgPool,
    ids: &[PatientId],
    identifiers: &[Identifier],
) -> Result<Vec<PatientView>, sqlx::Error> {
    let mut query = QueryBuilder::new(SELECT);
    query.push("WHERE id = ANY(");
    query.push_bind(ids.iter().map(|id| id.uuid()).collect::<Vec<_>>());
    query.push(") OR id IN (SELECT id FROM UNNEST(");
    query.push_bind(identifiers.iter().map(|one| Json([one])).collect::<Vec<_>>());
    query.push("::jsonb[]) AS wanted JOIN patients ON details->'other_identifiers' @> wanted) ORDER BY id LIMIT ");
    query.push_bind(MOST_NAMESAKES);
    let found = query.build_query_as::<Columns>().fetch_all(pool).await?;
    Ok(found.into_iter().map(view).collect())
}

/// Up to so many patients of a name are looked up by their ids; with more, patients are read in order, and those of other
/// names left out.
const FEW: usize = 1000;

pub(crate) async fn list(
    pool: &PgPool,
    name: Option<&str>,
    page: Page<PatientId>,
) -> Result<Vec<PatientView>, sqlx::Error> {
    let mut query = QueryBuilder::new(SELECT);
    query.push("WHERE TRUE");
    if let Some(name) = name.map(column::searchable).filter(|name| !name.is_empty()) {
        let mut named = QueryBuilder::new("SELECT DISTINCT patient FROM patient_names WHERE ");
        push_begins_with(&mut named, &name);
        named.push(format!(" LIMIT {}", FEW + 1));
        let named: Vec<Uuid> = named.build_query_scalar().fetch_all(pool).await?;
        if named.len() <= FEW {
            query.push(" AND id = ANY(").push_bind(named).push(")");
        } else {
            query.push(" AND EXISTS (SELECT FROM patient_names WHERE patient = id AND ");
            push_begins_with(&mut query, &name);
            query.push(")");
        }
    }
    if let Some(after) = page.after {
        query.push(" AND id > ").push_bind(after.uuid());
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

/// Names that begin so are those from the text itself up to the text followed by the last character there is.
fn push_begins_with(query: &mut QueryBuilder<'_, Postgres>, name: &str) {
    query.push("name >= ").push_bind(name.to_owned());
    query.push(" AND name < ").push_bind(format!("{name}{}", char::MAX));
}
