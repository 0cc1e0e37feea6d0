//! `medconnect keys backup`

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::Utc;
use clap::Args;
use infrastructure::keys::keeping;

use super::passphrase::Passphrase;
use super::{CliError, ConfigFile, console};

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to write; it must not exist
    file: PathBuf,
    #[command(flatten)]
    passphrase: Passphrase,
    #[command(flatten)]
    config: ConfigFile,
}

impl Backup {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let passphrase = self.passphrase.read()?;
        let (master, encryption) = self.config.secrets()?;
        let (log, pool) = (self.config.log()?, self.config.database()?);
        let backup = keeping::back_up(&pool, log, &master, &encryption, Utc::now()).await;
        let backup = backup.map_err(CliError::other)?;
        pool.close().await;
        let sealed = backup.seal(&passphrase).map_err(CliError::other)?;
        write_new(&self.file, sealed.as_bytes())?;
        console::result(format!(
            "{} keys and all secrets are in {}, as of position {}",
            backup.keys.len(),
            self.file.display(),
            backup.position
        ));
        if !backup.epochs.is_empty() {
            console::result(format!("{} secrets of epochs are among them", backup.epochs.len()));
        }
        if !backup.reads.is_empty() {
            console::result(format!(
                "{} reads that the log does not tell for good yet are among it",
                backup.reads.len()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes a file that only its owner can read, whole or not at all, and over no other.
pub(super) fn write_new(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let failed = |source| CliError::File {
        action: "write",
        path: path.to_owned(),
        source,
    };
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let written = (|| {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        // Unlike a renaming, this fails where there is a file.
        std::fs::hard_link(&unfinished, path)
    })();
    let removed = std::fs::remove_file(&unfinished);
    written.map_err(failed)?;
    removed.map_err(failed)
}
