//! Finds those whom identifiers of other systems name.

use domain::kernel::Identifier;
use sqlx::types::Json;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::table::Keyed;

/// How many are told who are known by the same identifiers: more than identifiers may be asked for at once.
const MOST_NAMESAKES: i64 = 100;

/// The rows that have one of these ids, or one of these identifiers among the other ones in their details, in the order of their keys.
pub(crate) async fn known_as<R: Keyed>(
    pool: &PgPool,
    ids: Vec<Uuid>,
    identifiers: &[Identifier],
) -> Result<Vec<R>, sqlx::Error> {
    let mut query: QueryBuilder<'_, Postgres> = QueryBuilder::new(R::TABLE.select());
    query.push("WHERE id = ANY(").push_bind(ids.clone());
    query.push(") OR id IN (SELECT id FROM UNNEST(");
    query.push_bind(identifiers.iter().map(|one| Json([one])).collect::<Vec<_>>());
    query.push("::jsonb[]) AS wanted JOIN ").push(R::TABLE.name);
    query.push(" ON details->'other_identifiers' @> wanted)");
    // However many namesakes there are, those come through whose own id an identifier names.
    query
        .push(" ORDER BY id = ANY(")
        .push_bind(ids)
        .push(") DESC, id LIMIT ");
    query.push_bind(MOST_NAMESAKES);
    let mut found: Vec<R> = query.build_query_as().fetch_all(pool).await?;
    found.sort_by_key(R::key);
    Ok(found)
}
