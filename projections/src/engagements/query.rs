//! Reads which auditors are engaged.

use application::log::Position;
use application::ports::queries::{EngagementView, Page};
use domain::kernel::{AccountId, EngagementId, PatientId};
use sqlx::{PgPool, Postgres, QueryBuilder};

use super::EngagementRow;
use crate::column;

impl From<EngagementRow> for EngagementView {
    fn from(row: EngagementRow) -> Self {
        Self {
            id: row.id,
            scope: row.scope(),
            terms: row.terms,
            ended_at: row.ended_at,
            position: row.begun_in,
        }
    }
}

/// All engagements, or those of an auditor, the newest first.
pub(crate) async fn list(
    pool: &PgPool,
    auditor: Option<AccountId>,
    page: Page<Position>,
) -> Result<Vec<EngagementView>, sqlx::Error> {
    let mut query = QueryBuilder::new("SELECT * FROM engagements WHERE ");
    match auditor {
        Some(auditor) => query.push("auditor = ").push_bind(auditor.uuid()),
        None => query.push("TRUE"),
    };
    page_of(query, page, pool).await
}

/// Those about one patient, the newest first.
pub(crate) async fn about(
    pool: &PgPool,
    patient: PatientId,
    page: Page<Position>,
) -> Result<Vec<EngagementView>, sqlx::Error> {
    let mut query = QueryBuilder::new("SELECT * FROM engagements WHERE patient = ");
    query.push_bind(patient.uuid());
    page_of(query, page, pool).await
}

async fn page_of(
    mut query: QueryBuilder<'static, Postgres>,
    page: Page<Position>,
    pool: &PgPool,
) -> Result<Vec<EngagementView>, sqlx::Error> {
    if let Some(after) = page.after {
        query.push(" AND begun_in < ").push_bind(column::int8(after));
    }
    query
        .push(" ORDER BY begun_in DESC LIMIT ")
        .push_bind(i64::from(page.limit));
    let rows: Vec<EngagementRow> = query.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().map(EngagementView::from).collect())
}

/// One of them.
pub(crate) async fn one(pool: &PgPool, id: EngagementId) -> Result<Option<EngagementView>, sqlx::Error> {
    let row: Option<EngagementRow> = sqlx::query_as("SELECT * FROM engagements WHERE id = $1")
        .bind(id.uuid())
        .fetch_optional(pool)
        .await?;
    Ok(row.map(EngagementView::from))
}
