//! `medconnect migrate`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{CliError, console};
use crate::compose;
use crate::config::DatabaseConfig;

/// Create or update the database's tables.
///
/// `medconnect serve` does so as well; this is for those who give servers no right to. A server's role then needs no more than
///
///   GRANT USAGE ON SCHEMA core, live TO server;
///   GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA core, live TO server;
///
/// and the same again after an update of the program and after `medconnect rebuild`, which makes `live` anew.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// The configuration file; only `database` is read. MEDCONNECT_DATABASE__URL will do without one.
    #[arg(long, short, value_name = "FILE", env = "MEDCONNECT_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let database = DatabaseConfig::read(arguments.config.as_deref())?;
    let pool = compose::pool(&database)?;
    compose::migrate(&pool).await?;
    pool.close().await;
    console::note("the database is up to date");
    Ok(ExitCode::SUCCESS)
}
