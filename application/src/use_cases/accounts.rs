//! Accounts of staff and services, and the services' keys.
//!
//! A key is rotated by issuing another one, moving the service over, and revoking the old one: both work in between.

use chrono::{DateTime, Utc};
use domain::access_log::{Named, Shown};
use domain::account::{Account, AccountCommand, Holder, KeyHash, Role, Scope};
use domain::kernel::{AccountId, AggregateType, Category, Personal};
use domain::practitioner::Practitioner;
use domain::registries::practitioners::Standing;
use uuid::Uuid;

use crate::error::{Resource, UseCaseError};
use crate::policy::access::{Admittance, admit};
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::command::{CommandExecutor as _, Receipt};
use crate::ports::invitations::Person;
use crate::ports::queries::{AccountView, Page, Queries as _};
use crate::ports::revocations::Revoked;
use crate::ports::transaction::Target;
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue, permit};

/// What the secrets of service keys begin with, so that a leaked one is recognised.
pub const KEY_PREFIX: &str = "mk_";

/// An account to open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NewAccount {
    /// Of a person of the staff, who binds a wallet by an invitation.
    Staff {
        /// What they are called in lists.
        name: String,
        /// The role.
        role: Role,
    },
    /// Of another system, named by its name.
    Service {
        /// What it is called; no two services have the same name.
        name: String,
        /// The role.
        role: Role,
    },
}

/// A key to issue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewKey {
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it stops working, if ever.
    pub expires: Option<DateTime<Utc>>,
}

/// A key that was issued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuedKey {
    /// Its id.
    pub key: Uuid,
    /// The secret, this once. `None` when an earlier attempt at the same command has issued the key: its secret is lost, and
    /// the key should be revoked.
    pub secret: Option<String>,
    /// What the command came to.
    pub receipt: Receipt,
}

impl<B: Backend> Clinic<B> {
    /// Opens an account.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn open_account(
        &self,
        principal: &Principal,
        account: NewAccount,
        issue: &Issue,
    ) -> Result<Done<AccountId>, UseCaseError> {
        permit(principal, Action::ManageAccounts)?;
        let (id, holder) = match account {
            NewAccount::Staff { name, role } => (
                AccountId::new(issue.new_id("account")),
                Holder::Staff {
                    name: Personal::Known(name),
                    role,
                },
            ),
            NewAccount::Service { name, role } => (
                AccountId::new(self.identities.from_name("service", &name)),
                Holder::Service { name, role },
            ),
        };
        let receipt = self
            .execute_account(principal, id, AccountCommand::Open { holder }, issue)
            .await?;
        Ok(Done { id, receipt })
    }

    /// Issues a key to a service.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn issue_key(
        &self,
        principal: &Principal,
        account: AccountId,
        key: NewKey,
        issue: &Issue,
    ) -> Result<IssuedKey, UseCaseError> {
        permit(principal, Action::ManageAccounts)?;
        let token = self
            .secrets
            .token()
            .map_err(|error| UseCaseError::Internal(Box::new(error)))?;
        let secret = format!("{KEY_PREFIX}{token}");
        let hash = KeyHash(self.secrets.digest(secret.as_bytes()));
        let id = issue.new_id("key");
        let NewKey { scopes, expires } = key;
        let command = AccountCommand::IssueKey {
            key: id,
            hash,
            scopes,
            expires,
            now: self.now(),
        };
        let receipt = self.execute_account(principal, account, command, issue).await?;
        // A retry of a command that had succeeded is answered with the earlier receipt: then the log has another hash.
        let ours = !issue.repeated || {
            let known = self.executor.load::<Account>(account).await?;
            known
                .aggregate
                .keys()
                .iter()
                .any(|known| known.id == id && known.hash == hash)
        };
        Ok(IssuedKey {
            key: id,
            secret: ours.then_some(secret),
            receipt,
        })
    }

    /// Revokes a key, from now on.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn revoke_key(
        &self,
        principal: &Principal,
        account: AccountId,
        key: Uuid,
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        permit(principal, Action::ManageAccounts)?;
        // Nothing is denied by an id that may be of something else.
        let (_, view) = self.known_account(principal, account).await?;
        if !view.keys.iter().any(|known| known.id == key) {
            return Err(UseCaseError::NotFound(Resource::Key));
        }
        let revoked = Revoked::Key { account, key };
        self.revoke(principal, key, revoked, issue).await
    }

    /// Closes an account, from now on.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn close_account(
        &self,
        principal: &Principal,
        account: AccountId,
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        permit(principal, Action::ManageAccounts)?;
        self.known_account(principal, account).await?;
        let revoked = Revoked::Account { account };
        self.revoke(principal, account.uuid(), revoked, issue).await
    }

    async fn execute_account(
        &self,
        principal: &Principal,
        account: AccountId,
        command: AccountCommand,
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        let context = self.stamp(principal, issue);
        Ok(self.execute::<Account>(Target::of(account), command, &context).await?)
    }

    /// An account.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn account(&self, principal: &Principal, account: AccountId) -> Result<AccountView, UseCaseError> {
        let (admittance, view) = self.known_account(principal, account).await?;
        if let Some((admittance, patient)) = admittance.zip(view.patient) {
            self.note_read(principal, &admittance, Shown::Account, patient).await?;
        }
        Ok(view)
    }

    /// An account, and, if it is a patient's, leave to use what it says of them.
    async fn known_account(
        &self,
        principal: &Principal,
        account: AccountId,
    ) -> Result<(Option<Admittance>, AccountView), UseCaseError> {
        permit(principal, Action::ReadAccounts)?;
        let view = self.queries.account(account).await?;
        let view = view.ok_or(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Account)))?;
        let identity = |patient| {
            admit(
                principal,
                Object::Patient(patient),
                Action::ReadAccounts,
                &[Category::Identity],
            )
        };
        let admittance = view.patient.map(identity).transpose()?;
        Ok((admittance, view))
    }

    /// The person whom a service names, for whom it asks: of the staff, or a practitioner, then as if nobody had attested them. `None` when nobody of that name works here.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn person_named(&self, person: Named) -> Result<Option<Principal>, UseCaseError> {
        let account = match person {
            Named::Staff(account) => account,
            Named::Practitioner(practitioner) => self.account_of(&Person::Practitioner(practitioner)),
        };
        if self.revocations.any(&[account.uuid()]).await? {
            return Ok(None);
        }
        let state = self.executor.load::<Account>(account).await?.aggregate;
        if state.is_closed() {
            return Ok(None);
        }
        Ok(match (person, state.holder()) {
            (Named::Staff(_), Some(Holder::Staff { role, .. })) => Some(Principal::Staff { account, role: *role }),
            (Named::Staff(_), _) => None,
            // They need no account to be named.
            (Named::Practitioner(practitioner), _) => {
                let known = self.executor.known::<Practitioner>(practitioner).await?;
                known.map(|_| Principal::Practitioner {
                    account,
                    practitioner,
                    standing: Standing::Unknown,
                })
            }
        })
    }

    /// Service and staff accounts in the order of their ids.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn accounts(
        &self,
        principal: &Principal,
        page: Page<AccountId>,
    ) -> Result<Vec<AccountView>, UseCaseError> {
        permit(principal, Action::ReadAccounts)?;
        Ok(self.queries.accounts(page).await?)
    }
}
