//! Whether a contract that is to be believed stands where it should, and calls itself what it is taken for. That is against mistakes; whom to believe the configuration says.

use application::log::Registry;

use super::registries;
use super::{Address, ChainError, EventLog, Recorder};
use crate::log::Namespace;

/// Why a contract cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// There is nothing at its address.
    #[error("at {0} stands no contract; is this the right chain, and does it have all its blocks?")]
    NoContract(Address),
    /// There is another contract.
    #[error("at {contract} stands no registry of {}", <&str>::from(registry))]
    OtherContract {
        /// The contract.
        contract: Address,
        /// What it was taken for.
        registry: Registry,
    },
    /// There is no such namespace.
    #[error("the event log has no namespace {0}")]
    NoNamespace(Namespace),
    /// Its namespace takes sealed events.
    #[error("the namespace {0} takes sealed events, not plain entries of other contracts")]
    Sealed(Namespace),
    /// Its namespace is another's, who could let others write in it, or keep the contract from writing.
    #[error("the namespace {namespace} is not owned by {contract}: its owner is {owner}")]
    NotOwner {
        /// The contract.
        contract: Address,
        /// The namespace.
        namespace: Namespace,
        /// Whose it is.
        owner: Address,
    },
    /// It does not write there.
    #[error("{contract} does not write in the namespace {namespace}")]
    NotWriter {
        /// The contract.
        contract: Address,
        /// The namespace.
        namespace: Namespace,
    },
}

impl EventLog {
    /// Makes sure that a contract stands where it should and can write in its namespace, which nobody else administers.
    ///
    /// # Errors
    /// [`RecorderError`].
    pub async fn check_recorder(&self, recorder: &Recorder) -> Result<(), RecorderError> {
        let Recorder {
            contract,
            namespace,
            registry,
        } = *recorder;
        if self.node().code(contract).await?.is_empty() {
            return Err(RecorderError::NoContract(contract));
        }
        if let Some(registry) = registry {
            let name = registries::name_of(self.node(), contract).await?;
            let expected = match registry {
                Registry::Consents => domain::consent::DOMAIN_NAME,
                Registry::Practitioners => domain::registries::practitioners::DOMAIN_NAME,
            };
            if name.as_deref() != Some(expected) {
                return Err(RecorderError::OtherContract { contract, registry });
            }
        }
        let state = self.namespace_at(namespace).await?;
        let state = state.ok_or(RecorderError::NoNamespace(namespace))?;
        if state.is_sealed {
            return Err(RecorderError::Sealed(namespace));
        }
        if state.owner != contract {
            return Err(RecorderError::NotOwner {
                contract,
                namespace,
                owner: state.owner,
            });
        }
        let writer = self.writer_of(namespace, contract).await?;
        writer.map(drop).ok_or(RecorderError::NotWriter { contract, namespace })
    }
}
