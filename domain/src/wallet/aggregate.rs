//! The state of a wallet's claim and its decisions.

use serde::{Deserialize, Serialize};

use super::command::WalletCommand;
use super::error::WalletError;
use super::event::WalletEvent;
use crate::kernel::{AccountId, ClinicAggregate, WalletId};

/// A wallet's claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WalletClaim {
    account: Option<AccountId>,
}

impl WalletClaim {
    /// The account that it signs in to, if any.
    pub const fn account(&self) -> Option<AccountId> {
        self.account
    }
}

impl ClinicAggregate for WalletClaim {
    type Id = WalletId;
    type Command = WalletCommand;
    type Event = WalletEvent;
    type Error = WalletError;

    fn decide(&self, command: WalletCommand) -> Result<Vec<WalletEvent>, WalletError> {
        let (WalletCommand::Claim { account } | WalletCommand::Release { account }) = command;
        if self.account.is_some_and(|known| known != account) {
            return Err(WalletError::Taken);
        }
        Ok(match (command, self.account) {
            (WalletCommand::Claim { .. }, None) => vec![WalletEvent::Claimed { account }],
            (WalletCommand::Release { .. }, Some(_)) => vec![WalletEvent::Released],
            _ => Vec::new(),
        })
    }

    fn apply(&mut self, event: WalletEvent) {
        self.account = match event {
            WalletEvent::Claimed { account } => Some(account),
            WalletEvent::Released => None,
        };
    }
}
