//! Speaking with `ConsentRegistry.sol`.

use std::sync::LazyLock;

use domain::consent::{Grant, GrantId, GranteeTag, Message, Query, SignerId};
use domain::kernel::typed_data::{Struct, Value};
use domain::registries::Signed;
use ethers_core::abi::Token;

use super::interface::{Interface, InterfaceError};
use super::{View, address, bytes32, number, read, tokens};
use crate::chain::{Address, BlockId, ChainError, Node};

static INTERFACE: LazyLock<Result<Interface, InterfaceError>> =
    LazyLock::new(|| Interface::of(include_str!("../../../../contracts/artifacts/ConsentRegistry.json")));

pub(super) fn interface() -> Result<&'static Interface, InterfaceError> {
    super::interface::of(&INTERFACE)
}

/// Who can give a patient another controller, as it is hashed when they are set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guardians {
    /// Their ids, in ascending order.
    pub ids: Vec<SignerId>,
    /// How many of them it takes.
    pub threshold: u64,
    /// How many seconds the controller has to refuse it.
    pub delay: u64,
}

impl Guardians {
    /// What a patient signs of them.
    pub fn hash(&self) -> [u8; 32] {
        crate::chain::keccak256(&ethers_core::abi::encode(&self.tokens()))
    }

    fn tokens(&self) -> [Token; 3] {
        let ids = self.ids.iter().map(|id| address(*id)).collect();
        [Token::Array(ids), number(self.threshold), number(self.delay)]
    }
}

/// Hands a message in. A change of the controller and a recovery are signed by several: for these there are [`change_controller`] and [`begin_recovery`].
///
/// # Errors
/// [`InterfaceError`], also for these two.
pub fn hand_in(message: &Message, signed: &Signed) -> Result<Vec<u8>, InterfaceError> {
    let patient = address(message.patient());
    let (function, mut arguments) = match message {
        Message::Grant(grant) => ("grant", vec![grant_tuple(grant)]),
        Message::Revocation { grant, .. } => ("revoke", vec![patient, bytes32(grant.0)]),
        Message::GranteeRevocation { grantee, epoch, .. } => {
            ("revokeGrantee", vec![patient, bytes32(grantee.0), number(*epoch)])
        }
        Message::FullRevocation { epoch, .. } => ("revokeAll", vec![patient, number(*epoch)]),
        Message::Delegation {
            delegate,
            until,
            epoch,
            deadline,
            ..
        } => (
            "delegate",
            vec![
                patient,
                address(*delegate),
                number(*until),
                number(*epoch),
                number(*deadline),
            ],
        ),
        Message::DelegationEnd { delegate, epoch, .. } => {
            ("endDelegation", vec![patient, address(*delegate), number(*epoch)])
        }
        Message::Guardians {
            guardians,
            number: turn,
            deadline,
            ..
        } => (
            "setGuardians",
            vec![patient, bytes32(*guardians), number(*turn), number(*deadline)],
        ),
        Message::RecoveryRefusal { number: turn, .. } => ("refuseRecovery", vec![patient, number(*turn)]),
        Message::Controller { .. } => ("changeController", Vec::new()),
        Message::Recovery { .. } => ("beginRecovery", Vec::new()),
    };
    arguments.extend(tokens(signed));
    interface()?.call(function, &arguments)
}

/// Hands in that a patient has another controller: `by` the former one, and `accepted` by the new one.
///
/// # Errors
/// [`InterfaceError`].
pub fn change_controller(
    patient: SignerId,
    turn: u64,
    deadline: u64,
    by: &Signed,
    accepted: &Signed,
) -> Result<Vec<u8>, InterfaceError> {
    let [signer, signature] = tokens(by);
    let [successor, acceptance] = tokens(accepted);
    let arguments = [
        address(patient),
        number(turn),
        number(deadline),
        signer,
        signature,
        successor,
        acceptance,
    ];
    interface()?.call("changeController", &arguments)
}

/// Hands in that guardians name another controller. `signed` is in ascending order of the signers' ids.
///
/// # Errors
/// [`InterfaceError`].
pub fn begin_recovery(
    patient: SignerId,
    to: SignerId,
    turn: u64,
    deadline: u64,
    guardians: &Guardians,
    signed: &[Signed],
) -> Result<Vec<u8>, InterfaceError> {
    let list = |part: fn(&Signed) -> &Vec<u8>| {
        Token::Array(signed.iter().map(|one| Token::Bytes(part(one).clone())).collect())
    };
    let arguments = [
        address(patient),
        address(to),
        number(turn),
        number(deadline),
        Token::Tuple(guardians.tokens().to_vec()),
        list(|one| &one.signer),
        list(|one| &one.signature),
    ];
    interface()?.call("beginRecovery", &arguments)
}

/// Makes the one whom guardians have named the controller.
///
/// # Errors
/// [`InterfaceError`].
pub fn complete_recovery(patient: SignerId) -> Result<Vec<u8>, InterfaceError> {
    interface()?.call("completeRecovery", &[address(patient)])
}

/// Opens a ward. It is named by [`ward`].
///
/// # Errors
/// [`InterfaceError`].
pub fn open_ward(controller: SignerId, until: u64, salt: [u8; 32]) -> Result<Vec<u8>, InterfaceError> {
    interface()?.call("openWard", &[address(controller), number(until), bytes32(salt)])
}

/// The ward that this controller opens until then with this salt.
pub fn ward(controller: SignerId, until: u64, salt: [u8; 32]) -> SignerId {
    let kind = crate::chain::keccak256(b"Ward(address controller,uint40 until,bytes32 salt)");
    let encoded = ethers_core::abi::encode(&[bytes32(kind), address(controller), number(until), bytes32(salt)]);
    let [_, _, _, _, _, _, _, _, _, _, _, _, id @ ..] = crate::chain::keccak256(&encoded);
    SignerId(id)
}

/// How a patient's controller can be changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ControlOf {
    /// The hash of the guardians; 0 for none.
    pub guardians: [u8; 32],
    /// The number of the control.
    pub number: u64,
    /// Whom guardians have named, and from when on that can be completed.
    pub candidate: Option<(SignerId, u64)>,
}

/// The registry at an address, to be asked how things stand there. By what it answers a server lets nobody in: that it does by the entries, and asks here whether it may.
#[derive(Clone, Debug)]
pub struct ConsentRegistry(View);

impl ConsentRegistry {
    /// At this address.
    pub const fn new(node: Node, contract: Address) -> Self {
        Self(View::new(node, contract, interface))
    }

    /// Whether a grant allows something, in a block.
    ///
    /// # Errors
    /// The node's.
    pub async fn is_allowed(&self, grant: &Grant, query: &Query, at: BlockId) -> Result<bool, ChainError> {
        let arguments = [grant_tuple(grant), tuple(&grant.details.typed()), query_tuple(query)];
        match self.0.ask("isAllowed", &arguments, at).await?.as_slice() {
            [Token::Bool(is_allowed)] => Ok(*is_allowed),
            _ => Err(View::UNREADABLE),
        }
    }

    /// Whether a grant was given, and whether it was revoked by its id, in a block.
    ///
    /// # Errors
    /// The node's.
    pub async fn grant_at(&self, patient: SignerId, grant: GrantId, at: BlockId) -> Result<(bool, bool), ChainError> {
        match self
            .0
            .ask("grantAt", &[address(patient), bytes32(grant.0)], at)
            .await?
            .as_slice()
        {
            [Token::Bool(is_given), Token::Bool(is_revoked)] => Ok((*is_given, *is_revoked)),
            _ => Err(View::UNREADABLE),
        }
    }

    /// A patient's controller, the end of a ward, and the patient's epoch, in a block.
    ///
    /// # Errors
    /// The node's.
    pub async fn patient_at(&self, patient: SignerId, at: BlockId) -> Result<(SignerId, u64, u64), ChainError> {
        match self.0.ask("patientAt", &[address(patient)], at).await?.as_slice() {
            [Token::Address(controller), until, epoch] => Ok((SignerId(controller.0), read(until)?, read(epoch)?)),
            _ => Err(View::UNREADABLE),
        }
    }

    /// A grantee's epoch, in a block.
    ///
    /// # Errors
    /// The node's.
    pub async fn grantee_epoch(&self, patient: SignerId, grantee: GranteeTag, at: BlockId) -> Result<u64, ChainError> {
        match self
            .0
            .ask("granteeEpoch", &[address(patient), bytes32(grantee.0)], at)
            .await?
            .as_slice()
        {
            [epoch] => read(epoch),
            _ => Err(View::UNREADABLE),
        }
    }

    /// Until when somebody may speak for a patient, and the delegate's epoch, in a block.
    ///
    /// # Errors
    /// The node's.
    pub async fn delegation_to(&self, patient: SignerId, to: SignerId, at: BlockId) -> Result<(u64, u64), ChainError> {
        match self
            .0
            .ask("delegationTo", &[address(patient), address(to)], at)
            .await?
            .as_slice()
        {
            [until, epoch] => Ok((read(until)?, read(epoch)?)),
            _ => Err(View::UNREADABLE),
        }
    }

    /// The hash of a patient's guardians, the number of the control, and whom guardians have named, in a block.
    ///
    /// # Errors
    /// The node's.
    pub async fn control_of(&self, patient: SignerId, at: BlockId) -> Result<ControlOf, ChainError> {
        match self.0.ask("controlOf", &[address(patient)], at).await?.as_slice() {
            [Token::FixedBytes(guardians), turn, Token::Address(candidate), ready_at] => {
                let candidate = (!candidate.is_zero()).then_some(SignerId(candidate.0));
                let ready_at = read(ready_at)?;
                Ok(ControlOf {
                    guardians: guardians.as_slice().try_into().map_err(|_| View::UNREADABLE)?,
                    number: read(turn)?,
                    candidate: candidate.map(|candidate| (candidate, ready_at)),
                })
            }
            _ => Err(View::UNREADABLE),
        }
    }
}

fn grant_tuple(grant: &Grant) -> Token {
    let mut typed = grant.typed();
    for (_, value) in &mut typed.members {
        if let Value::Struct(inner) = value {
            *value = Value::Bytes32(inner.hash());
        }
    }
    tuple(&typed)
}

/// A struct as the ABI has it.
fn tuple(value: &Struct) -> Token {
    let token = |value: &Value| match value {
        Value::Address(bytes) => Token::Address((*bytes).into()),
        Value::Bytes16(bytes) => Token::FixedBytes(bytes.to_vec()),
        Value::Bytes32(bytes) => bytes32(*bytes),
        Value::Number(value) => number(*value),
        Value::Flag(flag) => Token::Bool(*flag),
        Value::Text(text) => Token::String(text.clone()),
        Value::Texts(texts) => Token::Array(texts.iter().cloned().map(Token::String).collect()),
        Value::Struct(inner) => tuple(inner),
    };
    Token::Tuple(value.members.iter().map(|(_, value)| token(value)).collect())
}

fn query_tuple(query: &Query) -> Token {
    let document = query.document.map(|document| document.to_string());
    Token::Tuple(vec![
        Token::String(query.grantee.to_string()),
        Token::String(query.category.to_string()),
        Token::String(document.unwrap_or_default()),
        number(query.time.unwrap_or_default()),
        Token::String(query.purpose.to_string()),
        Token::Bool(query.writes),
    ])
}
