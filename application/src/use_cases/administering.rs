//! Somebody always administers: what would leave nobody who can is refused.
//!
//! Without an administrator no account can be opened, closed or invited any more. The way back is the operator's: another wallet as
//! `bootstrap.administrator` ([`Clinic::bind_configured`]).

use domain::account::{Role, Scope};
use domain::kernel::AccountId;
use uuid::Uuid;

use crate::error::UseCaseError;
use crate::policy::{Action, scope_of};
use crate::ports::queries::{AccountView, Page, Queries as _};
use crate::ports::revocations::Revoked;
use crate::use_cases::clinic::{Backend, Clinic};

/// How many accounts are looked at at once.
const AT_ONCE: u32 = 200;

impl<B: Backend> Clinic<B> {
    /// Refuses what would leave nobody who can administer the system. What is denied already counts for nothing.
    pub(crate) async fn leave_an_administrator(&self, revoked: &Revoked) -> Result<(), UseCaseError> {
        let (Revoked::Key { account, .. } | Revoked::Account { account } | Revoked::Wallet { account, .. }) = revoked
        else {
            return Ok(());
        };
        let concerned = self.queries.account(*account).await?;
        if !concerned.is_some_and(|account| account.role == Role::Administrator && !account.closed) {
            return Ok(());
        }
        let mut after: Option<AccountId> = None;
        loop {
            let page = Page { after, limit: AT_ONCE };
            let accounts = self.queries.accounts(page).await?;
            for account in &accounts {
                if self.administers_without(account, revoked).await? {
                    return Ok(());
                }
            }
            after = accounts.last().map(|account| account.id);
            if after.is_none() {
                return Err(UseCaseError::LastAdministrator);
            }
        }
    }

    /// Whether somebody can sign in to an account and administer, once something else is revoked.
    async fn administers_without(&self, account: &AccountView, revoked: &Revoked) -> Result<bool, UseCaseError> {
        let (gone, lost) = match revoked {
            Revoked::Account { account } => (Some(*account), None),
            Revoked::Key { key, .. } => (None, Some(*key)),
            Revoked::Wallet { wallet, .. } => (None, Some(self.wallet_id(wallet).uuid())),
            Revoked::Grants { .. } | Revoked::Treatment { .. } => (None, None),
        };
        if account.role != Role::Administrator || account.closed || gone == Some(account.id) {
            return Ok(false);
        }
        for way in self.ways_in(account).filter(|way| lost != Some(*way)) {
            if !self.revocations.any(&[account.id.uuid(), way]).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How somebody can sign in to an account and administer: its wallet, or keys that are good for that and do not end by themselves.
    fn ways_in(&self, account: &AccountView) -> impl Iterator<Item = Uuid> {
        let needed = scope_of(Action::ManageAccounts);
        let covers = move |scopes: &[Scope]| needed.is_some_and(|needed| scopes.contains(&needed));
        let keys = account.keys.iter();
        let keys = keys.filter(move |key| !key.revoked && key.expires.is_none() && covers(&key.scopes));
        let wallet = account.wallet.map(|wallet| self.wallet_id(&wallet).uuid());
        keys.map(|key| key.id).chain(wallet)
    }
}
