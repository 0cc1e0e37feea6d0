//! What is no longer good: accounts closed, keys and grants revoked, and wallets taken away, from the moment the command is accepted.
//!
//! The log says so too, a moment later; this list is what makes a revocation hold before it is mined. An entry is written before the
//! command is executed, with all that it takes to execute it, and is withdrawn only when the aggregate, or the registry, refuses. Whatever else
//! happens, a crash included, the denial stays, and any server on the database carries the command through
//! ([`crate::use_cases::clinic::Clinic::carry_through`]).

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::consent::Message;
use domain::kernel::{AccountId, CommandId, PatientId, Wallet};
use domain::registries::Signed;
use domain::treatment::Saying;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ports::StoreError;

/// What is revoked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Revoked {
    /// A service's key.
    Key {
        /// The service's account.
        account: AccountId,
        /// The key.
        key: Uuid,
    },
    /// A whole account.
    Account {
        /// Which.
        account: AccountId,
    },
    /// An account's wallet, which may be bound again later.
    Wallet {
        /// The account.
        account: AccountId,
        /// The wallet.
        wallet: Wallet,
        /// The registrar's reason.
        reason: String,
    },
    /// Grants of a patient.
    Grants {
        /// Whose.
        patient: PatientId,
        /// What revokes them.
        message: Box<Message>,
        /// Who has signed it.
        signed: Signed,
    },
    /// A patient's treatment.
    Treatment {
        /// Whose.
        patient: PatientId,
        /// What ends it.
        saying: Saying,
    },
}

/// A revocation, with all that it takes to execute its command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Revocation {
    /// The command.
    pub command_id: CommandId,
    /// What is denied: the id of an account, of a key, or of a wallet; of the patient whose grants are; or of a treatment.
    pub subject: Uuid,
    /// What is revoked.
    pub revoked: Revoked,
    /// Who asks.
    pub actor: AccountId,
    /// When.
    pub at: DateTime<Utc>,
    /// The conversation, if the caller named one.
    pub correlation: Option<Uuid>,
}

/// The list.
#[async_trait]
pub trait Revocations: Send + Sync + 'static {
    /// Denies, and notes what is to be carried through. Whoever does it is not disturbed for a while. Doing it again changes nothing.
    ///
    /// # Errors
    /// When the store does not answer, as for every method here. It may be denied all the same.
    async fn begin(&self, revocation: &Revocation) -> Result<(), StoreError>;

    /// The log says so now. An account and a key stay denied; grants need not be, for the registry says so, nor a treatment, for the log is asked; a wallet may be bound again, and so its sessions end. Whoever comes second
    /// changes nothing: it may have been bound by then.
    ///
    /// # Errors
    /// As [`Self::begin`].
    async fn carried_through(&self, revocation: &Revocation) -> Result<(), StoreError>;

    /// The aggregate refused: what this command denied is not denied any more. What other commands denied stays.
    ///
    /// # Errors
    /// As [`Self::begin`].
    async fn withdraw(&self, revocation: &Revocation) -> Result<(), StoreError>;

    /// Takes on what nobody is carrying through just now.
    ///
    /// # Errors
    /// As [`Self::begin`].
    async fn take_on(&self) -> Result<Vec<Revocation>, StoreError>;

    /// Whether a command is still to be carried through.
    ///
    /// # Errors
    /// As [`Self::begin`].
    async fn is_pending(&self, command: CommandId) -> Result<bool, StoreError>;

    /// Whether one of these is denied, by any server on this database.
    ///
    /// # Errors
    /// As [`Self::begin`].
    async fn any(&self, subjects: &[Uuid]) -> Result<bool, StoreError>;

    /// What revokes grants of a patient, and is still to be carried through. Whoever asks, and then asks what the registry has recorded, misses nothing.
    ///
    /// # Errors
    /// As [`Self::begin`].
    async fn of_grants(&self, patient: PatientId) -> Result<Vec<Message>, StoreError>;

    /// Whether this process denied it just now: for as long as anybody here may keep in mind what was before. Costs nothing.
    fn denied_here(&self, subject: Uuid) -> bool;

    /// A wallet was bound again: it is not denied here any more.
    fn bound_again(&self, wallet: Uuid);
}
