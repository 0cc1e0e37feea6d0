//! `medconnect keys epoch`

use std::process::ExitCode;
use std::sync::Arc;

use api_config::ChainConfig;
use clap::Args;
use infrastructure::follower::Published;
use infrastructure::keys::{KeyRing, Prepared, keeping};

use super::{CliError, ConfigFile, console, unusable};

#[derive(Debug, Args)]
pub(super) struct Epoch {
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Epoch {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let (master, encryption) = self.config.secrets()?;
        let chain = ChainConfig::read(self.config.path().as_deref())?;
        let pool = self.config.database()?;
        if let Some(why) = unusable(&pool, chain.location()).await.map_err(CliError::other)? {
            return Err(CliError::Usage(why.to_owned()));
        }
        if !keeping::is_used_with(&pool, &master).await.map_err(CliError::other)? {
            return Err(CliError::Usage(
                "the database is used with another master secret than `keys.master_secret`".to_owned(),
            ));
        }
        if let Some(error) = keeping::wrong_encryption_key(&pool, &encryption)
            .await
            .map_err(CliError::other)?
        {
            return Err(CliError::Usage(format!("`keys.encryption` is not right: {error}")));
        }
        let published = Published::of_journal(&pool).await.map_err(CliError::other)?;
        let latest = published.epochs(chain.namespace).map(|(number, _)| number).max();
        let next = latest.unwrap_or_default().saturating_add(1);
        let ring = Arc::new(KeyRing::new(pool.clone(), encryption));
        let prepared = ring.prepare_epoch(next).await.map_err(CliError::other)?;
        pool.close().await;
        console::result(if self.json {
            json(&prepared)
        } else {
            told(&prepared, &chain)
        });
        Ok(ExitCode::SUCCESS)
    }
}

fn named(prepared: &Prepared) -> String {
    format!("{}:{}", prepared.number, hex::encode(prepared.commitment))
}

fn json(prepared: &Prepared) -> String {
    serde_json::json!({
        "number": prepared.number,
        "commitment": hex::encode(prepared.commitment),
        "isNew": prepared.is_new,
    })
    .to_string()
}

fn told(prepared: &Prepared, chain: &ChainConfig) -> String {
    let what = if prepared.is_new {
        "was made"
    } else {
        "was made before, and is not published yet"
    };
    let (number, namespace) = (prepared.number, chain.namespace);
    format!(
        "the secret of epoch {number} {what}. Now take a backup (`medconnect keys backup`), restore it in every other database that follows the log \
         (`medconnect keys restore`), and then have the namespace's owner run\n\n  medconnect namespace publish --node URL --contract {} --namespace {namespace} \
         --epoch {} --key-file FILE",
        chain.contract,
        named(prepared)
    )
}
