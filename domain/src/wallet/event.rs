//! What can happen to a wallet's claim.

use serde::{Deserialize, Serialize};

use crate::kernel::AccountId;

/// An event in a wallet's stream. The variants' order is their encoding: add only at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WalletEvent {
    /// The wallet has an account.
    Claimed {
        /// Which.
        account: AccountId,
    },
    /// It has none any more.
    Released,
}
