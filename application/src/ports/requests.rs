//! Requests to be registered, as a port: a waiting list of wallets without an account, where the operator registers by approval.
//!
//! They are short-lived, cost the log nothing, and are the same for all servers on one database. A wallet has one at most; another one
//! takes its place, under another id, so that nobody approves what they have not seen. Whoever asks is nobody yet: what they say
//! rests sealed, and is gone when the request is decided or has ended. The list is bounded.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::account::Proof;
use domain::kernel::{CommandId, Wallet, WalletId};
use domain::patient::PatientDetails;
use uuid::Uuid;

use crate::ports::StoreError;
use crate::ports::queries::Page;

/// A request that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistrationRequest {
    /// Its id. The record's follows from it.
    pub id: Uuid,
    /// The wallet that asks.
    pub wallet: Wallet,
    /// What it signed.
    pub proof: Proof,
    /// Who its owner says they are.
    pub details: PatientDetails,
    /// Since when it waits.
    pub asked_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// The place of a request in the list: the longest wait first.
pub type RequestCursor = (DateTime<Utc>, Uuid);

/// What has become of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nobody has decided. This is what was asked.
    Waiting(Box<PatientDetails>),
    /// Somebody approves, and the log may have it or not.
    BeingApproved(Box<PatientDetails>),
    /// Its owner is registered.
    Approved,
    /// Somebody has declined.
    Declined {
        /// Why.
        reason: String,
    },
}

/// A wallet's request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnRequest {
    /// Its id.
    pub id: Uuid,
    /// What has become of it.
    pub standing: Standing,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// When it is forgotten.
    pub expires_at: DateTime<Utc>,
}

/// What became of asking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// It waits.
    Listed,
    /// The list is full.
    Full,
    /// The wallet's earlier request is approved, or about to be.
    Approved,
}

/// That a request is declined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Declined<'a> {
    /// Why, for its owner to read.
    pub reason: &'a str,
    /// By which command.
    pub by: CommandId,
    /// Until when its owner can see it.
    pub until: DateTime<Utc>,
}

/// What became of a decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decided<T> {
    /// It holds.
    Done(T),
    /// There is no such request, or it has ended.
    Missing,
    /// It was decided before.
    Before,
}

/// The requests. Those that have ended are missing, swept or not.
#[async_trait]
pub trait RegistrationRequests: Send + Sync + 'static {
    /// Puts a request on the list, in the place of the wallet's former one, unless that is approved, or `most` others wait. Of those who
    /// ask in the same moment a few more may get in.
    ///
    /// # Errors
    /// When the store does not answer, as for every method here.
    async fn ask(&self, owner: WalletId, request: &RegistrationRequest, most: u32) -> Result<Asked, StoreError>;

    /// A wallet's request.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn of_wallet(&self, owner: WalletId, now: DateTime<Utc>) -> Result<Option<OwnRequest>, StoreError>;

    /// The requests on which nothing is decided, the longest wait first. Those that are being approved are among them: an approval
    /// that was cut off is taken up again by approving once more.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn waiting(
        &self,
        page: Page<RequestCursor>,
        now: DateTime<Utc>,
    ) -> Result<Vec<RegistrationRequest>, StoreError>;

    /// Begins to approve a request by a command: from now on it is neither declined nor replaced. Others may begin too; beginning again
    /// by the same command is the same.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn begin_approval(
        &self,
        id: Uuid,
        by: CommandId,
        now: DateTime<Utc>,
    ) -> Result<Decided<RegistrationRequest>, StoreError>;

    /// The log has it: the request is approved, and what it said is gone. It is remembered until then, for its owner to see.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn approved(&self, id: Uuid, until: DateTime<Utc>) -> Result<(), StoreError>;

    /// Nothing came of a command that had begun to approve, and nothing will. The request waits again if nothing can come of any other.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn give_back(&self, id: Uuid, by: CommandId) -> Result<(), StoreError>;

    /// Declines a request; what it said is gone. Declining again by the same command is the same.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn decline(&self, id: Uuid, declined: &Declined<'_>, now: DateTime<Utc>) -> Result<Decided<()>, StoreError>;

    /// Forgets what has ended.
    ///
    /// # Errors
    /// As [`Self::ask`].
    async fn sweep(&self, now: DateTime<Utc>) -> Result<(), StoreError>;
}
