//! Speaking with `PractitionerRegistry.sol`.

use std::sync::LazyLock;

use domain::consent::SignerId;
use domain::kernel::PractitionerId;
use domain::registries::Signed;
use domain::registries::practitioners::{Attestation, Message, Standing};
use ethers_core::abi::Token;

use super::interface::{Interface, InterfaceError};
use super::{View, address, bytes32, number, read, tokens};
use crate::chain::{Address, BlockId, ChainError, Node};

static INTERFACE: LazyLock<Result<Interface, InterfaceError>> = LazyLock::new(|| {
    Interface::of(include_str!(
        "../../../../contracts/artifacts/PractitionerRegistry.json"
    ))
});

pub(super) fn interface() -> Result<&'static Interface, InterfaceError> {
    super::interface::of(&INTERFACE)
}

/// Hands in what a registrar has signed.
///
/// # Errors
/// [`InterfaceError`].
pub fn hand_in(message: &Message, signed: &Signed) -> Result<Vec<u8>, InterfaceError> {
    let (function, mut arguments) = match *message {
        Message::Attestation {
            practitioner,
            details,
            number: turn,
            deadline,
        } => (
            "attest",
            vec![whom(practitioner), bytes32(details), number(turn), number(deadline)],
        ),
        Message::Suspension {
            practitioner,
            reinstatements,
        } => ("suspend", vec![whom(practitioner), number(reinstatements)]),
        Message::Reinstatement {
            practitioner,
            number: turn,
            deadline,
        } => ("reinstate", vec![whom(practitioner), number(turn), number(deadline)]),
    };
    arguments.extend(tokens(signed));
    interface()?.call(function, &arguments)
}

/// Makes somebody a registrar. The registry's owner alone sends it.
///
/// # Errors
/// [`InterfaceError`].
pub fn appoint(registrar: SignerId) -> Result<Vec<u8>, InterfaceError> {
    interface()?.call("appoint", &[address(registrar)])
}

/// Makes somebody a registrar no more. The registry's owner alone sends it.
///
/// # Errors
/// [`InterfaceError`].
pub fn dismiss(registrar: SignerId) -> Result<Vec<u8>, InterfaceError> {
    interface()?.call("dismiss", &[address(registrar)])
}

fn whom(practitioner: PractitionerId) -> Token {
    Token::FixedBytes(practitioner.uuid().into_bytes().to_vec())
}

/// The registry at an address, to be asked how things stand there. A server asks it for nothing that it decides: it follows the entries.
#[derive(Clone, Debug)]
pub struct PractitionerRegistry(View);

impl PractitionerRegistry {
    /// At this address.
    pub const fn new(node: Node, contract: Address) -> Self {
        Self(View::new(node, contract, interface))
    }

    /// Whether somebody is a registrar, in a block.
    ///
    /// # Errors
    /// The node's.
    pub async fn is_registrar(&self, signer: SignerId, at: BlockId) -> Result<bool, ChainError> {
        match self.0.ask("isRegistrar", &[address(signer)], at).await?.as_slice() {
            [Token::Bool(is_registrar)] => Ok(*is_registrar),
            _ => Err(View::UNREADABLE),
        }
    }

    /// Who appoints registrars, in a block.
    ///
    /// # Errors
    /// The node's.
    pub async fn owner(&self, at: BlockId) -> Result<Address, ChainError> {
        match self.0.ask("owner", &[], at).await?.as_slice() {
            [Token::Address(owner)] => Ok((*owner).into()),
            _ => Err(View::UNREADABLE),
        }
    }

    /// What it knows of a practitioner, in a block; it knows no positions of the log.
    ///
    /// # Errors
    /// The node's.
    pub async fn practitioner_at(&self, practitioner: PractitionerId, at: BlockId) -> Result<Attestation, ChainError> {
        let answer = self.0.ask("practitionerAt", &[whom(practitioner)], at).await?;
        let [standing, number, reinstatements, Token::FixedBytes(details)] = answer.as_slice() else {
            return Err(View::UNREADABLE);
        };
        let standing = match read(standing)? {
            0 => Standing::Unknown,
            1 => Standing::Attested,
            2 => Standing::Suspended,
            _ => return Err(View::UNREADABLE),
        };
        let details = details.as_slice().try_into().map_err(|_| View::UNREADABLE)?;
        Ok(Attestation {
            standing,
            number: read(number)?,
            reinstatements: read(reinstatements)?,
            details: (details != [0; 32]).then_some(details),
            attested_since: None,
        })
    }
}
