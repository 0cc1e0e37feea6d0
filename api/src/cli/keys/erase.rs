//! `medconnect keys erase`

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use infrastructure::erasing::{self, DataSubject, Standing};
use infrastructure::follower::FollowerError;
use sqlx::PgPool;
use tokio::time::{Instant, sleep};

use super::{CliError, ConfigFile, console, unusable};

/// How often it is looked how far the erasure is.
const LOOK: Duration = Duration::from_millis(500);

/// How long a server is waited for.
const SERVED_WITHIN: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub(super) struct Erase {
    /// Whom: `patient/<id>`, `practitioner/<id>`, or `account/<id>` for a person of the staff
    #[arg(value_name = "SUBJECT", value_parser = subject)]
    subject: DataSubject,
    /// Do not ask whether it is meant
    #[arg(long)]
    yes: bool,
    /// Only ask for it; whichever server runs on the database carries it through
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// What the database did not let be done; and whether the request is stored.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error("nothing was asked for, as the database cannot be used: {0}")]
    Before(FollowerError),
    #[error(
        "whether the request is stored is not known ({0}): run this again when the database answers; it is asked for once"
    )]
    Asking(sqlx::Error),
    #[error(
        "the request is stored, and any server on the database carries it through; how far it is cannot be seen now ({0}): run this again to wait for it"
    )]
    After(sqlx::Error),
}

fn subject(text: &str) -> Result<DataSubject, String> {
    let wrong = |_| "must be patient/<id>, practitioner/<id> or account/<id>, with a UUID".to_owned();
    text.parse().map_err(wrong)
}

impl Erase {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        self.confirm()?;
        let (log, pool) = (self.config.log()?, self.config.database()?);
        let unusable = unusable(&pool, log).await;
        if let Some(why) = unusable.map_err(|error| CliError::other(Interrupted::Before(error)))? {
            return Err(CliError::Usage(why.to_owned()));
        }
        let asked = erasing::ask(&pool, self.subject).await;
        asked.map_err(|error| match error {
            // It has said no.
            refused @ sqlx::Error::Database(_) => CliError::other(Interrupted::Before(refused.into())),
            broken => CliError::other(Interrupted::Asking(broken)),
        })?;
        if self.no_wait {
            console::result("asked for; whichever server runs on the database carries it through");
            return Ok(ExitCode::SUCCESS);
        }
        let done = self.wait(&pool).await;
        pool.close().await;
        done
    }

    fn confirm(&self) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err(CliError::Usage(
                "nobody can be asked here whether it is meant: give --yes".to_owned(),
            ));
        }
        console::note(format!(
            "What concerns {} will be unreadable for ever, to everybody. Type it again to go on:",
            self.subject
        ));
        let failed = |error| CliError::other(error);
        std::io::stderr().flush().map_err(failed)?;
        let mut typed = String::new();
        std::io::stdin().read_line(&mut typed).map_err(failed)?;
        match typed.trim().parse::<DataSubject>() {
            Ok(typed) if typed == self.subject => Ok(()),
            _ => Err(CliError::Usage("that is somebody else; nothing was done".to_owned())),
        }
    }

    async fn wait(&self, pool: &PgPool) -> Result<ExitCode, CliError> {
        let unseen = |error| CliError::other(Interrupted::After(error));
        let began = Instant::now();
        let mut told: Option<Standing> = None;
        loop {
            let standing = erasing::standing(pool, self.subject).await.map_err(unseen)?;
            match &standing {
                Standing::Refused(why) => {
                    return Err(CliError::other(std::io::Error::other(format!("it is not done: {why}"))));
                }
                Standing::Purged { left } => {
                    tell_purged(left);
                    return Ok(ExitCode::SUCCESS);
                }
                Standing::Waiting { is_served: false, .. } if began.elapsed() > SERVED_WITHIN => {
                    console::result("no server runs on the database: it is done as soon as one does");
                    return Ok(ExitCode::FAILURE);
                }
                // The server's role may not; the one that is configured here, perhaps.
                Standing::Destroyed { left } if !left.is_empty() => {
                    if !erasing::purge(pool).await.map_err(unseen)? {
                        console::result(format!(
                            "the keys are destroyed; what they had sealed may still stand in the database's files ({left}): run this once \
                             more, as the tables' owner, when nothing else is under way"
                        ));
                        return Ok(ExitCode::FAILURE);
                    }
                }
                _ if told.as_ref() == Some(&standing) => {}
                Standing::Waiting { why: None, .. } => console::note("waiting for a server to carry it through"),
                Standing::Waiting { why: Some(why), .. } => {
                    console::note(format!("a server has tried, and will again: {why}"));
                }
                Standing::Logged => console::note("the log has it; waiting until it is final"),
                Standing::Final => console::note("it is final; the keys are being destroyed"),
                Standing::Destroyed { .. } => {
                    console::note("the keys are destroyed; the database's files are being rewritten");
                }
            }
            told = Some(standing);
            sleep(LOOK).await;
        }
    }
}

fn tell_purged(left: &str) {
    console::result("erased: the keys are destroyed, and the database's tables hold nothing of it");
    if !left.is_empty() {
        console::result(format!(
            "not for this database's role to purge, and left to you: {left} (docs/operations.md)"
        ));
    }
    console::result("backups of the keys that were taken before still hold them: take a new one, and destroy those");
}
