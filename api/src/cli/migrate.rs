//! `medconnect migrate`

use std::path::PathBuf;
use std::process::ExitCode;

use api_config::{DatabaseConfig, pools};
use api_server::ComposeError;
use clap::Args;

use super::{CliError, console};

/// Create or update the database's tables.
///
/// `medconnect serve` does so as well; this command is for those whose servers may not change tables. The database role of such a server
/// needs to read and write what is in the schemas `core` and `live`, now and after every rebuild. The role that runs this, and `medconnect rebuild`, grants that
/// once, beforehand:
///
///   ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO server;
///   ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO server;
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The configuration file; only `database` is read. MEDCONNECT_DATABASE__URL will do without one.
    #[arg(long, short, value_name = "FILE", env = "MEDCONNECT_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let database = DatabaseConfig::read(arguments.config.as_deref())?;
    let pool = pools::for_long_work(&database).map_err(ComposeError::from)?;
    api_server::migrate(&pool).await?;
    pool.close().await;
    console::note("the database is up to date");
    Ok(ExitCode::SUCCESS)
}
