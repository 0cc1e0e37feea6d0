//! `medconnect keys`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use infrastructure::keys::KeyRing;

use super::{CliError, console};
use crate::config::{DatabaseConfig, KeysConfig};
use crate::pools;

/// Look after the keys that protect what concerns a person.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Wrap every patient's key again, under the current key-encryption key.
    ///
    /// To change the key-encryption key: make the new one `keys.encryption` and put the old one into `keys.former`, on every server,
    /// and restart them. Then run this. Then the old one can go from `keys.former`.
    ///
    /// Servers go on meanwhile. It can be stopped and run again at any time, and changes nothing when there is nothing to do.
    #[command(verbatim_doc_comment)]
    Rotate(Rotate),
}

#[derive(Debug, Args)]
struct Rotate {
    /// The configuration file; only `database` and `keys` are read, and the environment will do without one
    #[arg(long, short, value_name = "FILE", env = "MEDCONNECT_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    match arguments.command {
        Command::Rotate(rotate) => rotate.run().await,
    }
}

impl Rotate {
    async fn run(self) -> Result<ExitCode, CliError> {
        let file = self.config.as_deref();
        let database = DatabaseConfig::read(file)?;
        let keys = KeysConfig::read(file)?.encryption_keys()?;
        let current = keys.current_id().to_owned();
        let pool = pools::for_long_work(&database)?;
        let bar = console::bar();
        bar.set_message("wrapping");
        let rewrapped = KeyRing::new(pool.clone(), keys)
            .rewrap(|done, total| {
                bar.set_length(total);
                bar.set_position(done);
            })
            .await;
        bar.finish_and_clear();
        let rewrapped = rewrapped.map_err(CliError::other)?;
        pool.close().await;
        console::result(format!(
            "{rewrapped} keys were wrapped again; all are under {current:?} now"
        ));
        Ok(ExitCode::SUCCESS)
    }
}
