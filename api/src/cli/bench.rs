//! `medconnect bench`

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{CliError, console};
use crate::bench::{commands, gas, rebuild};
use crate::compose;
use crate::dev::data_dir::DataDir;
use crate::dev::system::{System, SystemPorts};

/// Measure, on a system of its own in a temporary folder, and print ratios against baselines of the same run.
///
/// Nothing that is measured stays. Measure release builds, on a machine that does nothing else.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Print JSON instead of a table
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Commands over HTTP, sealed and on the chain; beside plain postgres-es with a view, and the contract alone
    Commands(CommandsArguments),
    /// A rebuild from the chain; beside fetching, decoding and copying the same rows
    Rebuild(RebuildArguments),
    /// Gas for each event; beside the least that it could be
    Gas,
}

#[derive(Clone, Copy, Debug, Args)]
struct CommandsArguments {
    /// How many clients work side by side
    #[arg(long, default_value_t = 128)]
    clients: usize,
    /// For how many seconds each side works
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

#[derive(Clone, Copy, Debug, Args)]
struct RebuildArguments {
    /// How many events the log has, at least
    #[arg(long, default_value_t = 100_000)]
    events: u64,
}

impl From<CommandsArguments> for commands::Options {
    fn from(arguments: CommandsArguments) -> Self {
        Self {
            clients: arguments.clients.max(1),
            duration: Duration::from_secs(arguments.seconds.max(1)),
        }
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let folder = tempfile::Builder::new()
        .prefix("medconnect-bench-")
        .tempdir()
        .map_err(anyhow::Error::from)?;
    reachable(folder.path())?;
    // Not an ephemeral one: that would not wait for the disk, and an acknowledged command is one that is on it.
    let directory = DataDir::open(&folder.path().join("data"))?;
    let steps = console::Steps::default();
    let progress = |text: &str| steps.step(text);
    let listener = Arc::new(|text: &str| console::note(text));
    let ports = SystemPorts::ANY;
    let (surroundings, socket) = System::start(directory, ports, &progress, listener).await?;
    let measured = measure(&arguments, &surroundings, socket, &progress).await;
    steps.finish();
    surroundings.stop().await;
    console::result(measured?);
    Ok(ExitCode::SUCCESS)
}

async fn measure(
    arguments: &Arguments,
    surroundings: &System,
    socket: TcpListener,
    progress: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<String> {
    let print = |report: &dyn Printed| {
        if arguments.json {
            report.json()
        } else {
            Ok(report.table())
        }
    };
    match arguments.what {
        What::Commands(options) => {
            let system = compose::System::start(surroundings.config(), socket).await?;
            let measured = commands::run(surroundings, &system, options.into(), progress).await;
            system.stop().await;
            print(&measured?)
        }
        What::Gas => print(&gas::run(surroundings, progress).await?),
        What::Rebuild(options) => print(&rebuild::run(surroundings, options.events.max(1), progress).await?),
    }
}

/// A report for people or machines.
trait Printed {
    fn table(&self) -> String;
    fn json(&self) -> anyhow::Result<String>;
}

macro_rules! printed {
    ($($report:ty),*) => {$(
        impl Printed for $report {
            fn table(&self) -> String {
                Self::table(self)
            }

            fn json(&self) -> anyhow::Result<String> {
                json(self)
            }
        }
    )*};
}

printed!(commands::Report, gas::Report, rebuild::Report);

fn json(report: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(report)?)
}

/// Postgres may run as another user, who must be able to enter the folder.
fn reachable(folder: &std::path::Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(
        folder,
        std::fs::Permissions::from_mode(0o755),
    )?)
}
