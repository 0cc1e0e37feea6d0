//! Creating the schema that the follower fills.

use application::projector::Projector;
use sqlx::{Executor, PgConnection, PgPool};

use super::FollowerError;
use crate::postgres::LIVE;

const TABLES: &str = include_str!("schema.sql");

/// Whether the schema that comes first in the search path has the follower's tables.
async fn exists(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // A schema that does not exist yet is not the current one: the next in the path would be looked at.
    sqlx::query_scalar(
        "SELECT to_regclass(format('%I.checkpoint', split_part(current_setting('search_path'), ',', 1))) IS NOT NULL",
    )
    .fetch_one(connection)
    .await
    .map(|exists: Option<bool>| exists.unwrap_or(false))
}

/// Makes sure that the live schema is there. Several processes may do so at once.
///
/// # Errors
/// When the database refuses.
pub async fn prepare<P>(pool: &PgPool, projector: &P) -> Result<(), FollowerError>
where
    P: Projector<Connection = PgConnection>,
{
    let mut transaction = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('medconnect.live'))")
        .execute(&mut *transaction)
        .await?;
    if !exists(&mut transaction).await? {
        create(&mut transaction, LIVE, projector).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Creates journal, checkpoint and read models in `schema`, with the triggers that make read models undoable. All or nothing.
///
/// # Errors
/// When the database refuses.
pub async fn create<P>(connection: &mut PgConnection, schema: &str, projector: &P) -> Result<(), FollowerError>
where
    P: Projector<Connection = PgConnection>,
{
    // The name is one of two constants of ours; it is quoted all the same.
    let schema = schema.replace('"', "\"\"");
    connection
        .execute(format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"").as_str())
        .await?;
    connection.execute(TABLES).await?;
    projector
        .create(connection)
        .await
        .map_err(|error| FollowerError::Projector(Box::new(error)))?;
    for table in projector.tables() {
        let trigger = format!(
            "CREATE TRIGGER undo AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW \
             WHEN (current_setting('medconnect.undo_block', true) <> '') EXECUTE FUNCTION record_undo()"
        );
        connection.execute(trigger.as_str()).await?;
    }
    Ok(())
}
