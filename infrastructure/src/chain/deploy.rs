//! Putting the `EventLog` contract on a chain, and telling whether it stands there.
//!
//! A node that stumbles is asked again, for minutes. A transaction is signed once and the same one is sent again until it is mined,
//! so that a lost answer does not deploy a second contract.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::contract::{self, ArtifactError};
use super::signer::{SignedTransaction, Signer, Transaction, TransactionError};
use super::{Address, ChainError, EventLog, Node, Receipt, hex};
use crate::pauses;

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
    /// A transaction was not mined in time. It may be later: what it does must not be done again before that is known.
    #[error("the chain did not mine the transaction {transaction} that would {what} in time; {last}")]
    Late {
        /// What it would do.
        what: &'static str,
        /// Its hash.
        transaction: String,
        /// What the node said last.
        last: String,
    },
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

/// How long to wait for one answer, or for one transaction.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long the node may not show the contract that it has just deployed: several nodes may stand behind one address.
const UNTIL_SHOWN: Duration = Duration::from_secs(30);
/// How often a transaction that is not mined is sent again.
const RESEND: Duration = Duration::from_secs(10);

/// Deploys the contract with `admin` as its administrator, lets `writers` append, and waits until all of that is mined. `tell` hears
/// what is going on, in sentences.
///
/// # Errors
/// [`DeployError`].
pub async fn deploy(
    node: &Node,
    admin: &Signer,
    writers: &[Address],
    tell: impl Fn(&str),
) -> Result<Deployment, DeployError> {
    let what = "deploy the event log";
    let receipt = transact(node, admin, None, contract::deployment(admin.address())?, what, &tell).await?;
    let address = receipt.contract.ok_or(DeployError::Reverted(what))?;
    let deployment = Deployment {
        chain_id: node.chain_id(),
        address,
        block: receipt.block_number,
    };
    tell(&format!(
        "the event log stands at {address} since block {}",
        deployment.block
    ));
    let mut patience = Patience::new(UNTIL_SHOWN, &tell);
    while let Err(error) = verify(node, &deployment).await {
        let passes = match &error {
            DeployError::Chain(error) => error.is_transient(),
            error => matches!(error, DeployError::NotThere(_)),
        };
        if !(passes && patience.pause(&error.to_string()).await) {
            return Err(error);
        }
    }
    for writer in writers {
        grant_writer(node, admin, address, *writer, &tell).await?;
    }
    Ok(deployment)
}

/// Lets an account append; nothing is sent if it may already. `tell` hears what is going on.
///
/// # Errors
/// [`DeployError`].
pub async fn grant_writer(
    node: &Node,
    admin: &Signer,
    log: Address,
    writer: Address,
    tell: impl Fn(&str),
) -> Result<(), DeployError> {
    let contract = EventLog::new(node.clone(), log);
    if !patiently(&tell, async || contract.is_writer(writer).await).await? {
        let account = admin.address();
        if !patiently(&tell, async || contract.is_administrator(account).await).await? {
            return Err(DeployError::NotAdministrator { account, log });
        }
        let data = contract::grant_writer(writer);
        transact(node, admin, Some(log), data, "appoint a writer", &tell).await?;
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
    tell: &impl Fn(&str),
) -> Result<Receipt, DeployError> {
    let done = async {
        let signed = sign(node, from, to, data, tell).await?;
        mined(node, &signed, what, tell).await
    };
    match done.await {
        Err(DeployError::Chain(error)) if error.is_lack_of_funds() => Err(DeployError::NoFunds(from.address())),
        Ok(receipt) if !receipt.succeeded => Err(DeployError::Reverted(what)),
        done => done,
    }
}

/// A transaction that the chain would take now. Nothing is sent.
async fn sign(
    node: &Node,
    from: &Signer,
    to: Option<Address>,
    data: Vec<u8>,
    tell: &impl Fn(&str),
) -> Result<SignedTransaction, DeployError> {
    let account = from.address();
    let estimate = patiently(tell, async || node.estimate_gas(account, to, &data).await).await?;
    let gas_limit = estimate.saturating_add(estimate / 4);
    let balance = patiently(tell, async || node.balance(account).await).await?;
    let fees = patiently(tell, async || node.fees().await).await?;
    let fees = fees.affordable(balance, gas_limit);
    let nonce = patiently(tell, async || node.pending_nonce(account).await).await?;
    Ok(from.sign(Transaction {
        chain_id: node.chain_id(),
        nonce,
        to,
        gas_limit,
        max_fee: fees.base.saturating_mul(2).saturating_add(fees.priority),
        priority_fee: fees.priority,
        data,
    })?)
}

/// Sends one signed transaction until it is mined. The same one again is harmless: a chain takes it once. So once a node may have
/// it, no refusal ends the waiting, for it may refuse because it has it.
async fn mined(
    node: &Node,
    signed: &SignedTransaction,
    what: &'static str,
    tell: &impl Fn(&str),
) -> Result<Receipt, DeployError> {
    let transaction = hex::encode(&signed.hash);
    tell(&format!("sending the transaction {transaction}, which will {what}"));
    let mut patience = Patience::new(PATIENCE, tell);
    let mut taken: Option<Instant> = None;
    let mut may_have_it = false;
    let mut refused = None;
    loop {
        if taken.is_none_or(|at| at.elapsed() >= RESEND) {
            refused = match node.send_raw(&signed.raw).await {
                Ok(_) => {
                    taken = Some(Instant::now());
                    None
                }
                Err(error) if may_have_it || error.is_transient() || error.may_have_it() => Some(error),
                Err(error) => return Err(error.into()),
            };
            may_have_it = true;
        }
        let last = match node.receipts(&[signed.hash]).await {
            Ok(mut receipts) => match (receipts.pop().flatten(), &refused) {
                (Some(receipt), _) => return Ok(receipt),
                (None, Some(error)) => error.to_string(),
                (None, None) => "it is in no block yet".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        if !patience.pause(&last).await {
            return Err(DeployError::Late {
                what,
                transaction,
                last,
            });
        }
    }
}

/// Asks again while the fault may pass.
async fn patiently<T>(tell: &impl Fn(&str), ask: impl AsyncFn() -> Result<T, ChainError>) -> Result<T, ChainError> {
    let mut patience = Patience::new(PATIENCE, tell);
    loop {
        match ask().await {
            Err(error) if error.is_transient() && patience.pause(&error.to_string()).await => {}
            done => return done,
        }
    }
}

/// How long somebody waits, and what for.
struct Patience<'a, T> {
    tell: &'a T,
    until: Instant,
    left: ExponentialBackoff,
    told: String,
}

impl<'a, T: Fn(&str)> Patience<'a, T> {
    fn new(limit: Duration, tell: &'a T) -> Self {
        Self {
            tell,
            until: Instant::now() + limit,
            left: pauses::growing().build(),
            told: String::new(),
        }
    }

    /// Waits a little, and tells once what for. `false` when there is no patience left.
    async fn pause(&mut self, why: &str) -> bool {
        if Instant::now() >= self.until {
            return false;
        }
        if self.told != why {
            (self.tell)(&format!("waiting: {why}"));
            why.clone_into(&mut self.told);
        }
        sleep(self.left.next().unwrap_or(pauses::LONGEST)).await;
        true
    }
}
