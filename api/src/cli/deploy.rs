//! `medconnect deploy`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use infrastructure::chain::{Address, Deployment, Node, RpcOptions, Signer, deploy};

use super::{CliError, console};

/// The variable with the key of whoever deploys, or owns a namespace.
pub(super) const KEY: &str = "MEDCONNECT_DEPLOYER_KEY";

/// How long a namespace is being handed over, unless told otherwise: long enough for its owner to notice a stolen key.
pub(super) const TWO_DAYS: u32 = 2 * 24 * 60 * 60;

/// Put the EventLog contract on a chain, open a namespace in it, and print both as `medconnect serve` wants them.
///
/// The key pays, and owns the namespace: it alone admits writers (`medconnect namespace`). Organisations may share a contract: each opens a
/// namespace of its own in it (`medconnect namespace open`), and can do nothing in another's. If this fails once the contract stands, go on with
/// `medconnect namespace open --contract …`, or, once the namespace is open, with `medconnect namespace admit`: another `deploy` would
/// deploy, and pay for, another contract.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// JSON-RPC URL of a node; more than one may be given
    #[arg(long, value_name = "URL", required = true)]
    node: Vec<String>,
    /// A file with the deployer's private key: 64 hexadecimal digits. MEDCONNECT_DEPLOYER_KEY has the key itself.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// An account that may append: the address of a server's signing key; more than one may be given
    #[arg(long, value_name = "ADDRESS", value_parser = account)]
    writer: Vec<Address>,
    /// For how many seconds nobody can accept the namespace once it was offered to them
    #[arg(long, value_name = "SECONDS", default_value_t = TWO_DAYS)]
    delay: u32,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let key = key(arguments.key_file, KEY)?;
    let node = node(&arguments.node).await?;
    let tell = |said: &str| console::note(said);
    let deployment = deploy::deploy(&node, &key, &arguments.writer, arguments.delay, tell).await?;
    print(&arguments.node, &deployment, arguments.json)
}

/// An account that somebody has: nobody has the address 0.
pub(super) fn account(text: &str) -> Result<Address, String> {
    match text.parse::<Address>() {
        Ok(Address([0, rest @ ..])) if rest == [0; 19] => Err("it is nobody's".to_owned()),
        parsed => parsed.map_err(|error| error.to_string()),
    }
}

/// The nodes at these URLs, whatever chain they are on.
pub(super) async fn node(urls: &[String]) -> Result<Node, CliError> {
    let discovered = Node::discover(urls, RpcOptions::default()).await;
    discovered.map_err(CliError::Node)
}

/// Prints where an organisation's log stands, as JSON or as a configuration has it.
pub(super) fn print(nodes: &[String], deployment: &Deployment, json: bool) -> Result<ExitCode, CliError> {
    let Deployment {
        chain_id,
        address,
        block,
        namespace,
    } = deployment;
    console::result(if json {
        serde_json::to_string(deployment).map_err(CliError::other)?
    } else {
        format!(
            "[chain]\nnodes = {nodes:?}\nid = {chain_id}\ncontract = \"{address}\"\nnamespace = {namespace}\ndeployed_in = {block}"
        )
    });
    Ok(ExitCode::SUCCESS)
}

/// A private key from a file or from the environment.
pub(super) fn key(file: Option<PathBuf>, variable: &'static str) -> Result<Signer, CliError> {
    let given = file
        .as_ref()
        .map_or_else(|| variable.to_owned(), |path| path.display().to_string());
    let text = match file {
        Some(path) => std::fs::read_to_string(&path).map_err(|source| CliError::File {
            action: "read",
            path,
            source,
        })?,
        None => std::env::var(variable)
            .map_err(|_| CliError::Usage(format!("a private key is needed: give --key-file, or set {variable}")))?,
    };
    text.trim()
        .parse()
        .map_err(|error: infrastructure::chain::signer::SecretKeyError| CliError::Usage(format!("{given}: {error}")))
}
