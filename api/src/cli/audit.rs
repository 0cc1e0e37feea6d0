//! `medconnect audit`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use api_audit::{Progress, Verdict};
use api_config::Config;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use infrastructure::chain::{Address, Hash, Node, RpcOptions};

use super::{CliError, console, deploy};

/// Everything that can be proved is, and that is not all.
const IN_PART: u8 = 3;
/// Something cannot be true.
const FAULT: u8 = 4;

/// How many bytes an answer may have: several are in memory at once, and the node may send whatever it likes.
const LARGEST_ANSWER: usize = 32 << 20;

/// Prove what is in the log, trusting nobody but the hash of a block.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(Verify),
}

/// Prove that a node shows the whole log as it is, up to a block whose hash is trusted.
///
/// The node may lie about everything; no answer of a server or a database is used, and no key. Where the hash comes from decides what the proof
/// is worth: from a node of your own, from several that do not know of each other, or from whoever you would believe. Proved are: the headers from
/// that block back to the first entry; the transactions and receipts of every block that may hold something of the log; that no entry or rejected
/// commit is missing, invented, changed, or in another place; that streams and commits are whole; that whoever wrote or administered could; and that the
/// node's own list of entries is the same. By proofs against the block's state root: the contract's code, and the head of its log. What entries hold
/// is never shown.
///
/// Nodes give proofs of the state of recent blocks only, unless they are archives: take a recent block.
///
/// Exit codes: 0 all of it is proved; 1 there is nothing to look at: the node does not give it, has no such block, or no contract stands at the address; 2 the arguments cannot be used; 3 it is proved only in part, for the chain has no state roots or the node gives no proofs; 4 something cannot be true: the first such place is
/// shown.
#[derive(Debug, Args)]
struct Verify {
    /// JSON-RPC URL of the node [default: the first of --config]
    #[arg(long, value_name = "URL", required_unless_present = "config")]
    node: Option<String>,
    /// The address of the EventLog contract [default: that of --config]
    #[arg(long, value_name = "ADDRESS", required_unless_present = "config", value_parser = deploy::account)]
    contract: Option<Address>,
    /// The hash of the block that is trusted: 0x and 64 hexadecimal digits
    #[arg(long, value_name = "HASH", value_parser = hash)]
    block: Hash,
    /// A server's configuration file, of which node, chain id and contract are read (see `medconnect serve --help`)
    #[arg(long, short, value_name = "FILE", env = "MEDCONNECT_CONFIG")]
    config: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    match arguments.command {
        Command::Verify(arguments) => verify(arguments).await,
    }
}

async fn verify(arguments: Verify) -> Result<ExitCode, CliError> {
    let (node, contract) = log(&arguments).await?;
    let (shown, bar) = (Shown::default(), console::bar());
    let audited = api_audit::verify(&node, contract, arguments.block, &|progress| shown.show(&bar, progress)).await;
    bar.finish_and_clear();
    shown.steps.finish();
    let report = audited?.report;
    console::result(if arguments.json {
        serde_json::to_string_pretty(&report).map_err(CliError::other)?
    } else {
        report.told()
    });
    Ok(match report.verdict {
        Verdict::Proved => ExitCode::SUCCESS,
        Verdict::InPart => ExitCode::from(IN_PART),
        Verdict::Fault => ExitCode::from(FAULT),
    })
}

/// Whom to ask, and about which contract.
async fn log(arguments: &Verify) -> Result<(Node, Address), CliError> {
    // The file need not be there if nothing of it is needed.
    let is_told = arguments.node.is_some() && arguments.contract.is_some();
    let config = match &arguments.config {
        Some(file) if !is_told => Some(Config::read(Some(file))?.chain),
        _ => None,
    };
    let options = RpcOptions {
        response_limit: LARGEST_ANSWER,
        ..RpcOptions::default()
    };
    // One node alone is asked: an audit is of what one says.
    let node = match (&arguments.node, &config) {
        (Some(url), Some(chain)) => Node::new(std::slice::from_ref(url), chain.id, options)?,
        (Some(url), None) => Node::discover(std::slice::from_ref(url), options).await?,
        (None, Some(chain)) => {
            let first = chain.nodes.get(..1).unwrap_or_default();
            Node::new(first, chain.id, options)?
        }
        (None, None) => return Err(CliError::Usage("give --node, or --config".to_owned())),
    };
    let contract = arguments.contract.or_else(|| config.map(|chain| chain.contract));
    let contract = contract.ok_or_else(|| CliError::Usage("give --contract, or --config".to_owned()))?;
    Ok((node, contract))
}

/// The steps as lines; on a terminal a bar while blocks are read.
#[derive(Default)]
struct Shown {
    steps: console::Steps,
    reads: AtomicBool,
}

impl Shown {
    fn show(&self, bar: &ProgressBar, progress: Progress) {
        match progress {
            Progress::Beginning => self.steps.step("looking at the block and the contract"),
            Progress::Reading { block, entries, of } => {
                if !self.reads.swap(true, Ordering::Relaxed) {
                    self.steps.step("reading the chain, back to the first entry");
                }
                bar.set_length(of.unwrap_or(entries));
                bar.set_position(entries);
                bar.set_message(format!("block {block}"));
            }
            Progress::Replaying => self.steps.step("replaying the log"),
        }
    }
}

fn hash(text: &str) -> Result<Hash, String> {
    let mut hash = [0; 32];
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64);
    let decoded = digits.and_then(|digits| hex::decode_to_slice(digits, &mut hash).ok());
    decoded
        .map(|()| hash)
        .ok_or_else(|| "not the hash of a block: 0x and 64 hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_64_digits() {
        assert_eq!(hash(&format!("0x{}", "0f".repeat(32))), Ok([15; 32]));
        for wrong in [
            "",
            "0x",
            "0f",
            &"0f".repeat(32),
            &format!("0x{}", "0g".repeat(32)),
            &format!("0x{}0", "0f".repeat(32)),
        ] {
            assert!(hash(wrong).is_err(), "{wrong}");
        }
    }
}
