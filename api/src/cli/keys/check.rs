//! `medconnect keys check`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use infrastructure::follower::{self, CheckedKeys, SharedFindings};
use infrastructure::keys::KeyRing;
use infrastructure::keys::backup::Backup;
use infrastructure::keys::keeping::Findings;
use infrastructure::sealing::Opener;

use super::passphrase::Passphrase;
use super::{CliError, ConfigFile, console};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// A backup file to check as well
    file: Option<PathBuf>,
    /// Fail also when keys are newer than the backup
    #[arg(long, requires = "file")]
    newest: bool,
    #[command(flatten)]
    passphrase: Passphrase,
    #[command(flatten)]
    config: ConfigFile,
}

impl Check {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let (master, encryption) = self.config.secrets()?;
        let (log, pool) = (self.config.log()?, self.config.database()?);
        let backup = match &self.file {
            Some(file) => {
                let backup = Backup::open(&super::read(file)?, &self.passphrase.read()?).map_err(CliError::other)?;
                backup.belongs(log, &master).map_err(CliError::other)?;
                Some(backup)
            }
            None => None,
        };
        let ring = KeyRing::new(pool.clone(), encryption.clone());
        let opener = Opener::new(log, self.config.log_secrets(&master)?, Arc::new(ring));
        let findings = follower::check_keys(&pool, opener, &master, &encryption, backup.as_ref()).await;
        let checked = findings.map_err(CliError::other)?;
        let findings = &checked.own;
        pool.close().await;
        tell(findings);
        tell_of_shared(&checked);
        let newer = findings
            .backup
            .map_or(0, |backup| backup.newer.saturating_add(backup.newer_epochs));
        let well = checked.all_is_well() && !(self.newest && newer > 0);
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn tell_of_shared(checked: &CheckedKeys) {
    if checked.shared != SharedFindings::default() {
        console::result(&checked.shared);
    }
    for (namespace, epoch) in &checked.missing_shared {
        console::result(format!(
            "`chain.shared` has not the secret of epoch {epoch} of the namespace {namespace}, or another one than the log has published"
        ));
    }
}

fn tell(findings: &Findings) {
    console::result(format!(
        "{} keys in the database, {} of them do not open as `keys` is configured, {} are destroyed",
        findings.keys, findings.unopened, findings.destroyed
    ));
    console::result(format!(
        "{} events of ours in the journal, {} of others; {} keys are missing that ours are under",
        findings.events, findings.foreign_events, findings.missing
    ));
    if findings.shared_events > 0 {
        console::result(format!(
            "{} events of others in calendars that are shared; they need no key of ours",
            findings.shared_events
        ));
    }
    if findings.epochs + findings.missing_epochs > 0 {
        console::result(format!(
            "{} secrets of epochs in the database; those of {} epochs are missing that the log has published",
            findings.epochs, findings.missing_epochs
        ));
    }
    if findings.events == 0 && findings.foreign_events > 0 {
        console::result("no event is ours: is `keys.master_secret` this organisation's?");
    }
    let Some(backup) = &findings.backup else { return };
    console::result(format!(
        "{} keys in the backup, {} of them do not open under its own; {} keys of the database are newer",
        backup.keys, backup.unopened, backup.newer
    ));
    if backup.epochs + backup.newer_epochs + backup.lost_epochs > 0 {
        console::result(format!(
            "{} secrets of epochs in the backup; {} of the database are newer; those of {} published epochs neither has",
            backup.epochs, backup.newer_epochs, backup.lost_epochs
        ));
    }
    if backup.restorable > 0 {
        console::result(format!(
            "{} keys of the backup are not in the database: `medconnect keys restore` puts them there",
            backup.restorable
        ));
    }
    if backup.lost > 0 {
        console::result(format!(
            "{} keys are missing that the backup does not have either",
            backup.lost
        ));
    }
}
