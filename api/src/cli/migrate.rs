//! `medconnect migrate`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use infrastructure::postgres::{self, LIVE};
use secrecy::ExposeSecret;

use super::{CliError, console};
use crate::config::DatabaseConfig;

/// Create or update the database's tables. `medconnect serve` does so as well; this is for those who give servers no right to.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file; only `database` is read. MEDCONNECT_DATABASE__URL will do without one.
    #[arg(long, short, value_name = "FILE", env = "MEDCONNECT_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let database = DatabaseConfig::read(arguments.config.as_deref())?;
    let pool = postgres::pool(database.url.expose_secret(), LIVE, 1)?;
    postgres::migrate(&pool).await?;
    pool.close().await;
    console::note("the database is up to date");
    Ok(ExitCode::SUCCESS)
}
