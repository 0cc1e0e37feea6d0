//! The chain under a system on this machine: one of its own, or that of a node which somebody else runs.

use infrastructure::chain::{Address, Node};

use super::chain::DevChain;
use super::error::DevError;
use super::external_node::ExternalNode;

/// What an account that pays for transactions should have on a chain of one's own, in wei: enough for ever.
const FUNDS: u128 = 1_000_000 * 1_000_000_000_000_000_000;

/// The chain.
#[derive(Debug)]
pub enum SystemChain {
    /// One of the system's own.
    Own(DevChain),
    /// Somebody else's.
    Given(ExternalNode),
}

impl SystemChain {
    /// Where clients find it.
    pub fn url(&self) -> String {
        match self {
            Self::Own(chain) => chain.url(),
            Self::Given(node) => node.url(),
        }
    }

    /// Its chain id.
    pub const fn chain_id(&self) -> u64 {
        match self {
            Self::Own(chain) => chain.chain_id(),
            Self::Given(node) => node.chain_id(),
        }
    }

    /// Sees to it that an account can pay for transactions.
    ///
    /// # Errors
    /// When the chain does not answer or refuses, or nobody has ether.
    pub async fn fund(&self, node: &Node, account: Address) -> Result<(), DevError> {
        match self {
            Self::Own(chain) if node.balance(account).await? < FUNDS / 2 => {
                chain.fund(&account.to_string(), FUNDS).await
            }
            Self::Own(_) => Ok(()),
            Self::Given(given) => given.fund(account).await,
        }
    }

    /// The process id of the node behind it, if it is the system's own and there is one just now.
    pub async fn node_pid(&self) -> Option<i32> {
        match self {
            Self::Own(chain) => chain.node_pid().await,
            Self::Given(_) => None,
        }
    }

    /// Stops it, if it is the system's own.
    pub async fn stop(self) {
        if let Self::Own(chain) = self {
            chain.stop().await;
        }
    }
}
