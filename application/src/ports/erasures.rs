//! Who is to be erased: asked for once, and carried through by any server on the database, whatever stops meanwhile.

use async_trait::async_trait;
use domain::erasure::KeyName;
use domain::kernel::{CommandId, DataSubject, SubjectId};

use crate::ports::StoreError;

/// A request to erase somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErasureRequest {
    /// Whom.
    pub subject: DataSubject,
    /// The command that does it.
    pub command_id: CommandId,
}

/// The list.
#[async_trait]
pub trait Erasures: Send + Sync + 'static {
    /// Notes that somebody is to be erased, and answers with what is noted of them now: whoever was noted before, and was not refused, stays so. Nobody else carries it
    /// through for a moment.
    ///
    /// # Errors
    /// When the store does not answer, as for every method here.
    async fn ask(&self, request: &ErasureRequest) -> Result<ErasureRequest, StoreError>;

    /// Takes on what nobody is carrying through just now, and what is neither logged nor refused.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn take_on(&self) -> Result<Vec<ErasureRequest>, StoreError>;

    /// The names of all keys that a data subject ever had here, the destroyed ones included.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn keys_of(&self, subject: SubjectId) -> Result<Vec<KeyName>, StoreError>;

    /// Notes that the log has it, if it has; and answers whether.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn logged(&self, request: &ErasureRequest) -> Result<bool, StoreError>;

    /// It could not be done yet, for a reason that says nothing of the person.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn waits(&self, request: &ErasureRequest, why: &str) -> Result<(), StoreError>;

    /// It will not be done, for a reason that says nothing of the person.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn refused(&self, request: &ErasureRequest, why: &str) -> Result<(), StoreError>;
}
