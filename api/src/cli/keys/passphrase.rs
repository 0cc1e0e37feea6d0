//! The passphrase of a backup: from a file or the environment, never from the command line, which others can see.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use super::CliError;

/// Where it stands in the environment.
const VARIABLE: &str = "MEDCONNECT_BACKUP_PASSPHRASE";

#[derive(Debug, Args)]
pub(super) struct Passphrase {
    /// A file with the passphrase, at least 12 characters. MEDCONNECT_BACKUP_PASSPHRASE will do without one
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    pub(super) fn read(&self) -> Result<SecretString, CliError> {
        let text = match &self.passphrase_file {
            Some(file) => super::read(file)?,
            None => std::env::var(VARIABLE).map_err(|_| {
                CliError::Usage(format!(
                    "give the backup's passphrase with --passphrase-file or {VARIABLE}"
                ))
            })?,
        };
        Ok(text.trim_end_matches(['\n', '\r']).into())
    }
}
