//! Reads practitioners.

use application::ports::queries::{Page, PractitionerView};
use domain::kernel::{Identifier, PractitionerId};
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::PractitionerRow;
use crate::table::Row as _;
use crate::{column, identifiers, search};

fn view(row: PractitionerRow) -> PractitionerView {
    PractitionerView {
        id: row.id,
        details: row.details,
        register_entry: row.register_entry,
        version: row.version,
        registered_at: row.registered_at,
    }
}

pub(crate) async fn one(pool: &PgPool, id: PractitionerId) -> Result<Option<PractitionerView>, sqlx::Error> {
    let mut query = QueryBuilder::new(PractitionerRow::TABLE.select());
    query.push("WHERE id = ").push_bind(id.uuid());
    Ok(query.build_query_as().fetch_optional(pool).await?.map(view))
}

pub(crate) async fn list(
    pool: &PgPool,
    specialization: Option<&str>,
    page: Page<PractitionerId>,
) -> Result<Vec<PractitionerView>, sqlx::Error> {
    let mut query = QueryBuilder::new(PractitionerRow::TABLE.select());
    query.push("WHERE TRUE");
    if let Some(specialization) = specialization {
        push_specialization(&mut query, specialization);
    }
    if let Some(after) = page.after {
        query.push(" AND id > ").push_bind(after.uuid());
    }
    query.push(" ORDER BY id LIMIT ").push_bind(i64::from(page.limit));
    Ok(query
        .build_query_as()
        .fetch_all(pool)
        .await?
        .into_iter()
        .map(view)
        .collect())
}

pub(crate) async fn known_as(pool: &PgPool, known_by: &[Identifier]) -> Result<Vec<PractitionerView>, sqlx::Error> {
    let found = identifiers::known_as::<PractitionerRow>(pool, known_by).await?;
    Ok(found.into_iter().map(view).collect())
}

/// The practitioners of a specialization. A clinic has hundreds of practitioners, so they are simply looked through.
pub(crate) async fn of_specialization(pool: &PgPool, specialization: &str) -> Result<Vec<Uuid>, sqlx::Error> {
    let mut query = QueryBuilder::new("SELECT id FROM practitioners WHERE TRUE");
    push_specialization(&mut query, specialization);
    query.build_query_scalar().fetch_all(pool).await
}

/// A code exactly, or a part of a text, as both are compared.
fn push_specialization(query: &mut QueryBuilder<'_, Postgres>, specialization: &str) {
    query.push(" AND (").push_bind(search::fold(specialization.trim()));
    query.push(" = ANY(specialization_codes)");
    let wanted = search::text(specialization);
    if !wanted.is_empty() {
        let pattern = format!("%{}%", column::literal_pattern(&wanted));
        query.push(" OR specialization_texts LIKE ").push_bind(pattern);
    }
    query.push(")");
}
