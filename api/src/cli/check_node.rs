//! `medconnect check-node`

use std::process::ExitCode;
use std::time::Duration;

use api_check_node::Options;
use clap::Args;
use infrastructure::chain::Address;

use super::{CliError, console};

/// Look at an Ethereum node: what it gives and lacks, each with what to do about it.
///
/// It only asks: it needs no key, signs nothing and sends no transaction. Gas rules and limits are found by trying, for no node says
/// them. Each line of the result is "good", "limited" (Medconnect works with it), "MISSING" (it does not), or "UNKNOWN" (it could not be
/// found out).
///
/// Exit codes: 0 all that is needed is there; 1 something needed is missing, or could not be found out; 2 no node answers at the
/// URL, or the arguments cannot be used.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The node's JSON-RPC URL
    #[arg(value_name = "URL")]
    url: String,
    /// The account that is to deploy or append: its ether is looked at, and it is the sender of what is estimated
    #[arg(long, value_name = "ADDRESS")]
    account: Option<Address>,
    /// The block that deployed the contract, if it is deployed: everything since must be there
    #[arg(long, value_name = "BLOCK")]
    since: Option<u64>,
    /// The number of seconds that the whole check may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let options = Options {
        url: arguments.url,
        account: arguments.account,
        since: arguments.since,
        patience: Duration::from_secs(arguments.patience),
    };
    let steps = console::Steps::default();
    let progress = |text: &str| steps.step(text);
    let report = api_check_node::run(&options, &progress).await;
    steps.finish();
    let report = report.map_err(CliError::NoNode)?;
    console::result(if arguments.json {
        serde_json::to_string_pretty(&report).map_err(CliError::other)?
    } else {
        report.table()
    });
    Ok(if report.usable {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
