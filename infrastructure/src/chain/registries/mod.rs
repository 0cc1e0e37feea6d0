//! The registries: contracts of ours that decide who may read (`ConsentRegistry.sol`) and who is a practitioner (`PractitionerRegistry.sol`).
//!
//! What is handed in to them goes as a call ([`crate::calls`]); what they record comes with the log, and `domain::registries` reads it.
//!
//! - [`consents`] and [`practitioners`]: calldata, and what their views return. [`deploy`]: putting them on a chain. [`registrars`]: who attests.
//! - `interface`: the committed artifacts.

pub mod consents;
pub mod deploy;
mod interface;
pub mod practitioners;
pub mod registrars;

use application::ports::registries::RegistryRefusal;
use domain::consent::SignerId;
use domain::registries::Signed;
use ethers_core::abi::Token;
use ethers_core::types::H160;

use super::gas::refuses;
use super::{Address, BlockId, ChainError, Node};
use interface::Interface;
pub use interface::InterfaceError;

/// Why a registry, whichever it is, has refused what was handed in, by what it gave back.
pub fn refusal(reason: &[u8]) -> RegistryRefusal {
    let interfaces = [practitioners::interface(), consents::interface()];
    let mut interfaces = interfaces.into_iter().filter_map(Result::ok);
    let error = interfaces.find_map(|interface| interface.error(reason));
    match error.unwrap_or_default() {
        "ConsentRegistry_GrantKnown" => RegistryRefusal::GrantKnown,
        "ConsentRegistry_NotInControl" => RegistryRefusal::NotInControl,
        "ConsentRegistry_PeriodInvalid" => RegistryRefusal::PeriodInvalid,
        "ConsentRegistry_WardInvalid" => RegistryRefusal::WardInvalid,
        "PractitionerRegistry_NotARegistrar" => RegistryRefusal::NotARegistrar,
        "PractitionerRegistry_StandingInvalid" => RegistryRefusal::StandingInvalid,
        "Registry_Late" => RegistryRefusal::Late,
        "Registry_NumberInvalid" => RegistryRefusal::NumberInvalid,
        "Registry_SignatureInvalid" => RegistryRefusal::SignatureInvalid,
        _ => RegistryRefusal::Other,
    }
}

fn tokens(signed: &Signed) -> [Token; 2] {
    [
        Token::Bytes(signed.signer.clone()),
        Token::Bytes(signed.signature.clone()),
    ]
}

fn address(signer: SignerId) -> Token {
    Token::Address(H160(signer.0))
}

fn number(number: u64) -> Token {
    Token::Uint(number.into())
}

fn bytes32(bytes: [u8; 32]) -> Token {
    Token::FixedBytes(bytes.to_vec())
}

/// A registry whose views are asked.
#[derive(Clone, Debug)]
struct View {
    node: Node,
    contract: Address,
    interface: fn() -> Result<&'static Interface, InterfaceError>,
}

impl View {
    const UNREADABLE: ChainError = ChainError::Inconsistent("at the address of a registry stands another contract");

    const fn new(node: Node, contract: Address, interface: fn() -> Result<&'static Interface, InterfaceError>) -> Self {
        Self {
            node,
            contract,
            interface,
        }
    }

    /// What a function returns in a block.
    async fn ask(&self, function: &'static str, arguments: &[Token], at: BlockId) -> Result<Vec<Token>, ChainError> {
        let interface = (self.interface)().map_err(|_| Self::UNREADABLE)?;
        let data = interface.call(function, arguments).map_err(|_| Self::UNREADABLE)?;
        let answer = self.node.contract(self.contract, &data, at).await?;
        interface.returned(function, &answer).ok_or(Self::UNREADABLE)
    }
}

/// What wallets call the contract at an address (EIP-5267); `None` where it does not say.
pub(super) async fn name_of(node: &Node, contract: Address) -> Result<Option<String>, ChainError> {
    // All of them have this function.
    let view = View::new(node.clone(), contract, consents::interface);
    match view.ask("eip712Domain", &[], BlockId::Latest).await {
        Ok(answer) => Ok(answer.into_iter().find_map(Token::into_string)),
        Err(error) if error == View::UNREADABLE || refuses(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(token: &Token) -> Result<u64, ChainError> {
    let number = token.clone().into_uint().ok_or(View::UNREADABLE)?;
    u64::try_from(number).map_err(|_| View::UNREADABLE)
}
