//! Putting the `EventLog` contract on a chain, and telling whether it stands there.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::contract::{self, ArtifactError};
use super::signer::{Signer, Transaction, TransactionError};
use super::{Address, ChainError, EventLog, Node, Receipt};

/// Where the contract stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Deployment {
    /// The chain.
    pub chain_id: u64,
    /// The contract's address.
    pub address: Address,
    /// The block that deployed it: no log is older.
    pub block: u64,
}

/// Why a deployment failed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The key.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// The program was built badly.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The account cannot pay.
    #[error("the account {0} cannot pay for the transaction: send it ether")]
    NoFunds(Address),
    /// The account has no say in the matter.
    #[error("{account} is not an administrator of the event log at {log}, and only they appoint writers")]
    NotAdministrator {
        /// The account.
        account: Address,
        /// The contract.
        log: Address,
    },
    /// A transaction was mined and reverted.
    #[error("the chain reverted the transaction that would {0}")]
    Reverted(&'static str),
    /// A transaction was not mined in time.
    #[error("the chain did not mine the transaction that would {0} in time")]
    Late(&'static str),
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

/// How long to wait for one transaction of a deployment.
const PATIENCE: Duration = Duration::from_secs(180);

/// Deploys the contract with `admin` as its administrator, lets `writers` append, and waits until all of that is mined.
///
/// # Errors
/// [`DeployError`].
pub async fn deploy(node: &Node, admin: &Signer, writers: &[Address]) -> Result<Deployment, DeployError> {
    let what = "deploy the event log";
    let receipt = transact(node, admin, None, contract::deployment(admin.address())?, what).await?;
    let address = receipt.contract.ok_or(DeployError::Reverted(what))?;
    let deployment = Deployment {
        chain_id: node.chain_id(),
        address,
        block: receipt.block_number,
    };
    verify(node, &deployment).await?;
    for writer in writers {
        grant_writer(node, admin, address, *writer).await?;
    }
    Ok(deployment)
}

/// Lets an account append; nothing is sent if it may already.
///
/// # Errors
/// [`DeployError`].
pub async fn grant_writer(node: &Node, admin: &Signer, log: Address, writer: Address) -> Result<(), DeployError> {
    let contract = EventLog::new(node.clone(), log);
    if !contract.is_writer(writer).await? {
        let account = admin.address();
        if !contract.is_administrator(account).await? {
            return Err(DeployError::NotAdministrator { account, log });
        }
        transact(
            node,
            admin,
            Some(log),
            contract::grant_writer(writer),
            "appoint a writer",
        )
        .await?;
    }
    Ok(())
}

/// Checks that the contract of this program's version stands where it should.
///
/// # Errors
/// [`DeployError::WrongChain`], [`DeployError::NotThere`], or the node's.
pub async fn verify(node: &Node, deployment: &Deployment) -> Result<(), DeployError> {
    if node.chain_id() != deployment.chain_id {
        return Err(DeployError::WrongChain {
            expected: deployment.chain_id,
            actual: node.chain_id(),
        });
    }
    if node.code(deployment.address).await? == contract::bytecode()?.runtime {
        Ok(())
    } else {
        Err(DeployError::NotThere(deployment.address))
    }
}

/// Sends a transaction, and waits until it is mined.
async fn transact(
    node: &Node,
    from: &Signer,
    to: Option<Address>,
    data: Vec<u8>,
    what: &'static str,
) -> Result<Receipt, DeployError> {
    match execute(node, from, to, data, what).await {
        Err(DeployError::Chain(error)) if error.is_lack_of_funds() => Err(DeployError::NoFunds(from.address())),
        done => done,
    }
}

async fn execute(
    node: &Node,
    from: &Signer,
    to: Option<Address>,
    data: Vec<u8>,
    what: &'static str,
) -> Result<Receipt, DeployError> {
    let estimate = node.estimate_gas(from.address(), to, &data).await?;
    let gas_limit = estimate + estimate / 4;
    let balance = node.balance(from.address()).await?;
    let fees = node.fees().await?.affordable(balance, gas_limit);
    let signed = from.sign(Transaction {
        chain_id: node.chain_id(),
        nonce: node.pending_nonce(from.address()).await?,
        to,
        gas_limit,
        max_fee: fees.base.saturating_mul(2).saturating_add(fees.priority),
        priority_fee: fees.priority,
        data,
    })?;
    let hash = node.send_raw(&signed.raw).await?;
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(receipt) = node.receipts(&[hash]).await?.pop().flatten() {
            return if receipt.succeeded {
                Ok(receipt)
            } else {
                Err(DeployError::Reverted(what))
            };
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err(DeployError::Late(what))
}
