//! What can be asked of a wallet's claim.

use crate::kernel::AccountId;

/// A command to a wallet's claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WalletCommand {
    /// Claim it for an account. Doing so again for the same one changes nothing; for another it is refused.
    Claim {
        /// The account.
        account: AccountId,
    },
    /// Give it back: another account may claim it. Doing so again changes nothing.
    Release {
        /// The account that has it.
        account: AccountId,
    },
}
