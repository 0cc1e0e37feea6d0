//! `medconnect deploy`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use infrastructure::chain::{Address, Deployment, Node, RpcOptions, Signer, deploy};

use super::{CliError, console};

/// Put the EventLog contract on a chain, and print where it stands as `medconnect serve` wants it.
///
/// The key pays, and becomes the contract's administrator. With --contract the contract stands already, and only the writers
/// are appointed.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// JSON-RPC URL of a node; more than one may be given
    #[arg(long, value_name = "URL", required = true)]
    node: Vec<String>,
    /// A file with the deployer's private key: 64 hexadecimal digits. MEDCONNECT_DEPLOYER_KEY has the key itself.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// An account that may append: the address of a server's signing key; more than one may be given
    #[arg(long, value_name = "ADDRESS")]
    writer: Vec<Address>,
    /// The address of the contract, if it is deployed already
    #[arg(long, value_name = "ADDRESS")]
    contract: Option<Address>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, CliError> {
    let key = key(arguments.key_file, "MEDCONNECT_DEPLOYER_KEY")?;
    let node = Node::discover(&arguments.node, RpcOptions::default())
        .await
        .map_err(CliError::Node)?;
    if let Some(contract) = arguments.contract {
        let standing = Deployment {
            chain_id: node.chain_id(),
            address: contract,
            block: 0,
        };
        deploy::verify(&node, &standing).await?;
        for writer in &arguments.writer {
            deploy::grant_writer(&node, &key, contract, *writer, |said: &str| console::note(said)).await?;
            console::note(format!("{writer} may append"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let deployment = deploy::deploy(&node, &key, &arguments.writer, |said: &str| console::note(said)).await?;
    console::result(if arguments.json {
        serde_json::to_string(&deployment).map_err(CliError::other)?
    } else {
        format!(
            "[chain]\nnodes = {:?}\nid = {}\ncontract = \"{}\"\ndeployed_in = {}",
            arguments.node, deployment.chain_id, deployment.address, deployment.block
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
