//! The registries as ports: contracts beside the log that decide, and to which anybody hands in what others have signed.

use async_trait::async_trait;
use domain::consent::{self, Grant, Query};
use domain::kernel::CommandId;
use domain::kernel::typed_data::SigningDomain;
use domain::registries::{Signed, practitioners};

use crate::log::{Finality, Position};
use crate::ports::StoreError;
use crate::ports::command::{Receipt, Unavailable};

/// Why a registry does not take what was signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegistryRefusal {
    /// The signature is not the signer's, or not over this.
    #[error("the signature is not the signer's over this message")]
    SignatureInvalid,
    /// The deadline has passed.
    #[error("the deadline of what was signed has passed")]
    Late,
    /// It was signed for another state of things: something has happened since, or it was handed in before.
    #[error("what was signed names another number than the next: it was handed in before, or something else was since")]
    NumberInvalid,
    /// The signer is no registrar.
    #[error("the signer is no registrar of the registry of practitioners")]
    NotARegistrar,
    /// The signer may not say this for the patient.
    #[error("the signer neither controls the patient's consents nor speaks for the patient")]
    NotInControl,
    /// The grant was given before, or was revoked before it was given.
    #[error("the grant was given before, or was revoked before it was given")]
    GrantKnown,
    /// The grant has ended, or the delegation ends no later than the one that there is.
    #[error("what was signed has ended already")]
    PeriodInvalid,
    /// The patient is a ward whose time is over.
    #[error("the patient's guardians speak for the patient no more")]
    WardInvalid,
    /// The practitioner does not stand so that this could be done.
    #[error(
        "the practitioner does not stand so that this could be done: who is suspended is reinstated, and nobody is suspended twice"
    )]
    StandingInvalid,
    /// Something else.
    #[error("the contract does not take it, and gives no reason that is known here")]
    Other,
}

/// Why something was not handed in.
#[derive(Debug, thiserror::Error)]
pub enum HandInError {
    /// The registry does not take it. Nothing changed.
    #[error(transparent)]
    Refused(#[from] RegistryRefusal),
    /// It is more than a transaction can carry. Nothing changed.
    #[error("more than a transaction can carry")]
    TooLarge,
    /// It cannot be handed in now. Nothing changed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It may have been accepted or not. Whoever hands it in again under the same command finds out.
    #[error("it cannot be told now whether it was handed in")]
    Unknown,
    /// A fault of ours.
    #[error("internal fault")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where in the log a registry has recorded what was handed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// The entry's position. Where it was so already and nothing was recorded, the last one of the log up to the block.
    pub position: Position,
    /// The version of its stream, which is what is about the same person; 0 where nothing was recorded.
    pub version: u64,
}

impl Recorded {
    /// What a command has come to that brought it about.
    pub(crate) const fn receipt(self, command_id: CommandId) -> Receipt {
        Receipt {
            command_id,
            version: self.version,
            began: false,
            position: Some(self.position),
            finality: Finality::Final,
        }
    }
}

/// The registry of practitioners.
pub type PractitionerRegistry = dyn RegistryOf<practitioners::Message>;

/// The registry of consents.
pub type ConsentRegistry = dyn RegistryOf<consent::Message>;

/// The contract of the registry of consents, asked whether it allows what its copy here says.
///
/// The copy decides, for it knows what was revoked before a node that lags does. But it stands in a database, in which somebody could write a grant that nobody has given: so
/// the contract must have allowed each grant that is used.
#[async_trait]
pub trait ConsentWitness: Send + Sync + 'static {
    /// Whether the contract allows something by a grant, or has done so lately.
    ///
    /// # Errors
    /// [`Unavailable::Chain`] when no node answers, and the contract was never asked about the grant.
    async fn allows(&self, grant: &Grant, query: &Query) -> Result<bool, Unavailable>;
}

/// A registry to which such messages are handed in.
#[async_trait]
pub trait RegistryOf<M>: Send + Sync + 'static {
    /// Where its messages are good.
    fn signing_domain(&self) -> SigningDomain;

    /// Whether something was handed in by a command, or is being.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn has_from(&self, command: CommandId) -> Result<bool, StoreError>;

    /// Hands in what somebody has signed, and answers when it is in a final block and in the read models: where in the log. Once it is
    /// durable it is seen through, however long that takes; [`crate::ports::AcceptanceListener`] is told in between. A command that has handed in the
    /// same before does not do so again, and is told what became of it.
    ///
    /// # Errors
    /// [`HandInError`].
    async fn hand_in(&self, command: CommandId, message: &M, signed: &Signed) -> Result<Recorded, HandInError>;

    /// As [`Self::hand_in`], of what somebody was promised: it is refused by the contract alone, in a final block, and not on the word of a node.
    ///
    /// # Errors
    /// [`HandInError`].
    async fn insist(&self, command: CommandId, message: &M, signed: &Signed) -> Result<Recorded, HandInError>;
}
