//! Creating the schema that the follower fills.

use application::ports::projector::Projector;
use sqlx::{Executor, PgConnection, PgPool};

use super::schema_hash::SchemaHash;
use super::tables::{INDEXES, TABLES, UNDOABLE, exists};
use super::{FollowerError, erasures};
use crate::postgres::LIVE;

/// Makes sure that the schema that comes first in the search path, or the live one, is there and is what this program makes of
/// it. Several processes may do so at once. Nothing needs the right to create anything if nothing is missing.
///
/// # Errors
/// [`FollowerError::OtherShape`] when another version of the program made it; or when the database refuses.
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
    } else if !SchemaHash::of(projector).is_of(&mut transaction).await? {
        return Err(FollowerError::OtherShape);
    }
    transaction.commit().await?;
    Ok(())
}

/// Creates journal, checkpoint and read models in `schema`, complete. All or nothing, in the caller's transaction.
///
/// # Errors
/// When the database refuses.
pub async fn create<P>(connection: &mut PgConnection, schema: &str, projector: &P) -> Result<(), FollowerError>
where
    P: Projector<Connection = PgConnection>,
{
    create_tables(connection, schema, projector).await?;
    complete(connection, projector).await
}

/// Creates the tables in `schema`, with what filling them needs; [`complete`] does the rest.
pub(super) async fn create_tables<P>(
    connection: &mut PgConnection,
    schema: &str,
    projector: &P,
) -> Result<(), FollowerError>
where
    P: Projector<Connection = PgConnection>,
{
    // The name is of our own making; it is quoted all the same.
    let quoted = schema.replace('"', "\"\"");
    // Asked for first: the statement needs the right to create schemas even if there is nothing to create.
    let missing: bool = sqlx::query_scalar("SELECT to_regnamespace(quote_ident($1)) IS NULL")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
    if missing {
        connection
            .execute(format!("CREATE SCHEMA IF NOT EXISTS \"{quoted}\"").as_str())
            .await?;
    }
    connection.execute(TABLES).await?;
    sqlx::query("INSERT INTO shape (hash) VALUES ($1)")
        .bind(SchemaHash::of(projector).bytes().as_slice())
        .execute(&mut *connection)
        .await?;
    projector.create(connection).await.map_err(projector_error)
}

/// What filling the tables does not need: indexes, rows that follow from others, and what makes read models undoable. Again is
/// harmless.
async fn complete<P>(connection: &mut PgConnection, projector: &P) -> Result<(), FollowerError>
where
    P: Projector<Connection = PgConnection>,
{
    complete_journal(connection).await?;
    complete_read_models(connection, projector).await
}

/// As [`complete`], for the journal alone.
pub(super) async fn complete_journal(connection: &mut PgConnection) -> Result<(), FollowerError> {
    Ok(connection.execute(INDEXES).await.map(drop)?)
}

/// As [`complete`], for the read models alone.
pub(super) async fn complete_read_models<P>(connection: &mut PgConnection, projector: &P) -> Result<(), FollowerError>
where
    P: Projector<Connection = PgConnection>,
{
    let erased = erasures::subjects(&mut *connection).await?;
    projector.complete(connection, &erased).await.map_err(projector_error)?;
    for table in projector.tables().iter().chain(&["parked", "released"]) {
        connection.execute(UNDOABLE.replace("{table}", table).as_str()).await?;
    }
    Ok(())
}

fn projector_error(error: impl std::error::Error + Send + Sync + 'static) -> FollowerError {
    FollowerError::Projector(Box::new(error))
}
