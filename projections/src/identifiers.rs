//! Finds those whom identifiers of other systems name.

use domain::kernel::Identifier;
use sqlx::types::Json;
use sqlx::{PgPool, Postgres, QueryBuilder};

use crate::table::Keyed;

/// How many are told who are known by the same identifiers. Each is one's alone, but on a log that a faulty program has written.
const MOST_NAMESAKES: i64 = 100;

/// The rows of those who are called by one of these identifiers, in the order of their keys. A table has an index on just this expression.
pub(crate) async fn known_as<R: Keyed>(pool: &PgPool, identifiers: &[Identifier]) -> Result<Vec<R>, sqlx::Error> {
    let mut query: QueryBuilder<'_, Postgres> = QueryBuilder::new(R::TABLE.select());
    query.push("WHERE id IN (SELECT id FROM UNNEST(");
    query.push_bind(identifiers.iter().map(|one| Json([one])).collect::<Vec<_>>());
    query.push("::jsonb[]) AS wanted JOIN ").push(R::TABLE.name);
    query.push(" ON (details->'other_identifiers') || (details->'identifier') @> wanted)");
    // However many namesakes there are, those come through whom an identifier names first of all.
    query.push(" ORDER BY details->'identifier' = ANY(");
    query.push_bind(identifiers.iter().map(Json).collect::<Vec<_>>());
    query.push("::jsonb[]) DESC, id LIMIT ").push_bind(MOST_NAMESAKES);
    let mut found: Vec<R> = query.build_query_as().fetch_all(pool).await?;
    found.sort_by_key(R::key);
    Ok(found)
}
