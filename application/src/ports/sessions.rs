//! Signing in with a wallet: nonces that were used, and sessions, as a port.
//!
//! Only hashes of tokens are stored. A session ends when it was idle for too long, when it is too old, or when it is closed.

use std::num::NonZeroU32;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::account::Proof;
use domain::kernel::{CommandId, Wallet};

use crate::ports::StoreError;

/// SHA-256 of a session's token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TokenHash(pub [u8; 32]);

/// An open session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
    /// Whose.
    pub wallet: Wallet,
    /// When it ends unless it is used.
    pub idle_expires_at: DateTime<Utc>,
    /// When it ends in any case.
    pub expires_at: DateTime<Utc>,
}

/// A wallet that has signed in, with what it signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    /// The wallet.
    pub wallet: Wallet,
    /// The message and its signature.
    pub proof: Proof,
    /// The session that was opened for it, if one was.
    pub session: Option<TokenHash>,
}

/// Nonces and sessions.
#[async_trait]
pub trait Sessions: Send + Sync + 'static {
    /// Uses a nonce up, of which the caller knows that it is ours and when it ends. `false` when it was used: of two callers, one gets
    /// `true`.
    ///
    /// # Errors
    /// When the store does not answer, as for every method here.
    async fn use_nonce(&self, nonce: &str, ends: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Uses a nonce up for a command. `false` when it was used by anything else; the same command may be tried again.
    ///
    /// # Errors
    /// As [`Self::use_nonce`].
    async fn spend_nonce(&self, nonce: &str, command: CommandId, ends: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Opens a session, and keeps what was signed for it. A wallet has at most so many: the oldest end, and are answered. At least the
    /// new one stays.
    ///
    /// # Errors
    /// As [`Self::use_nonce`].
    async fn open(
        &self,
        token: TokenHash,
        session: &Session,
        proof: &Proof,
        most: NonZeroU32,
    ) -> Result<Vec<TokenHash>, StoreError>;

    /// What was signed for a session, unless it is closed.
    ///
    /// # Errors
    /// As [`Self::use_nonce`].
    async fn proof(&self, token: TokenHash) -> Result<Option<Proof>, StoreError>;

    /// The session, unless it ended.
    ///
    /// # Errors
    /// As [`Self::use_nonce`].
    async fn find(&self, token: TokenHash, now: DateTime<Utc>) -> Result<Option<Session>, StoreError>;

    /// Puts off the idle end of sessions that were used, many at once.
    ///
    /// # Errors
    /// As [`Self::use_nonce`].
    async fn touch(&self, used: &[(TokenHash, DateTime<Utc>)]) -> Result<(), StoreError>;

    /// Closes a session. Closing it again changes nothing.
    ///
    /// # Errors
    /// As [`Self::use_nonce`].
    async fn close(&self, token: TokenHash) -> Result<(), StoreError>;

    /// Closes a wallet's sessions, but for one. What they stood for has ended: were the wallet bound again, they would stand for that.
    ///
    /// # Errors
    /// As [`Self::use_nonce`].
    async fn close_all(&self, wallet: &Wallet, except: Option<TokenHash>) -> Result<(), StoreError>;

    /// Forgets nonces and sessions that ended.
    ///
    /// # Errors
    /// As [`Self::use_nonce`].
    async fn sweep(&self, now: DateTime<Utc>) -> Result<(), StoreError>;
}
