//! The first account: somebody must be there to open the others.

use domain::account::{Account, AccountCommand, Holder, Role};
use domain::kernel::{CommandId, Wallet};
use uuid::Uuid;

use crate::clinic::{Backend, Clinic};
use crate::command::{CommandContext, CommandExecutor as _, Freshness, Receipt};
use crate::error::UseCaseError;
use crate::log::Actor;

/// What the first administrator is called in lists.
const NAME: &str = "Administrator";

impl<B: Backend> Clinic<B> {
    /// Opens the account of the administrator whom the configuration names. Nothing changes when it is open already; an account
    /// that was closed stays closed, and one of another role stays as it is.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn open_administrator(&self, wallet: Wallet) -> Result<Receipt, UseCaseError> {
        let context = CommandContext {
            command_id: CommandId::new(Uuid::new_v4()),
            at: self.clock.now(),
            actor: Actor::System,
            correlation: None,
            cause: None,
        };
        let holder = Holder::Staff {
            wallet,
            name: NAME.to_owned(),
            role: Role::Administrator,
        };
        let (id, command) = (self.account_of_wallet(&wallet), AccountCommand::Open { holder });
        Ok(self
            .executor
            .execute::<Account>(id, Freshness::MayExist, command, &context)
            .await?)
    }
}
