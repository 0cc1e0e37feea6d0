//! Invitations as a port: the right to bind a wallet to somebody's account, once.
//!
//! They are short-lived, and the same for all servers on one database, so they stand beside sessions and not in the log: a lost one is
//! issued again. Only a hash of the secret is stored. An account has one invitation at most; another one takes its place. That it is
//! used once is not kept here but in the account: it is good for one turn ([`domain::account::Account::turn`]). Whoever issued it may
//! withdraw it, and it is no longer good than whoever issued it: not when their account is closed, their wallet taken away, or the key
//! revoked that they used.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::kernel::{AccountId, PatientId, PractitionerId};
use uuid::Uuid;

use crate::ports::StoreError;

/// Somebody who signs in with a wallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Person {
    /// A patient.
    Patient(PatientId),
    /// A practitioner.
    Practitioner(PractitionerId),
    /// Somebody of the staff, by their account.
    Staff(AccountId),
}

/// SHA-256 of an invitation's secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvitationHash(pub [u8; 32]);

/// An invitation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// Who is invited.
    pub person: Person,
    /// Their account, open or not.
    pub account: AccountId,
    /// How often who signs in to the account had changed.
    pub turn: u64,
    /// The account of who issued it.
    pub issuer: AccountId,
    /// The key that the issuer used, if it is a service.
    pub issuer_key: Option<Uuid>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// The invitations.
#[async_trait]
pub trait Invitations: Send + Sync + 'static {
    /// Issues one. A former one for the same account is dead.
    ///
    /// # Errors
    /// When the store does not answer, as for every method here.
    async fn issue(&self, hash: InvitationHash, invitation: &Invitation) -> Result<(), StoreError>;

    /// The invitation with this hash, expired or not.
    ///
    /// # Errors
    /// As [`Self::issue`].
    async fn find(&self, hash: InvitationHash) -> Result<Option<Invitation>, StoreError>;

    /// Withdraws the invitation for an account. Where there is none, nothing changes.
    ///
    /// # Errors
    /// As [`Self::issue`].
    async fn withdraw(&self, account: AccountId) -> Result<(), StoreError>;

    /// Withdraws all that an account has issued; with a `key`, only what it has issued with that key.
    ///
    /// # Errors
    /// As [`Self::issue`].
    async fn withdraw_of(&self, issuer: AccountId, key: Option<Uuid>) -> Result<(), StoreError>;

    /// Forgets what expired before.
    ///
    /// # Errors
    /// As [`Self::issue`].
    async fn sweep(&self, before: DateTime<Utc>) -> Result<(), StoreError>;
}
