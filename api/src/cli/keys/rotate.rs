//! `medconnect keys rotate`

use std::process::ExitCode;

use api_config::KeysConfig;
use clap::Args;
use infrastructure::keys::KeyRing;

use super::{CliError, ConfigFile, console};

#[derive(Debug, Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    config: ConfigFile,
}

impl Rotate {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let pool = self.config.database()?;
        let keys = KeysConfig::read(self.config.path().as_deref())?.encryption_keys()?;
        let current = keys.current_id().to_owned();
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
