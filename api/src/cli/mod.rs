//! The command line. Each subcommand is a module: what it takes, and what it does with the rest of the crate.

mod bench;
mod check_node;
mod console;
mod deploy;
mod dev;
mod error;
mod import;
mod keys;
mod logging;
mod login;
mod migrate;
mod openapi;
mod rebuild;
mod serve;
mod stop;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use error::CliError;

/// Patients, doctors and appointments: every change is a sealed event on an Ethereum log.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done; 1 it failed, or a part of it did; 2 it was asked for in a way that cannot work \
                  (arguments, configuration, no server); 130 stopped by force."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole system on this machine, with its own Postgres and chain.
    Dev(dev::Arguments),
    /// Run a server on a Postgres and a chain that are there.
    Serve(serve::Arguments),
    // What this one and the import say of themselves, exit codes included, stands with their arguments.
    CheckNode(check_node::Arguments),
    /// Put the event log's contract on a chain.
    Deploy(deploy::Arguments),
    /// Create or update the database's tables.
    Migrate(migrate::Arguments),
    /// Build the read models once more from the chain alone, and swap them in.
    Rebuild(rebuild::Arguments),
    /// Look after the keys that protect what concerns a person.
    Keys(keys::Arguments),
    Import(import::Arguments),
    /// Sign in with a wallet, and get a token.
    Login(login::Arguments),
    /// Measure, and print ratios against baselines of the same run.
    Bench(bench::Arguments),
    /// Print the OpenAPI document of the REST interface.
    Openapi,
}

/// The program: reads its arguments, and does what they ask for.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => {
            console::error(&error);
            ExitCode::FAILURE
        }
    }
}

impl Cli {
    async fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Dev(arguments) => dev::run(arguments).await,
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::CheckNode(arguments) => check_node::run(arguments).await,
            Command::Deploy(arguments) => deploy::run(arguments).await,
            Command::Migrate(arguments) => migrate::run(arguments).await,
            Command::Rebuild(arguments) => rebuild::run(arguments).await,
            Command::Keys(arguments) => keys::run(arguments).await,
            Command::Import(arguments) => import::run(arguments).await,
            Command::Login(arguments) => login::run(arguments).await,
            Command::Bench(arguments) => bench::run(arguments).await,
            Command::Openapi => openapi::run(),
        };
        done.unwrap_or_else(|error| {
            console::error(&error);
            error.exit_code()
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_subcommand_and_option_is_explained() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        for subcommand in command
            .get_subcommands()
            .filter(|subcommand| subcommand.get_name() != "help")
        {
            assert!(subcommand.get_about().is_some(), "{}", subcommand.get_name());
            for argument in subcommand.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {}",
                    subcommand.get_name(),
                    argument.get_id()
                );
            }
        }
    }
}
