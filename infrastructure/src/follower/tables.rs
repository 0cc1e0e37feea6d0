//! The follower's own tables.

use sqlx::PgConnection;

pub(super) const TABLES: &str = include_str!("schema.sql");
pub(super) const INDEXES: &str = include_str!("indexes.sql");

/// Makes a table's changes undoable. What is parked, or was, is undone with the journal; but another try at it may be undone by itself.
pub(super) const UNDOABLE: &str = "
    CREATE OR REPLACE TRIGGER undo AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW
    WHEN (current_setting('medconnect.undo_block', true) <> '') EXECUTE FUNCTION record_undo()";

/// Everything here that makes a schema what it is.
pub(super) const SQL: [&str; 3] = [TABLES, INDEXES, UNDOABLE];

/// Whether the schema that comes first in the search path has the follower's tables.
pub(super) async fn exists(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    has_table(connection, "checkpoint").await
}

/// Whether the schema that comes first in the search path has a table of this name.
pub(super) async fn has_table(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    // A schema that does not exist yet is not the current one: the next in the path would be looked at.
    sqlx::query_scalar(
        "SELECT to_regclass(format('%I.%I', split_part(current_setting('search_path'), ',', 1), $1)) IS NOT NULL",
    )
    .bind(name)
    .fetch_one(connection)
    .await
    .map(|exists: Option<bool>| exists.unwrap_or(false))
}
