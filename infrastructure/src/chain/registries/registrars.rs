//! Saying who is a registrar: what the owner of the registry of practitioners does. What is so already is not done again.

use domain::consent::SignerId;
use domain::registries::practitioners::DOMAIN_NAME;

use super::interface::InterfaceError;
use super::name_of;
use super::practitioners::{self, PractitionerRegistry};
use crate::chain::sending::{SendError, transact};
use crate::chain::{Address, BlockId, ChainError, Node, Signer};

/// Why somebody did not become a registrar, or is one still.
#[derive(Debug, thiserror::Error)]
pub enum RegistrarError {
    /// The program was built badly.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The transaction.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// There is another contract, or none.
    #[error(
        "at {0} stands no registry of practitioners; is this the right chain, and the right one of both registries?"
    )]
    NotThere(Address),
    /// The registry is another's.
    #[error("{account} does not own the registry of practitioners {contract}: its owner is {owner}")]
    NotOwner {
        /// The account.
        account: Address,
        /// The registry.
        contract: Address,
        /// Whose it is.
        owner: Address,
    },
}

/// The registry's owner, who pays. `tell` hears what is going on, in sentences.
#[derive(Debug)]
pub struct Registrars<T> {
    node: Node,
    contract: Address,
    owner: Signer,
    tell: T,
}

impl<T: Fn(&str)> Registrars<T> {
    /// Of the registry at this address.
    pub const fn of(node: Node, contract: Address, owner: Signer, tell: T) -> Self {
        Self {
            node,
            contract,
            owner,
            tell,
        }
    }

    /// Makes somebody a registrar.
    ///
    /// # Errors
    /// [`RegistrarError`].
    pub async fn appoint(&self, registrar: impl Into<SignerId>) -> Result<(), RegistrarError> {
        self.make(registrar.into(), true).await
    }

    /// Makes somebody a registrar no more. What they have attested stands.
    ///
    /// # Errors
    /// [`RegistrarError`].
    pub async fn dismiss(&self, registrar: impl Into<SignerId>) -> Result<(), RegistrarError> {
        self.make(registrar.into(), false).await
    }

    async fn make(&self, registrar: SignerId, wanted: bool) -> Result<(), RegistrarError> {
        if name_of(&self.node, self.contract).await?.as_deref() != Some(DOMAIN_NAME) {
            return Err(RegistrarError::NotThere(self.contract));
        }
        let registry = PractitionerRegistry::new(self.node.clone(), self.contract);
        let said = if wanted { "a registrar" } else { "no registrar" };
        if registry.is_registrar(registrar, BlockId::Latest).await? != wanted {
            let (owner, account) = (registry.owner(BlockId::Latest).await?, self.owner.address());
            if owner != account {
                return Err(RegistrarError::NotOwner {
                    account,
                    contract: self.contract,
                    owner,
                });
            }
            let (data, what) = match wanted {
                true => (practitioners::appoint(registrar)?, "appoint a registrar"),
                false => (practitioners::dismiss(registrar)?, "dismiss a registrar"),
            };
            transact(&self.node, &self.owner, Some(self.contract), data, what, &self.tell).await?;
        }
        (self.tell)(&format!("{} is {said}", Address(registrar.0)));
        Ok(())
    }
}
