//! Sending one transaction, and waiting until it is mined: what people ask for by hand, such as a deployment. The appender has its own way.
//!
//! A node that stumbles is asked again, for minutes. A transaction is signed once and the same one is sent again until it is mined,
//! so that a lost answer does not deploy a second contract.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff};
use tokio::time::{Instant, sleep};

use super::gas::refuses;
use super::signer::{SignedTransaction, Signer, Transaction, TransactionError};
use super::{Address, ChainError, Node, Receipt, hex};
use crate::pauses;

/// Why a transaction did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The key.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// The account cannot pay.
    #[error("the account {0} cannot pay for the transaction: send it ether")]
    NoFunds(Address),
    /// It was mined and reverted.
    #[error("the chain reverted the transaction that would {0}")]
    Reverted(&'static str),
    /// It was not mined in time. It may be later: what it does must not be done again before that is known.
    #[error("the chain did not mine the transaction {transaction} that would {what} in time; {last}")]
    Late {
        /// What it would do.
        what: &'static str,
        /// Its hash.
        transaction: String,
        /// What the node said last.
        last: String,
    },
}

impl SendError {
    /// Whether the contract refuses what was asked of it, mined or only estimated.
    pub fn is_a_revert(&self) -> bool {
        match self {
            Self::Chain(error) => refuses(error),
            Self::Reverted(_) => true,
            Self::Transaction(_) | Self::NoFunds(_) | Self::Late { .. } => false,
        }
    }
}

/// How long to wait for one answer, or for one transaction.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often a transaction that is not mined is sent again.
const RESEND: Duration = Duration::from_secs(10);

/// Sends a transaction, and waits until it is mined.
pub(super) async fn transact(
    node: &Node,
    from: &Signer,
    to: Option<Address>,
    data: Vec<u8>,
    what: &'static str,
    tell: &impl Fn(&str),
) -> Result<Receipt, SendError> {
    let done = async {
        let signed = sign(node, from, to, data, tell).await?;
        mined(node, &signed, what, tell).await
    };
    match done.await {
        Err(SendError::Chain(error)) if error.is_lack_of_funds() => Err(SendError::NoFunds(from.address())),
        Ok(receipt) if !receipt.succeeded => Err(SendError::Reverted(what)),
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
) -> Result<SignedTransaction, SendError> {
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
) -> Result<Receipt, SendError> {
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
            return Err(SendError::Late {
                what,
                transaction,
                last,
            });
        }
    }
}

/// Asks again while the fault may pass.
pub(super) async fn patiently<T>(
    tell: &impl Fn(&str),
    ask: impl AsyncFn() -> Result<T, ChainError>,
) -> Result<T, ChainError> {
    let mut patience = Patience::new(PATIENCE, tell);
    loop {
        match ask().await {
            Err(error) if error.is_transient() && patience.pause(&error.to_string()).await => {}
            done => return done,
        }
    }
}

/// How long somebody waits, and what for.
pub(super) struct Patience<'a, T> {
    tell: &'a T,
    until: Instant,
    left: ExponentialBackoff,
    told: String,
}

impl<'a, T: Fn(&str)> Patience<'a, T> {
    pub(super) fn new(limit: Duration, tell: &'a T) -> Self {
        Self {
            tell,
            until: Instant::now() + limit,
            left: pauses::growing().build(),
            told: String::new(),
        }
    }

    /// Waits a little, and tells once what for. `false` when there is no patience left.
    pub(super) async fn pause(&mut self, why: &str) -> bool {
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
