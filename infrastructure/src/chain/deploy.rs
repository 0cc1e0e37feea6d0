//! Putting the `EventLog` contract on a chain, and telling whether it stands there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::contract::{self, ArtifactError};
use super::namespaces::{Administration, NamespaceError};
use super::sending::{Patience, SendError, transact};
use super::{Address, ChainError, EventLog, Node, Signer};
use crate::log::Namespace;

/// Where the contract stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Deployment {
    /// The chain.
    pub chain_id: u64,
    /// The contract's address.
    pub address: Address,
    /// The block that deployed it: no log is older.
    pub block: u64,
    /// The organisation's namespace in it.
    pub namespace: Namespace,
}

/// A contract on a chain, whoever may write in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The chain.
    pub chain_id: u64,
    /// The contract's address.
    pub address: Address,
}

impl From<&Deployment> for Standing {
    fn from(deployment: &Deployment) -> Self {
        let Deployment { chain_id, address, .. } = *deployment;
        Self { chain_id, address }
    }
}

/// Why a deployment failed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The program was built badly.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The transaction that deploys.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The node's chain is another one than the deployment's.
    #[error("the contract was deployed on chain {expected}, and the node is on chain {actual}")]
    WrongChain {
        /// The deployment's chain.
        expected: u64,
        /// The node's chain.
        actual: u64,
    },
    /// There is no such contract at the address.
    #[error(
        "at {0} stands no event log of this program's version; is this the right chain, and does it have all its blocks?"
    )]
    NotThere(Address),
}

/// How long the node may not show the contract that it has just deployed: several nodes may stand behind one address.
const UNTIL_SHOWN: Duration = Duration::from_secs(30);

/// Deploys the contract, opens a namespace in it that `owner` owns, admits `writers` to that, and waits until all of it is mined. `delay`
/// is for how many seconds the namespace cannot be handed over to another owner. `tell` hears what is going on, in sentences.
///
/// # Errors
/// [`DeployError`].
pub async fn deploy(
    node: &Node,
    owner: &Signer,
    writers: &[Address],
    delay: u32,
    tell: impl Fn(&str),
) -> Result<Deployment, DeployError> {
    let what = "deploy the event log";
    let receipt = transact(node, owner, None, contract::bytecode()?.creation, what, &tell).await?;
    let address = receipt.contract.ok_or(SendError::Reverted(what))?;
    let standing = Standing {
        chain_id: node.chain_id(),
        address,
    };
    tell(&format!(
        "the event log stands at {address} since block {}",
        receipt.block_number
    ));
    let mut patience = Patience::new(UNTIL_SHOWN, &tell);
    while let Err(error) = verify(node, &standing).await {
        let passes = match &error {
            DeployError::Chain(error) => error.is_transient(),
            error => matches!(error, DeployError::NotThere(_)),
        };
        if !(passes && patience.pause(&error.to_string()).await) {
            return Err(error);
        }
    }
    let administration = Administration::of(EventLog::new(node.clone(), address), owner.clone(), &tell);
    let namespace = administration.open(delay).await?;
    for writer in writers {
        administration.admit(namespace, *writer).await?;
    }
    Ok(Deployment {
        chain_id: standing.chain_id,
        address,
        block: receipt.block_number,
        namespace,
    })
}

/// Checks that the contract of this program's version stands where it should.
///
/// # Errors
/// [`DeployError::WrongChain`], [`DeployError::NotThere`], or the node's.
pub async fn verify(node: &Node, standing: &Standing) -> Result<(), DeployError> {
    if node.chain_id() != standing.chain_id {
        return Err(DeployError::WrongChain {
            expected: standing.chain_id,
            actual: node.chain_id(),
        });
    }
    if node.code(standing.address).await? == contract::bytecode()?.runtime {
        Ok(())
    } else {
        Err(DeployError::NotThere(standing.address))
    }
}
