//! Whether the secret that is configured is that of the database: under another one the whole log looks like somebody else's.

use api_server::ComposeError;
use infrastructure::keys::{MasterSecret, keeping};
use sqlx::PgPool;

use super::CliError;

/// Makes sure that the database is not used with another secret. Nothing is written.
pub(super) async fn confirm(pool: &PgPool, secret: &MasterSecret) -> Result<(), CliError> {
    if keeping::is_used_with_another(pool, secret).await? {
        return Err(ComposeError::OtherSecret.into());
    }
    Ok(())
}
