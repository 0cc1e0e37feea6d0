//! Whether two databases, or two schemas of one, show the same.

use std::sync::Arc;

use application::ports::queries::{ProjectionHash, Queries, QueryError};
use infrastructure::clock::SystemClock;
use projections::PgQueries;
use sqlx::PgPool;

/// What the read models hold that a pool's search path finds, each by its hash; all at one position.
pub(super) async fn hashes(pool: PgPool) -> Result<Vec<ProjectionHash>, QueryError> {
    PgQueries::new(pool, Arc::new(SystemClock)).content_hashes().await
}

/// Whether a read model is among others as it is.
pub(super) fn has(others: &[ProjectionHash], one: &ProjectionHash) -> bool {
    others
        .iter()
        .any(|other| other.name == one.name && other.hash == one.hash)
}
