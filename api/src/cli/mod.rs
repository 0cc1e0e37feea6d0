//! The command line. Each subcommand is a module: what it takes, and what it does with the rest of the crate.

mod audit;
mod bench;
mod check_node;
mod console;
mod content;
mod deploy;
mod dev;
mod error;
mod import;
mod keys;
mod logging;
mod login;
mod migrate;
mod namespace;
mod openapi;
mod rebuild;
mod registry;
mod serve;
mod stop;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use error::CliError;

/// Patients, doctors and appointments: every change is a sealed event on an Ethereum log.
#[derive(Debug, Parser)]
#[command(
    name = "medconnect",
    version,
    after_help = "Exit codes: 0 done; 1 it failed, or a part of it did; 2 it was asked for in a way that cannot work \
                  (arguments, configuration, no server); 3 an import lost something (`medconnect import --help`), or an audit proved \
                  only a part; 4 an audit found a fault (`medconnect audit verify --help`, `medconnect audit patient --help`); 130 it was stopped before its end."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// What stands above a variant would take the place of all that its arguments say of the subcommand.
#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Arguments),
    Serve(serve::Arguments),
    CheckNode(check_node::Arguments),
    Deploy(deploy::Arguments),
    Namespace(namespace::Arguments),
    Registry(registry::Arguments),
    Migrate(migrate::Arguments),
    Rebuild(rebuild::Arguments),
    Audit(audit::Arguments),
    Keys(keys::Arguments),
    Import(import::Arguments),
    Login(login::Arguments),
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
            Command::Dev(arguments) => Box::pin(dev::run(arguments)).await,
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::CheckNode(arguments) => check_node::run(arguments).await,
            Command::Deploy(arguments) => deploy::run(arguments).await,
            Command::Namespace(arguments) => namespace::run(arguments).await,
            Command::Registry(arguments) => registry::run(arguments).await,
            Command::Migrate(arguments) => migrate::run(arguments).await,
            Command::Rebuild(arguments) => rebuild::run(arguments).await,
            Command::Audit(arguments) => audit::run(arguments).await,
            Command::Keys(arguments) => keys::run(arguments).await,
            Command::Import(arguments) => import::run(arguments).await,
            Command::Login(arguments) => login::run(arguments).await,
            Command::Bench(arguments) => Box::pin(bench::run(arguments)).await,
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
    fn the_help_of_a_subcommand_says_all_that_the_documents_promise() {
        let help = |name: &str| {
            let mut command = Cli::command();
            command.build();
            command
                .find_subcommand_mut(name)
                .unwrap()
                .render_long_help()
                .to_string()
        };
        assert!(help("migrate").contains("ALTER DEFAULT PRIVILEGES GRANT SELECT"));
        let settings = include_str!("../../../docs/server.sample.toml");
        let settings = settings.lines().filter_map(|line| {
            let (name, _) = line.trim_start_matches("# ").split_once(" = ")?;
            (!name.contains(' ')).then_some(name)
        });
        let serve = help("serve");
        for setting in settings.chain(["http.public_url", "keys.encryption", "bootstrap.administrator"]) {
            assert!(serve.contains(setting), "serve --help does not name {setting}");
        }
        assert!(help("check-node").contains("Exit codes"));
        assert!(help("audit").contains("verify") && help("audit").contains("patient"));
        assert_eq!(
            Cli::command().render_version(),
            format!("medconnect {}\n", env!("CARGO_PKG_VERSION"))
        );
    }

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
