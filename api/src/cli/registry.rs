//! `medconnect registry`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use infrastructure::chain::registries::deploy::{Registries, deploy};
use infrastructure::chain::registries::registrars::Registrars;
use infrastructure::chain::{Address, Recorder};

use super::deploy::{KEY, account, key, node};
use super::namespace::{Account, Contract};
use super::{CliError, console};

/// Put the registries of consents and practitioners on a chain, and say who is a registrar.
///
/// Patients' signatures say in the one who may read their records; registrars' signatures say in the other who is a practitioner. Both write to the event log, and
/// every server that follows it names them in `chain.recorders`. The chain must have the rules of Cancun or later.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Deploy both for an event log that stands, and print them as `medconnect serve` wants them.
    ///
    /// Organisations that share patients share the registries: one of them deploys, once. The key pays, and appoints registrars.
    Deploy {
        #[command(flatten)]
        contract: Contract,
        #[command(flatten)]
        account: Account,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make accounts registrars, who attest, suspend and reinstate practitioners.
    Appoint {
        #[command(flatten)]
        registrars: RegistrarsAt,
    },
    /// Make accounts registrars no more. What they have attested stands.
    Dismiss {
        #[command(flatten)]
        registrars: RegistrarsAt,
    },
}

/// Registrars, and where.
#[derive(Debug, Args)]
struct RegistrarsAt {
    /// JSON-RPC URL of a node; more than one may be given
    #[arg(long, value_name = "URL", required = true)]
    node: Vec<String>,
    /// The address of the registry of practitioners
    #[arg(long, value_name = "ADDRESS")]
    registry: Address,
    #[command(flatten)]
    account: Account,
    /// The accounts, by their wallets' addresses
    #[arg(value_name = "ADDRESS", required = true, value_parser = account)]
    registrars: Vec<Address>,
}

impl RegistrarsAt {
    async fn administered(self) -> Result<(Registrars<impl Fn(&str)>, Vec<Address>), CliError> {
        let owner = key(self.account.key_file, KEY)?;
        let node = node(&self.node).await?;
        let registrars = Registrars::of(node, self.registry, owner, |said: &str| console::note(said));
        Ok((registrars, self.registrars))
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    match arguments.command {
        Command::Deploy {
            contract,
            account,
            json,
        } => {
            let owner = key(account.key_file, KEY)?;
            let log = contract.found().await?;
            let registries = deploy(&log, &owner, |said| console::note(said)).await?;
            print(&registries, json)?;
        }
        Command::Appoint { registrars } => {
            let (administration, registrars) = registrars.administered().await?;
            for registrar in registrars {
                administration.appoint(registrar).await?;
            }
        }
        Command::Dismiss { registrars } => {
            let (administration, registrars) = registrars.administered().await?;
            for registrar in registrars {
                administration.dismiss(registrar).await?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the registries, as JSON or as a configuration has them.
fn print(registries: &Registries, json: bool) -> Result<(), CliError> {
    console::result(if json {
        serde_json::to_string(registries).map_err(CliError::other)?
    } else {
        let line = |recorder: &Recorder| {
            let Recorder {
                contract,
                namespace,
                registry,
            } = recorder;
            let registry = registry.map_or("", <&str>::from);
            format!("  {{ contract = \"{contract}\", namespace = {namespace}, registry = \"{registry}\" }},\n")
        };
        let lines: String = registries.recorders().iter().map(line).collect();
        format!("[chain]\nrecorders = [\n{lines}]")
    });
    Ok(())
}
