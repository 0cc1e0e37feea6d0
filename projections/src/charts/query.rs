//! Reads charts.

use application::ports::queries::ChartView;
use domain::kernel::PatientId;
use sqlx::{PgPool, QueryBuilder};

use super::ChartRow;
use crate::table::Row as _;

pub(crate) async fn one(pool: &PgPool, patient: PatientId) -> Result<Option<ChartView>, sqlx::Error> {
    let mut query = QueryBuilder::new(ChartRow::TABLE.select());
    query.push("WHERE chart = ").push_bind(patient.uuid());
    let found: Option<ChartRow> = query.build_query_as().fetch_optional(pool).await?;
    Ok(found.map(|row| ChartView {
        patient,
        contents: row.contents,
        withheld: Vec::new(),
        version: Some(row.version),
        updated_at: Some(row.updated_at),
    }))
}
