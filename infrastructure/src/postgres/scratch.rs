//! Schemas that end with whoever has them: what is in one is read by nobody else, and is dropped when it is done with; by the next one, if its owner
//! died. Several stand side by side.

use sqlx::{Connection as _, Executor as _, PgConnection, PgPool};
use uuid::Uuid;

use super::limits::{ANSWER, LONG_STEP, within};

/// What the names of these schemas begin with.
const PREFIX: &str = "audit_";

/// What is said of these schemas in the database. One that has such a name and not this comment is somebody else's.
const MARK: &str = "made by medconnect audit; the next one drops it if it is left";

/// The schemas that are there, by their names.
const ALL: &str = "SELECT nspname::text FROM pg_namespace
     WHERE nspname ~ '^audit_[0-9a-f]{32}$' AND obj_description(oid, 'pg_namespace') = $1";
/// A lock on a schema's name, for as long as its owner's connection lives.
const LOCK: &str = "SELECT pg_try_advisory_lock(hashtext('medconnect.audit'), hashtext($1))";
const UNLOCK: &str = "SELECT pg_advisory_unlock(hashtext('medconnect.audit'), hashtext($1))";

/// A schema of one's own. See the module.
#[derive(Debug)]
pub struct Scratch {
    name: String,
    /// It holds the lock.
    connection: PgConnection,
}

impl Scratch {
    /// Whether a pool's role may make one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn may_be_made(pool: &PgPool) -> Result<bool, sqlx::Error> {
        let sql = "SELECT has_database_privilege(current_database(), 'CREATE')";
        within(ANSWER, sqlx::query_scalar(sql).fetch_one(pool)).await
    }

    /// A new one, without tables; and drops what others have left.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn take(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let mut connection = within(ANSWER, pool.acquire()).await?.detach();
        within(LONG_STEP, sweep(&mut connection)).await?;
        let name = format!("{PREFIX}{}", Uuid::new_v4().simple());
        let lock = sqlx::query(LOCK).bind(&name).execute(&mut connection);
        within(ANSWER, lock).await?;
        // Both at once: what is not marked is not dropped by the next.
        let made = format!("CREATE SCHEMA \"{name}\"; COMMENT ON SCHEMA \"{name}\" IS '{MARK}'");
        within(ANSWER, connection.execute(made.as_str())).await?;
        Ok(Self { name, connection })
    }

    /// The name of the schema.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Drops it.
    ///
    /// # Errors
    /// When the database refuses: then the next one drops it.
    pub async fn end(mut self) -> Result<(), sqlx::Error> {
        let drop = async {
            drop_schema(&mut self.connection, &self.name).await?;
            // A connection that is only closed keeps its locks until the server has noticed.
            sqlx::query(UNLOCK)
                .bind(&self.name)
                .execute(&mut self.connection)
                .await?;
            self.connection.close().await
        };
        within(LONG_STEP, drop).await
    }
}

/// Drops the schemas whose owners are gone; `false` when one is in use, or the role may not.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn sweep(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let mut nobody_has_one = true;
    let names: Vec<String> = sqlx::query_scalar(ALL).bind(MARK).fetch_all(&mut *connection).await?;
    for name in names {
        let is_left: bool = sqlx::query_scalar(LOCK).bind(&name).fetch_one(&mut *connection).await?;
        let is_gone = is_left && drop_schema(connection, &name).await.is_ok();
        if is_left {
            sqlx::query(UNLOCK).bind(&name).execute(&mut *connection).await?;
        }
        nobody_has_one &= is_gone;
    }
    Ok(nobody_has_one)
}

async fn drop_schema(connection: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    // The name is of our own making.
    let sql = format!("DROP SCHEMA IF EXISTS \"{name}\" CASCADE");
    connection.execute(sql.as_str()).await.map(drop)
}
