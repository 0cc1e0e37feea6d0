//! `medconnect rebuild`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use api_config::Config;
use api_dev::data_dir::DataDir;
use api_dev::running;
use clap::Args;
use indicatif::ProgressBar;
use infrastructure::chain::{EventLog, Node, RpcOptions};
use infrastructure::follower::{
    FollowerConfig, Phase, Rebuild, RebuildProgress, SharedFindings, look_at_shared_namespaces,
};
use infrastructure::keys::KeyRing;
use infrastructure::postgres::{self, LIVE, Limits, REBUILD};
use infrastructure::sealing::Opener;
use projections::ReadModels;
use secrecy::ExposeSecret;

use super::{CliError, console, content};

/// How many connections a rebuild uses.
pub(super) const CONNECTIONS: u32 = 8;

/// Build the read models once more from the chain alone, check them, and swap them in while reads go on.
///
/// An interrupted rebuild is resumed by running it again. Without --config it is the system that `medconnect dev` runs on this machine.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The server's configuration file (see `medconnect serve --help`)
    #[arg(long, short, value_name = "FILE", env = "MEDCONNECT_CONFIG")]
    config: Option<PathBuf>,
    /// The data directory of the system on this machine [default: as for `medconnect dev`]
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    data_dir: Option<PathBuf>,
    /// Begin at the beginning, whatever an interrupted rebuild has left
    #[arg(long)]
    from_scratch: bool,
    /// Keep the read models that are live if the rebuilt ones differ from them
    #[arg(long)]
    compare: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let config = match arguments.config {
        Some(file) => Config::read(Some(&file))?,
        None => {
            let folder = arguments.data_dir.unwrap_or_else(DataDir::default_path);
            let file = running::server_config(&folder);
            if !file.is_file() {
                return Err(CliError::NoServer(folder));
            }
            Config::read(Some(&file))?
        }
    };
    let database = config.database.url.expose_secret();
    let (live, pool) = (
        postgres::pool_within(&Limits::LONG, database, LIVE, 1)?,
        postgres::pool_within(&Limits::LONG, database, REBUILD, CONNECTIONS)?,
    );
    let log = log(&config)?;
    api_server::check_database(&live, &config, &config.log_secrets()?, &config.keys.encryption_keys()?).await?;
    api_server::check_shared(&log, &config.chain).await?;
    let rebuild = over(&config, log, pool.clone())?;
    let (readable, opener) = (live.clone(), opener(&config, live.clone())?);
    if arguments.from_scratch {
        rebuild.discard().await.map_err(CliError::other)?;
    }
    let bar = console::bar();
    let tell = |progress| show(&bar, progress);
    let report = if arguments.compare {
        let rebuilt = pool.clone();
        rebuild.run_and_compare(tell, Some(|| compare(live, rebuilt))).await
    } else {
        rebuild.run(tell).await
    };
    bar.finish_and_clear();
    let report = report.map_err(CliError::other)?;
    let resumed = match report.resumed_at {
        0 => String::new(),
        position => format!(", resumed at position {position}"),
    };
    console::result(format!(
        "rebuilt up to position {} (block {}) in {:.1} s{resumed}; {} foreign, {} void and {} overruled events, {} streams held back{}",
        report.position,
        report.block,
        report.total.as_secs_f64(),
        report.unread.foreign,
        report.unread.void,
        report.unread.overruled,
        report.held_streams,
        if arguments.compare {
            "; it does not differ from what was live"
        } else {
            ""
        },
    ));
    match look_at_shared_namespaces(&readable, &opener).await {
        Ok(found) if found == SharedFindings::default() => {}
        Ok(found) => console::note(format!("warning: {found}")),
        Err(error) => console::note(format!(
            "it could not be seen whether what is shared can be read: {error}"
        )),
    }
    Ok(ExitCode::SUCCESS)
}

/// Rebuilds and swaps, without a word.
pub(super) async fn again(config: &Config) -> Result<(), CliError> {
    let pool = postgres::pool_within(&Limits::LONG, config.database.url.expose_secret(), REBUILD, CONNECTIONS)?;
    let ran = over(config, log(config)?, pool.clone())?.run(|_| ()).await;
    pool.close().await;
    ran.map(drop).map_err(CliError::other)
}

fn log(config: &Config) -> Result<EventLog, CliError> {
    let node = Node::new(&config.chain.nodes, config.chain.id, RpcOptions::default())?;
    Ok(EventLog::new(node, config.chain.contract))
}

fn opener(config: &Config, pool: sqlx::PgPool) -> Result<Opener, CliError> {
    let keys = Arc::new(KeyRing::new(pool, config.keys.encryption_keys()?));
    Ok(Opener::new(config.chain.location(), config.log_secrets()?, keys))
}

/// A rebuild of this log, under the keys that are configured.
pub(super) fn over(config: &Config, log: EventLog, pool: sqlx::PgPool) -> Result<Rebuild<ReadModels>, CliError> {
    let opener = opener(config, pool.clone())?;
    let follower =
        FollowerConfig::new(config.chain.finality, config.chain.deployed_in).believing(&config.chain.recorders);
    Ok(Rebuild::new(follower, log, opener, pool, ReadModels))
}

/// Names the read models whose content differs.
async fn compare(live: sqlx::PgPool, rebuilt: sqlx::PgPool) -> Result<(), String> {
    let hashes = async |pool| content::hashes(pool).await.map_err(|error| error.to_string());
    let (live, rebuilt) = (hashes(live).await?, hashes(rebuilt).await?);
    let differing = rebuilt.iter().filter(|one| !content::has(&live, one));
    let differing: Vec<_> = differing.map(|one| one.name).collect();
    if differing.is_empty() {
        Ok(())
    } else {
        Err(format!("these differ: {}", differing.join(", ")))
    }
}

/// Shows on a bar how far a rebuild is.
pub(super) fn show(bar: &ProgressBar, progress: RebuildProgress) {
    bar.set_length(progress.target_position);
    bar.set_position(progress.position);
    bar.set_message(match progress.phase {
        Phase::Filling => "filling",
        Phase::Indexing => "indexing",
        Phase::CatchingUp => "catching up",
        Phase::Swapping => "swapping",
    });
}
