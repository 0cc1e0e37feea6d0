//! What the owner of a namespace does: opening it, saying who writes in it, publishing its profile, handing it over.
//!
//! Each act is a transaction. Except for publishing it is done once: what is so already is not done again.

use std::time::Duration;

use super::contract::{self, NamespaceState};
use super::sending::{Patience, SendError, patiently, transact};
use super::{Address, BlockId, ChainError, EventLog, Receipt, Signer};
use crate::log::Namespace;

/// How long to wait until a node shows what was done: several may stand behind one address, and what an earlier run has sent may not be mined yet.
const UNTIL_SHOWN: Duration = Duration::from_secs(30);

/// Why a namespace could not be administered.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The transaction.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The namespace is another's.
    #[error("{account} does not own the namespace {namespace}: its owner is {owner}")]
    NotOwner {
        /// The account.
        account: Address,
        /// The namespace.
        namespace: Namespace,
        /// Whose it is.
        owner: Address,
    },
    /// There is none.
    #[error("the event log has no namespace {0}; if it was opened, does the node have all its blocks?")]
    Unknown(Namespace),
    /// It is not for commits.
    #[error("the namespace {0} takes plain entries of other contracts, not sealed events")]
    Plain(Namespace),
    /// It is offered to somebody else, or to nobody.
    #[error(
        "the namespace {namespace} is not offered to {account}: its owner offers it with `medconnect namespace offer`"
    )]
    NotOffered {
        /// The account.
        account: Address,
        /// The namespace.
        namespace: Namespace,
    },
    /// Its delay has not passed.
    #[error("the namespace {namespace} can be accepted in {seconds} seconds")]
    TooEarly {
        /// The namespace.
        namespace: Namespace,
        /// How long to wait.
        seconds: u64,
    },
}

impl From<ChainError> for NamespaceError {
    fn from(error: ChainError) -> Self {
        Self::Send(error.into())
    }
}

/// A namespace for commits of sealed events, as the newest block has it.
///
/// # Errors
/// [`NamespaceError::Unknown`], [`NamespaceError::Plain`], or the node's.
pub async fn sealed(log: &EventLog, namespace: Namespace) -> Result<NamespaceState, NamespaceError> {
    match log.namespace_at(namespace).await? {
        Some(state) if state.is_sealed => Ok(state),
        Some(_) => Err(NamespaceError::Plain(namespace)),
        None => Err(NamespaceError::Unknown(namespace)),
    }
}

/// Who administers namespaces of a contract, with an account that pays and owns. `tell` hears what is going on, in sentences.
#[derive(Debug)]
pub struct Administration<T> {
    log: EventLog,
    account: Signer,
    tell: T,
}

impl<T: Fn(&str)> Administration<T> {
    /// Of this contract, which must stand there.
    pub const fn of(log: EventLog, account: Signer, tell: T) -> Self {
        Self { log, account, tell }
    }

    /// The contract.
    pub const fn log(&self) -> &EventLog {
        &self.log
    }

    /// Opens a namespace for commits of sealed events, which is the account's. For `delay` seconds it cannot be accepted once it was offered
    /// to somebody.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub async fn open(&self, delay: u32) -> Result<Namespace, NamespaceError> {
        const WHAT: &str = "open a namespace";
        let receipt = self.send(contract::open_namespace(true, delay), WHAT).await?;
        let mut patience = Patience::new(UNTIL_SHOWN, &self.tell);
        loop {
            let opened = self.log.opened_in(&receipt).await;
            let shown = match &opened {
                Ok(Some(namespace)) => sealed(&self.log, *namespace).await.is_ok(),
                _ => false,
            };
            let block = receipt.block_number;
            match opened {
                Ok(Some(namespace)) if shown => {
                    (self.tell)(&format!("the namespace {namespace} is open"));
                    return Ok(namespace);
                }
                _ if patience
                    .pause(&format!("the node does not show what block {block} opened"))
                    .await => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Err(ChainError::Inconsistent("a namespace was opened and is not shown").into()),
            }
        }
    }

    /// Makes an account a writer; nothing is sent if it is one.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub async fn admit(&self, namespace: Namespace, writer: Address) -> Result<(), NamespaceError> {
        let is_so = async || Ok(self.log.writer_of(namespace, writer).await?.is_some());
        let data = contract::admit(namespace, writer);
        self.ensure(namespace, data, "admit a writer", is_so).await?;
        (self.tell)(&format!("{writer} may append"));
        Ok(())
    }

    /// Takes from an account the right to write; nothing is sent if it is no writer.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub async fn dismiss(&self, namespace: Namespace, writer: Address) -> Result<(), NamespaceError> {
        let is_so = async || Ok(self.log.writer_of(namespace, writer).await?.is_none());
        let data = contract::dismiss(namespace, writer);
        let said = match self.ensure(namespace, data, "dismiss a writer", is_so).await? {
            Done::Now => "may not append any more",
            Done::Before => "is no writer",
        };
        (self.tell)(&format!("{writer} {said}"));
        Ok(())
    }

    /// Offers the namespace to another owner; nothing is sent if it is offered to them. An offer takes the place of the one before.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub async fn offer(&self, namespace: Namespace, candidate: Address) -> Result<(), NamespaceError> {
        let is_so = async || Ok(sealed(&self.log, namespace).await?.candidate == Some(candidate));
        let data = contract::transfer_namespace(namespace, candidate);
        self.ensure(namespace, data, "offer the namespace", is_so).await?;
        let seconds = self.until_acceptable(namespace).await?;
        (self.tell)(&format!(
            "the namespace {namespace} is offered to {candidate}, who can accept it in {seconds} seconds"
        ));
        Ok(())
    }

    /// Offers the namespace to nobody any more; nothing is sent if it is not offered.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub async fn take_back(&self, namespace: Namespace) -> Result<(), NamespaceError> {
        let is_so = async || Ok(sealed(&self.log, namespace).await?.candidate.is_none());
        let data = contract::transfer_namespace(namespace, Address([0; 20]));
        self.ensure(namespace, data, "take the offer back", is_so).await?;
        (self.tell)(&format!("the namespace {namespace} is offered to nobody"));
        Ok(())
    }

    /// Accepts a namespace that was offered to the account; nothing is sent if it is the account's.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub async fn accept(&self, namespace: Namespace) -> Result<(), NamespaceError> {
        let account = self.account.address();
        let state = self.sealed(namespace).await?;
        if state.owner != account {
            if state.candidate != Some(account) {
                return Err(NamespaceError::NotOffered { account, namespace });
            }
            if let seconds @ 1.. = self.until_acceptable(namespace).await? {
                return Err(NamespaceError::TooEarly { namespace, seconds });
            }
            let accepted = self.send(contract::accept_namespace(namespace), "accept the namespace");
            if let Err(error) = accepted.await {
                let is_so = async || Ok(sealed(&self.log, namespace).await?.owner == account);
                self.be_so(error, is_so).await?;
            }
        }
        (self.tell)(&format!("the namespace {namespace} is {account}'s"));
        Ok(())
    }

    /// Publishes a profile, which adds to what was published before. Done again it stands there twice, which changes nothing.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub async fn publish(&self, namespace: Namespace, profile: &[u8]) -> Result<Receipt, NamespaceError> {
        let (account, state) = (self.account.address(), self.sealed(namespace).await?);
        if state.owner != account {
            return Err(NamespaceError::NotOwner {
                account,
                namespace,
                owner: state.owner,
            });
        }
        let data = contract::publish(namespace, profile);
        let receipt = self.send(data, "publish the profile").await?;
        let block = receipt.block_number;
        (self.tell)(&format!("it is published in block {block}"));
        Ok(receipt)
    }

    /// In how many seconds an offered namespace can be accepted. Chains have different clocks, and one that mines only what is sent has none
    /// between its blocks: the later one of the newest block's time and of this machine's counts.
    async fn until_acceptable(&self, namespace: Namespace) -> Result<u64, NamespaceError> {
        let state = self.sealed(namespace).await?;
        let node = self.log.node();
        let newest = patiently(&self.tell, async || node.header(BlockId::Latest).await).await?;
        let newest = newest.map_or(0, |newest| newest.block.timestamp);
        let here = u64::try_from(chrono::Utc::now().timestamp()).unwrap_or_default();
        Ok(state.acceptable_from.saturating_sub(newest.max(here)))
    }

    /// Sees to it that something is so, with one transaction of the owner at most.
    async fn ensure(
        &self,
        namespace: Namespace,
        data: Vec<u8>,
        what: &'static str,
        is_so: impl AsyncFn() -> Result<bool, NamespaceError>,
    ) -> Result<Done, NamespaceError> {
        let state = self.sealed(namespace).await?;
        if is_so().await? {
            return Ok(Done::Before);
        }
        let (account, owner) = (self.account.address(), state.owner);
        if owner != account {
            return Err(NamespaceError::NotOwner {
                account,
                namespace,
                owner,
            });
        }
        if let Err(error) = self.send(data, what).await {
            self.be_so(error, is_so).await?;
        }
        Ok(Done::Now)
    }

    /// Waits until something is so that could not be done, as it seems: somebody else may be doing it, or an earlier run whose transaction is
    /// not mined yet.
    async fn be_so(
        &self,
        error: SendError,
        is_so: impl AsyncFn() -> Result<bool, NamespaceError>,
    ) -> Result<(), NamespaceError> {
        let mut patience = Patience::new(UNTIL_SHOWN, &self.tell);
        while error.is_a_revert() {
            if is_so().await? {
                return Ok(());
            }
            if !patience.pause("it may be being done already").await {
                break;
            }
        }
        Err(error.into())
    }

    /// The namespace, if there is one for commits. A node that stumbles is asked again.
    async fn sealed(&self, namespace: Namespace) -> Result<NamespaceState, NamespaceError> {
        let state = patiently(&self.tell, async || match sealed(&self.log, namespace).await {
            Err(NamespaceError::Send(SendError::Chain(error))) => Err(error),
            other => Ok(other),
        });
        state.await?
    }

    async fn send(&self, data: Vec<u8>, what: &'static str) -> Result<Receipt, SendError> {
        transact(
            self.log.node(),
            &self.account,
            Some(self.log.address()),
            data,
            what,
            &self.tell,
        )
        .await
    }
}

/// When something was done that is so.
enum Done {
    /// By this run, or while it ran.
    Now,
    /// Before.
    Before,
}
