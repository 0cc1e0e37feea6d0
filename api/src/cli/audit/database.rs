//! The database of an audit with keys: whether it can be used, and what is said where it cannot.

use std::error::Error;

use api_server::ComposeError;
use infrastructure::keys::{MasterSecret, keeping};
use infrastructure::postgres::Scratch;
use sqlx::PgPool;

use super::CliError;

/// How Postgres says that a role lacks a right.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// The classes of what Postgres says when it ends, or does not begin, to serve: connections, and what an operator does.
const GONE: [&str; 2] = ["08", "57P"];

/// Makes sure that the database is not used with another secret: under another one the whole log looks like somebody else's. Nothing is written.
pub(super) async fn confirm_secret(pool: &PgPool, secret: &MasterSecret) -> Result<(), CliError> {
    let is_anothers = keeping::is_used_with_another(pool, secret).await;
    if is_anothers.map_err(|error| told(error.into()))? {
        return Err(ComposeError::OtherSecret.into());
    }
    Ok(())
}

/// Makes sure that something can be folded beside what is live.
pub(super) async fn confirm_room(pool: &PgPool) -> Result<(), CliError> {
    let may = Scratch::may_be_made(pool).await.map_err(|error| told(error.into()))?;
    let cannot = || CliError::RoleMayNot("it may not create schemas".to_owned());
    may.then_some(()).ok_or_else(cannot)
}

/// An error in one sentence that says what to do, if it is the database that does not answer or does not let the role.
pub(super) fn told(error: CliError) -> CliError {
    match refusal(&error) {
        Some(sqlx::Error::Database(refused)) => {
            let code = refused.code().unwrap_or_default();
            // Not what it says of rows.
            match code.as_ref() {
                INSUFFICIENT_PRIVILEGE => CliError::RoleMayNot(refused.message().to_owned()),
                code if GONE.iter().any(|class| code.starts_with(class)) => {
                    CliError::NoDatabase(refused.message().to_owned())
                }
                _ => error,
            }
        }
        Some(
            gone @ (sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)),
        ) => CliError::NoDatabase(gone.to_string()),
        _ => error,
    }
}

/// What the database is behind, wherever in the causes it stands.
fn refusal(error: &CliError) -> Option<&sqlx::Error> {
    let first: &(dyn Error + 'static) = match error {
        CliError::Other(other) => other.as_ref(),
        other => other,
    };
    let mut cause = Some(first);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use infrastructure::follower::{FollowerError, RebuildError};

    use super::*;

    #[test]
    fn a_database_that_is_gone_is_found_behind_every_error() {
        let gone = || sqlx::Error::PoolTimedOut;
        let follower = || FollowerError::from(gone());
        for error in [
            CliError::from(gone()),
            CliError::other(follower()),
            CliError::other(RebuildError::from(follower())),
            CliError::from(api_audit::AuditError::Opening(follower())),
        ] {
            let said = told(error).to_string();
            assert!(said.contains("see that Postgres runs"), "{said}");
        }
        let other = told(CliError::Stopped);
        assert!(matches!(other, CliError::Stopped), "{other}");
    }
}
