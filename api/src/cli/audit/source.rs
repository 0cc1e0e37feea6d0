//! Which log is audited: whom to ask, about which contract, up to which block.

use std::path::PathBuf;

use api_config::ChainConfig;
use clap::Args;
use infrastructure::chain::{Address, Hash, Node, RpcOptions};

use super::{CliError, deploy};

/// How many bytes an answer may have: several are in memory at once, and the node may send whatever it likes.
const LARGEST_ANSWER: usize = 32 << 20;

#[derive(Debug, Args)]
pub(super) struct Source {
    /// JSON-RPC URL of the node [default: the first of --config]
    #[arg(long, value_name = "URL", required_unless_present = "config")]
    node: Option<String>,
    /// The address of the EventLog contract [default: that of --config]
    #[arg(long, value_name = "ADDRESS", required_unless_present = "config", value_parser = deploy::account)]
    contract: Option<Address>,
    /// The hash of the block that is trusted: 0x and 64 hexadecimal digits
    #[arg(long, value_name = "HASH", value_parser = hash)]
    pub(super) block: Hash,
    /// A server's configuration file, of which node, chain id and contract are read, and where keys are used these and the database (see `medconnect serve
    /// --help`)
    #[arg(long, short, value_name = "FILE", env = "MEDCONNECT_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Source {
    /// Whom to ask, and about which contract.
    pub(super) async fn log(&self) -> Result<(Node, Address), CliError> {
        // The file need not be there if nothing of it is needed.
        let is_told = self.node.is_some() && self.contract.is_some();
        let config = match &self.config {
            Some(file) if !is_told => Some(ChainConfig::read(Some(file))?),
            _ => None,
        };
        let options = RpcOptions {
            response_limit: LARGEST_ANSWER,
            ..RpcOptions::default()
        };
        // One node alone is asked: an audit is of what one says.
        let node = match (&self.node, &config) {
            (Some(url), Some(chain)) => Node::new(std::slice::from_ref(url), chain.id, options)?,
            (Some(url), None) => Node::discover(std::slice::from_ref(url), options).await?,
            (None, Some(chain)) => {
                let first = chain.nodes.get(..1).unwrap_or_default();
                Node::new(first, chain.id, options)?
            }
            (None, None) => return Err(CliError::Usage("give --node, or --config".to_owned())),
        };
        let contract = self.contract.or_else(|| config.map(|chain| chain.contract));
        let contract = contract.ok_or_else(|| CliError::Usage("give --contract, or --config".to_owned()))?;
        Ok((node, contract))
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
