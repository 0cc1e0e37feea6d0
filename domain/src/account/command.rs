//! What can be asked of an account.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::event::{Binding, Holder, KeyHash, Scope};
use crate::kernel::Wallet;

/// A command to an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountCommand {
    /// Open it. Doing so again for the same holder changes nothing; for another it is refused.
    Open {
        /// For whom.
        holder: Holder,
    },
    /// Issue a key to a service.
    IssueKey {
        /// The key's id.
        key: Uuid,
        /// Its hash.
        hash: KeyHash,
        /// What it may be used for; at least one.
        scopes: Vec<Scope>,
        /// When it stops working, if ever; in the future.
        expires: Option<DateTime<Utc>>,
        /// The time of the command.
        now: DateTime<Utc>,
    },
    /// Revoke a key. Revoking it again changes nothing.
    RevokeKey {
        /// The key's id.
        key: Uuid,
    },
    /// Bind a wallet, and open the account if it is not open yet. Binding the same wallet again changes nothing; another is refused for
    /// as long as one is bound.
    Bind {
        /// Whose account it is.
        holder: Holder,
        /// The wallet.
        binding: Binding,
        /// How often who signs in had changed when this was allowed: an invitation is good for one change.
        turn: u64,
    },
    /// Change the wallet for another one.
    ChangeWallet {
        /// The wallet that is bound now.
        from: Wallet,
        /// The other one.
        binding: Binding,
    },
    /// Take the wallet away.
    Unbind {
        /// The wallet that is bound now.
        wallet: Wallet,
        /// Why.
        reason: String,
    },
    /// Close the account. Closing it again changes nothing.
    Close,
    /// Close the account of somebody who is erased, open or not: nobody ever opens it.
    Bar,
}
