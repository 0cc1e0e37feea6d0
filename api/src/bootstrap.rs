//! The first administrator: the one account that nobody who is signed in can open.

use std::time::Duration;

use application::clinic::Clinic;
use application::command::{CommandContext, CommandError, CommandExecutor, Freshness, Unavailable};
use application::log::Actor;
use domain::account::{Account, AccountCommand, AccountError, Holder, Role};
use domain::kernel::{CommandId, Wallet};
use infrastructure::chain::Address;
use uuid::Uuid;

use crate::compose::Backend;

/// What the first administrator is called in lists.
const NAME: &str = "First administrator";

/// How long to wait before it is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// Opens the account as [`administrator`] does, and tries again for as long as chain or database are away.
///
/// # Errors
/// When the write side refuses.
pub async fn administrator_in_time(
    clinic: &Clinic<Backend>,
    wallet: Address,
) -> Result<(), CommandError<AccountError>> {
    loop {
        match administrator(clinic, wallet).await {
            Err(CommandError::Unavailable(missing)) if missing != Unavailable::Stopping => {
                tracing::info!(%missing, "the first administrator's account waits");
                tokio::time::sleep(AGAIN).await;
            }
            Err(CommandError::Unknown) => tokio::time::sleep(AGAIN).await,
            done => return done,
        }
    }
}

/// Opens the account of the configured administrator, unless it was opened before.
async fn administrator(clinic: &Clinic<Backend>, wallet: Address) -> Result<(), CommandError<AccountError>> {
    let wallet = Wallet(wallet.0);
    let id = clinic.account_of_wallet(&wallet);
    // Whatever has become of the account since then is the administrators' will.
    if clinic.executor.load::<Account>(id).await?.version > 0 {
        return Ok(());
    }
    let context = CommandContext {
        command_id: CommandId::new(Uuid::new_v4()),
        at: clinic.clock.now(),
        actor: Actor::System,
        correlation: None,
        cause: None,
        repeated: false,
    };
    let holder = Holder::Staff {
        wallet,
        name: NAME.to_owned(),
        role: Role::Administrator,
    };
    let command = AccountCommand::Open { holder };
    clinic
        .executor
        .execute::<Account>(id, Freshness::MayExist, command, &context)
        .await
        .map(drop)
}
