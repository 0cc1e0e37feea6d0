//! Putting the registries on a chain.

use ethers_core::abi::Token;
use serde::{Deserialize, Serialize};

use super::interface::InterfaceError;
use super::{consents, practitioners};
use crate::chain::event_log::EventLog;
use crate::chain::sending::{SendError, transact};
use crate::chain::{Address, ChainError, Recorder, Signer};
use application::log::Registry;

/// The registries of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Registries {
    /// Where patients' consents stand.
    pub consents: Recorder,
    /// Where it stands who is a practitioner.
    pub practitioners: Recorder,
}

impl Registries {
    /// Both, as a server believes them.
    pub const fn recorders(&self) -> [Recorder; 2] {
        [self.consents, self.practitioners]
    }
}

/// Why the registries are not there.
#[derive(Debug, thiserror::Error)]
pub enum RegistriesError {
    /// The program was built badly.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The transaction.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The chain does not execute such contracts.
    #[error("the registries need the rules of Cancun or later, and this chain has older ones: it knows no MCOPY")]
    OlderRules,
}

/// Creation code that stops at once, and the same with a copy of nothing (`MCOPY`) before that.
const STOP: [u8; 1] = [0x00];
const COPY: [u8; 8] = [0x60, 0x00, 0x60, 0x00, 0x60, 0x00, 0x5e, 0x00];

/// Looks whether the chain executes the registries. They could be deployed all the same, and would not work.
async fn require_rules(log: &EventLog, account: Address) -> Result<(), RegistriesError> {
    let node = log.node();
    node.estimate_gas(account, None, &STOP).await?;
    match node.estimate_gas(account, None, &COPY).await {
        Err(ChainError::Rpc { .. }) => Err(RegistriesError::OlderRules),
        answer => Ok(answer.map(drop)?),
    }
}

/// Deploys both, which open a namespace each in the log. `owner` pays, and appoints registrars. `tell` hears what is going on, in sentences.
///
/// # Errors
/// [`RegistriesError`].
pub async fn deploy(log: &EventLog, owner: &Signer, tell: impl Fn(&str)) -> Result<Registries, RegistriesError> {
    require_rules(log, owner.address()).await?;
    let at = Token::Address(log.address().to_ethers());
    let of = Token::Address(owner.address().to_ethers());
    let code = consents::interface()?.creation(std::slice::from_ref(&at))?;
    let consents = put(
        log,
        owner,
        (Registry::Consents, code),
        "deploy the registry of consents",
        &tell,
    )
    .await?;
    let code = practitioners::interface()?.creation(&[at, of])?;
    let code = (Registry::Practitioners, code);
    let practitioners = put(log, owner, code, "deploy the registry of practitioners", &tell).await?;
    tell(&format!(
        "consents are recorded by {} in the namespace {}, practitioners by {} in the namespace {}",
        consents.contract, consents.namespace, practitioners.contract, practitioners.namespace
    ));
    Ok(Registries {
        consents,
        practitioners,
    })
}

async fn put(
    log: &EventLog,
    owner: &Signer,
    (registry, code): (Registry, Vec<u8>),
    what: &'static str,
    tell: &impl Fn(&str),
) -> Result<Recorder, RegistriesError> {
    let receipt = transact(log.node(), owner, None, code, what, tell).await?;
    let contract: Address = receipt.contract.ok_or(SendError::Reverted(what))?;
    let opened = log.opened_in(&receipt).await?;
    let namespace = opened.ok_or(ChainError::Inconsistent("a registry opened no namespace of the log"))?;
    Ok(Recorder {
        contract,
        namespace,
        registry: Some(registry),
    })
}
