//! `medconnect bench`

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use api_bench::{commands, gas, rebuild};
use api_dev::data_dir::DataDir;
use api_dev::external_node::ExternalNode;
use api_dev::system::{ChainChoice, System, SystemPorts};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{CliError, console, deploy};

/// The environment variable with the private key of whoever pays on the chain of `--node`.
const KEY: &str = "MEDCONNECT_BENCH_KEY";

/// Measure, on a system of its own in a temporary folder, and print ratios against baselines of the same run.
///
/// Nothing that is measured stays. Measure release builds, on a machine that does nothing else.
///
/// With --node it is the chain of that node instead of one of its own; Postgres and the server are still its own. What is
/// deployed and appended stays on that chain, and the ether for it comes from an account: that of --key-file, or of
/// MEDCONNECT_BENCH_KEY, or else one for which the node itself signs, as development nodes do. Several accounts are made, and each
/// gets an eighth of what that one has, at most 1,000 ether. Blocks count as final at once.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Print JSON instead of a table
    #[arg(long, global = true)]
    json: bool,
    /// Measure on the chain of this node: its JSON-RPC URL
    #[arg(long, value_name = "URL", global = true)]
    node: Option<String>,
    /// Give the blocks of the chain state roots, as `medconnect dev --proofs` does
    #[arg(long, global = true, conflicts_with = "node")]
    proofs: bool,
    /// A file with the private key of an account that has ether there: 64 hexadecimal digits
    #[arg(long, value_name = "FILE", global = true)]
    key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Measure commands over HTTP, sealed and on the chain; beside plain postgres-es with a view, and the contract alone
    Commands(CommandsArguments),
    /// Measure a rebuild from the chain; beside fetching, decoding and copying the same rows
    Rebuild(RebuildArguments),
    /// Measure the gas for each event; beside the least that it could be
    Gas,
}

#[derive(Clone, Copy, Debug, Args)]
struct CommandsArguments {
    /// The number of clients that work side by side
    #[arg(long, default_value_t = 128)]
    clients: usize,
    /// The number of seconds for which each side works
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

#[derive(Clone, Copy, Debug, Args)]
struct RebuildArguments {
    /// The least number of events that the log has
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
    let chain = match node(&arguments).await? {
        Some(node) => ChainChoice::Given(Box::new(node)),
        None => ChainChoice::Own {
            proofs: arguments.proofs,
        },
    };
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
    let (surroundings, socket) = System::start_on(chain, directory, ports, &progress, listener).await?;
    let measured = Box::pin(measure(&arguments, &surroundings, socket, &progress)).await;
    steps.finish();
    surroundings.stop().await;
    console::result(measured?);
    Ok(ExitCode::SUCCESS)
}

/// The node that is given, with whoever pays there.
async fn node(arguments: &Arguments) -> Result<Option<ExternalNode>, CliError> {
    let Some(url) = &arguments.node else {
        return match arguments.key_file {
            Some(_) => Err(CliError::Usage(
                "--key-file is for an account on the chain of --node".to_owned(),
            )),
            None => Ok(None),
        };
    };
    let key = match &arguments.key_file {
        None if std::env::var_os(KEY).is_none() => None,
        file => Some(deploy::key(file.clone(), KEY)?),
    };
    Ok(Some(ExternalNode::find(url, key).await?))
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
            let system = api_server::System::start(surroundings.config(), socket).await?;
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
