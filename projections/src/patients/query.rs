//! Reads patients.

use std::collections::BTreeSet;

use application::ports::queries::{Page, PatientView};
use domain::kernel::{Identifier, PatientId};
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::PatientRow;
use crate::table::Row as _;
use crate::{identifiers, search};

fn view(row: PatientRow) -> PatientView {
    PatientView {
        id: row.id,
        details: row.details,
        version: Some(row.version),
        registered_at: row.registered_at,
        updated_at: row.updated_at,
    }
}

pub(crate) async fn one(pool: &PgPool, id: PatientId) -> Result<Option<PatientView>, sqlx::Error> {
    let mut query = QueryBuilder::new(PatientRow::TABLE.select());
    query.push("WHERE id = ").push_bind(id.uuid());
    Ok(query.build_query_as().fetch_optional(pool).await?.map(view))
}

pub(crate) async fn known_as(pool: &PgPool, known_by: &[Identifier]) -> Result<Vec<PatientView>, sqlx::Error> {
    let found = identifiers::known_as::<PatientRow>(pool, known_by).await?;
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
    let mut query = QueryBuilder::new(PatientRow::TABLE.select());
    query.push("WHERE TRUE");
    if let Some(wanted) = name.map(search::wanted) {
        let named = named(pool, &wanted).await?;
        if named.len() <= FEW {
            query.push(" AND id = ANY(").push_bind(named).push(")");
        } else {
            query.push(" AND ");
            push_has_all(&mut query, "patients.id", &wanted);
        }
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

/// The patients with words that begin like each of these, or more than [`FEW`] of them. The longest word leads, for it is
/// likely to be the rarest.
async fn named(pool: &PgPool, wanted: &BTreeSet<String>) -> Result<Vec<Uuid>, sqlx::Error> {
    let Some(rarest) = wanted.iter().max_by_key(|word| word.chars().count()) else {
        return Ok(Vec::new());
    };
    let mut query = QueryBuilder::new("SELECT DISTINCT patient FROM patient_names AS named WHERE name >= ");
    query
        .push_bind(rarest.clone())
        .push(" AND name < ")
        .push_bind(after_all(rarest));
    if wanted.len() > 1 {
        query.push(" AND ");
        push_has_all(&mut query, "named.patient", wanted);
    }
    query.push(format!(" LIMIT {}", FEW + 1));
    query.build_query_scalar().fetch_all(pool).await
}

/// For each word that is wanted there must be one that begins so.
fn push_has_all(query: &mut QueryBuilder<'_, Postgres>, patient: &str, wanted: &BTreeSet<String>) {
    let first: Vec<_> = wanted.iter().cloned().collect();
    let last: Vec<_> = wanted.iter().map(|word| after_all(word)).collect();
    query
        .push("(SELECT bool_and(EXISTS (SELECT FROM patient_names AS one WHERE one.patient = ")
        .push(patient)
        .push(" AND one.name >= word.first AND one.name < word.last)) FROM UNNEST(")
        .push_bind(first)
        .push("::text[], ")
        .push_bind(last)
        .push("::text[]) AS word (first, last))");
}

/// Words that begin so are those from the word itself up to the word followed by the last character there is.
fn after_all(word: &str) -> String {
    format!("{word}{}", char::MAX)
}
