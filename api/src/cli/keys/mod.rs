//! `medconnect keys`

mod backup;
mod check;
mod epoch;
mod erase;
mod passphrase;
mod restore;
mod rotate;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use api_config::{ChainConfig, ConfigError, DatabaseConfig, KeysConfig, pools};
use api_dev::running;
use api_server::ComposeError;
use clap::{Args, Subcommand};
use infrastructure::follower::{self, FollowerError};
use infrastructure::keys::{KeyEncryptionKeys, LogSecrets, MasterSecret};
use infrastructure::log::LogLocation;
use infrastructure::postgres;
use projections::ReadModels;
use sqlx::PgPool;

use super::{CliError, console};

/// Look after the keys that protect what concerns a person.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Wrap every data subject's key, and every epoch's secret, again, under the current key-encryption key.
    ///
    /// To change the key-encryption key: put the new one into `keys.former` on every server, and restart them. Then make it
    /// `keys.encryption` and put the old one into `keys.former`, on every server, and restart them. Then run this. Then take a new
    /// backup. Then the old one can go from `keys.former`. Where there is one server, the first step is not needed.
    ///
    /// Servers go on meanwhile. It can be stopped and run again at any time, and changes nothing when there is nothing to do.
    #[command(verbatim_doc_comment)]
    Rotate(rotate::Rotate),
    /// Write all secrets and keys into one file, sealed under a passphrase.
    ///
    /// With the chain, this file and its passphrase are all that is needed to have everything back, but for the secrets of namespaces that are shared: keep the
    /// files of `chain.shared` beside it. Take it often: who was registered
    /// after it has no key in it. docs/operations.md says how often.
    #[command(verbatim_doc_comment)]
    Backup(backup::Backup),
    /// Put the keys of a backup into the database.
    ///
    /// Nothing that is there is changed; another key of the same name is refused. Restoring again changes nothing.
    #[command(verbatim_doc_comment)]
    Restore(restore::Restore),
    /// See whether every key is there that the log needs, whether the secrets are the right ones, and whether a backup is whole.
    ///
    /// Exit code 0: all is well; 1: something is missing or wrong; 2: it was asked for in a way that cannot work.
    #[command(verbatim_doc_comment)]
    Check(check::Check),
    /// Make the secret of the namespace's next epoch: the owner publishes it, and from there on events are sealed under it.
    ///
    /// So whoever got to know a former secret (the first one is the master secret) reads nothing that is sealed later; but streams can still be told by their names
    /// with the master secret, which never changes. This makes the secret and keeps it in the database; `medconnect namespace publish` makes it valid, with the
    /// owner's key. Until then it can be run again, and says the same.
    #[command(verbatim_doc_comment)]
    Epoch(epoch::Epoch),
    /// Erase somebody for ever: a patient, a practitioner, or a person of the staff.
    ///
    /// The log gets an event that ends their stream and closes their account. Once it is final, their keys are destroyed, so that
    /// nothing about them in the log can be read any more, here or anywhere; and the database's tables are rewritten without them. A server that runs
    /// on the database does all of it, and this waits for it; stopped, it goes on without this.
    ///
    /// It cannot be undone. Backups taken before are not changed: docs/operations.md says what to do with them.
    #[command(verbatim_doc_comment)]
    Erase(erase::Erase),
}

/// The configuration file.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file; only `database`, `chain` and `keys` are read, and the environment will do without one
    #[arg(long, short, value_name = "FILE", env = "MEDCONNECT_CONFIG")]
    config: Option<PathBuf>,
    /// The data directory of a `medconnect dev` that runs, instead of a configuration file
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    data_dir: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    match arguments.command {
        Command::Rotate(rotate) => rotate.run().await,
        Command::Backup(backup) => backup.run().await,
        Command::Restore(restore) => restore.run().await,
        Command::Check(check) => check.run().await,
        Command::Epoch(epoch) => epoch.run().await,
        Command::Erase(erase) => erase.run().await,
    }
}

impl ConfigFile {
    fn path(&self) -> Option<PathBuf> {
        let of_dev = self.data_dir.as_deref().map(running::server_config);
        of_dev.or_else(|| self.config.clone())
    }

    fn database(&self) -> Result<PgPool, CliError> {
        let database = DatabaseConfig::read(self.path().as_deref())?;
        Ok(pools::for_long_work(&database).map_err(ComposeError::from)?)
    }

    /// The secrets under which the log is read.
    fn log_secrets(&self, own: &MasterSecret) -> Result<LogSecrets, ConfigError> {
        ChainConfig::read(self.path().as_deref())?.log_secrets(own.clone())
    }

    fn log(&self) -> Result<LogLocation, ConfigError> {
        Ok(ChainConfig::read(self.path().as_deref())?.location())
    }

    fn secrets(&self) -> Result<(MasterSecret, KeyEncryptionKeys), ConfigError> {
        let keys = KeysConfig::read(self.path().as_deref())?;
        Ok((keys.master_secret()?, keys.encryption_keys()?))
    }
}

/// A file longer than this is refused rather than read into memory: it has the keys of millions.
const LONGEST: u64 = 1 << 30;

fn read_text(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = File::open(file)?.take(LONGEST).read_to_string(&mut text)?;
    if read as u64 == LONGEST {
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            "it is longer than 1 GiB",
        ));
    }
    Ok(text)
}

fn read(file: &Path) -> Result<String, CliError> {
    read_text(file).map_err(|source| CliError::File {
        action: "read",
        path: file.to_owned(),
        source,
    })
}

/// Why the database cannot be used for what rests on the log.
async fn unusable(pool: &PgPool, log: LogLocation) -> Result<Option<&'static str>, FollowerError> {
    if !postgres::is_current(pool).await? || !follower::is_current(pool, &ReadModels).await? {
        return Ok(Some(
            "the database's tables are of another version of medconnect: bring them up first, as `medconnect serve` or `medconnect migrate` does, and \
             `medconnect rebuild` where it asks for that",
        ));
    }
    let followed = follower::followed(pool).await?;
    let is_followed = followed.is_some_and(|followed| followed.location == log);
    let other = "the database (`database.url`) is not one that a server has followed this log into";
    Ok((!is_followed).then_some(other))
}
