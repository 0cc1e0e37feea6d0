//! `medconnect keys restore`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use infrastructure::keys::backup::Backup;
use infrastructure::keys::keeping;

use super::backup::write_new;
use super::passphrase::Passphrase;
use super::{CliError, ConfigFile, console};

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup file to restore
    file: PathBuf,
    /// Write the master secret and the key-encryption keys into files in this folder first, where the configuration looks for them:
    /// `master.key`, and `encryption-NAME.key` for each
    #[arg(long, value_name = "FOLDER")]
    secrets_to: Option<PathBuf>,
    #[command(flatten)]
    passphrase: Passphrase,
    #[command(flatten)]
    config: ConfigFile,
}

impl Restore {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let backup = Backup::open(&super::read(&self.file)?, &self.passphrase.read()?).map_err(CliError::other)?;
        let (log, pool) = (self.config.log()?, self.config.database()?);
        backup.belongs(log, &backup.master).map_err(CliError::other)?;
        if let Some(folder) = &self.secrets_to {
            write_secrets(folder, &backup)?;
        }
        let (master, encryption) = self.config.secrets().map_err(|error| match &self.secrets_to {
            Some(folder) => CliError::Usage(format!(
                "the secrets of the backup are in {} now, but the configuration does not take them from there: {error}",
                folder.display()
            )),
            None => error.into(),
        })?;
        backup.belongs(log, &master).map_err(CliError::other)?;
        keeping::confirm_opens(&backup, &encryption).map_err(|error| {
            CliError::Usage(format!(
                "the keys of the backup do not open as `keys` is configured: {error}"
            ))
        })?;
        api_server::migrate(&pool).await?;
        let restored = keeping::restore(&pool, &backup, &encryption).await;
        let restored = restored.map_err(CliError::other)?;
        pool.close().await;
        console::result(format!(
            "{} keys were restored, {} were there already, {} were destroyed; the backup is of {}, as of position {}",
            restored.added, restored.known, restored.destroyed, backup.taken_at, backup.position
        ));
        if restored.epochs > 0 {
            console::result(format!("{} secrets of epochs were restored", restored.epochs));
        }
        if restored.reads > 0 {
            console::result(format!(
                "{} noted reads were restored; a server puts those into the log that it does not have",
                restored.reads
            ));
        }
        if restored.outlived > 0 {
            console::result(format!(
                "{} keys of the backup stay destroyed here; it still holds them: take a new one, and destroy this",
                restored.outlived
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write_secrets(folder: &Path, backup: &Backup) -> Result<(), CliError> {
    std::fs::create_dir_all(folder).map_err(|source| CliError::File {
        action: "make",
        path: folder.to_owned(),
        source,
    })?;
    keep(&folder.join("master.key"), &backup.master.to_hex())?;
    for key in &backup.encryption {
        // A name is the operator's own word, and must not lead elsewhere.
        let plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
        let name: String = key.id().chars().map(|one| if plain(one) { one } else { '_' }).collect();
        keep(&folder.join(format!("encryption-{name}.key")), &key.to_hex())?;
    }
    Ok(())
}

/// Writes a secret's file, unless the same stands there.
fn keep(path: &Path, secret: &str) -> Result<(), CliError> {
    match std::fs::read_to_string(path) {
        Ok(there) if there.trim() == secret => Ok(()),
        Ok(_) => Err(CliError::Usage(format!(
            "{} holds another secret; nothing is overwritten",
            path.display()
        ))),
        Err(_) => write_new(path, format!("{secret}\n").as_bytes()),
    }
}
