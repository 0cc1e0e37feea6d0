//! What can be asked of an account.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::event::{Holder, KeyHash, Scope};

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
    /// Close the account. Closing it again changes nothing.
    Close,
}
