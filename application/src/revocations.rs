//! What is no longer good: accounts closed and keys revoked, from the moment the command is accepted.
//!
//! The log says so too, a moment later; this list is what makes a revocation hold before it is mined. An entry is written
//! before the command is executed and withdrawn when it is certain that the command came to nothing, so a crash in between, or
//! any other doubt, denies rather than allows.

use async_trait::async_trait;
use domain::kernel::CommandId;
use uuid::Uuid;

use crate::error::StoreError;

/// The list.
#[async_trait]
pub trait Revocations: Send + Sync + 'static {
    /// Denies an account or a key, by its id.
    ///
    /// # Errors
    /// When the store does not answer, as for every method here.
    async fn add(&self, subject: Uuid, command: CommandId) -> Result<(), StoreError>;

    /// Takes back what a failed command added. What other commands added stays.
    ///
    /// # Errors
    /// As [`Self::add`].
    async fn withdraw(&self, subject: Uuid, command: CommandId) -> Result<(), StoreError>;

    /// Whether one of these is denied, by any server on this database.
    ///
    /// # Errors
    /// As [`Self::add`].
    async fn any(&self, subjects: &[Uuid]) -> Result<bool, StoreError>;

    /// Whether this process denied it. Costs nothing.
    fn denied_here(&self, subject: Uuid) -> bool;
}
