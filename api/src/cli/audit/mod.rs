//! `medconnect audit`

mod database;
mod keyed;
mod patient;
mod shown;
mod source;
mod verify;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::error::FAULT;
use super::{CliError, console, deploy};

/// Everything that can be proved is, and that is not all.
const IN_PART: u8 = 3;

/// Prove what is in the log, trusting nobody but the hash of a block.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::Verify),
    Patient(patient::Patient),
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    match arguments.command {
        Command::Verify(verify) => verify.run().await,
        Command::Patient(patient) => patient.run().await,
    }
}
