//! Wallets: invited, bound, changed, taken away.
//!
//! A wallet gets an account by its own signature alone, and once. What entitles it stands in the event beside the signature: an
//! invitation that somebody issued, the registration itself, the former wallet's signature, or the operator's configuration.

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::{Account, AccountCommand, AccountError, Binding, Holder, Role, Title};
use domain::claims::{Claims, Name};
use domain::kernel::{AccountId, AggregateType, Category, Personal, RefusalKind, Wallet};
use domain::patient::Patient;
use domain::practitioner::Practitioner;

use crate::error::{Refusal, Resource, UseCaseError};
use crate::policy::access::admit;
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::command::CommandExecutor as _;
use crate::ports::invitations::{Invitation, InvitationHash, Person};
use crate::ports::queries::{AccountView, Queries as _};
use crate::ports::revocations::Revoked;
use crate::ports::sessions::SignedIn;
use crate::ports::transaction::{Root, Target};
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue, permit};
use crate::use_cases::names::{claim_wallet, release_wallet};

/// What the secrets of invitations begin with, so that a leaked one is recognised.
pub const INVITATION_PREFIX: &str = "mi_";

/// What the administrator named by the configuration is called in lists.
const CONFIGURED: &str = "First administrator";

/// An invitation that was issued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuedInvitation {
    /// The secret, this once.
    pub secret: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Two wallets of one person, each with what it signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalletChange {
    /// The wallet that is bound now.
    pub from: SignedIn,
    /// The other one.
    pub to: SignedIn,
}

impl<B: Backend> Clinic<B> {
    /// The account of somebody who signs in with a wallet, open or not. It stays the same when the wallet changes.
    pub fn account_of(&self, person: &Person) -> AccountId {
        match person {
            Person::Patient(id) => AccountId::new(self.identities.from_name("account of patient", &id.to_string())),
            Person::Practitioner(id) => {
                AccountId::new(self.identities.from_name("account of practitioner", &id.to_string()))
            }
            Person::Staff(account) => *account,
        }
    }

    /// The account of the administrator whose wallet the configuration names.
    pub fn account_of_configured(&self, wallet: &Wallet) -> AccountId {
        let wallet = self.wallet_id(wallet).to_string();
        AccountId::new(self.identities.from_name("configured administrator", &wallet))
    }

    /// Issues an invitation to somebody who has no wallet. A former one is dead.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn invite(
        &self,
        principal: &Principal,
        person: Person,
        lifetime: TimeDelta,
    ) -> Result<IssuedInvitation, UseCaseError> {
        let account = self.account_of(&person);
        permit_inviting(principal, &person)?;
        match person {
            Person::Patient(patient) => self.require_registered(patient).await?,
            Person::Practitioner(practitioner) => {
                let missing = UseCaseError::NotFound(Resource::Aggregate(AggregateType::Practitioner));
                self.time_zone_of(practitioner, missing).await?;
            }
            Person::Staff(_) => {}
        }
        let state = self.executor.load::<Account>(account).await?.aggregate;
        match (person, state.holder()) {
            (Person::Staff(_), Some(Holder::Staff { .. })) | (Person::Patient(_) | Person::Practitioner(_), _) => {}
            (Person::Staff(_), Some(Holder::Service { .. })) => return Err(refused(AccountError::NotAPerson)),
            (Person::Staff(_), _) => return Err(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Account))),
        }
        if state.is_closed() {
            return Err(refused(AccountError::Closed));
        }
        if state.has_wallet() {
            return Err(refused(AccountError::WalletBound));
        }
        let token = self
            .secrets
            .token()
            .map_err(|error| UseCaseError::Internal(Box::new(error)))?;
        let secret = format!("{INVITATION_PREFIX}{token}");
        let invitation = Invitation {
            person,
            account,
            turn: state.turn(),
            issuer: principal.account().ok_or(UseCaseError::Forbidden)?,
            issuer_key: principal.key(),
            expires_at: self.now() + lifetime,
        };
        let hash = InvitationHash(self.secrets.digest(secret.as_bytes()));
        self.invitations.issue(hash, &invitation).await?;
        Ok(IssuedInvitation {
            secret,
            expires_at: invitation.expires_at,
        })
    }

    /// Withdraws somebody's invitation: whoever has it binds no wallet with it. Who was not invited is not after this either.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn withdraw_invitation(&self, principal: &Principal, person: Person) -> Result<(), UseCaseError> {
        permit_inviting(principal, &person)?;
        Ok(self.invitations.withdraw(self.account_of(&person)).await?)
    }

    /// Whether whoever issued an invitation may still do so, as far as that has been accepted by any server.
    async fn stands_by(&self, invitation: &Invitation) -> Result<bool, UseCaseError> {
        let Invitation { issuer, issuer_key, .. } = *invitation;
        let subjects: Vec<_> = issuer_key.into_iter().chain([issuer.uuid()]).collect();
        if self.revocations.any(&subjects).await? {
            return Ok(false);
        }
        let issuer = self.executor.load::<Account>(issuer).await?.aggregate;
        let revoked = |key| issuer.keys().iter().any(|known| known.id == key && known.revoked);
        Ok(!issuer.is_closed() && !issuer_key.is_some_and(revoked))
    }

    /// Binds the wallet that signed in to the account of whoever was invited. An invitation that is unknown, expired, used or withdrawn,
    /// or that nobody stands by any more, is answered in one way.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn accept_invitation(
        &self,
        principal: &Principal,
        secret: &str,
        signed_in: Option<SignedIn>,
        issue: &Issue,
    ) -> Result<Done<AccountId>, UseCaseError> {
        let hash = InvitationHash(self.secrets.digest(secret.as_bytes()));
        let found = self.invitations.find(hash).await?;
        // Whose wallet an earlier attempt has bound has an account by then, and perhaps no invitation any more.
        let account = found
            .map(|invitation| invitation.account)
            .or_else(|| principal.account());
        if let Some(account) = account
            && let Some(receipt) = self.earlier::<Account>(account, issue).await?
        {
            return Ok(Done { id: account, receipt });
        }
        permit(principal, Action::AcceptInvitation).map_err(|error| match principal {
            Principal::Service { .. } => error,
            _ => UseCaseError::HasAccount,
        })?;
        let signed_in = signed_in.ok_or(UseCaseError::Forbidden)?;
        let invitation = found
            .filter(|invitation| self.now() < invitation.expires_at)
            .ok_or_else(no_invitation)?;
        if !self.stands_by(&invitation).await? {
            return Err(no_invitation());
        }
        let Invitation {
            person,
            account,
            turn,
            issuer,
            ..
        } = invitation;
        // Whoever was erased since comes in by no invitation.
        let holder = match person {
            Person::Patient(patient) => {
                self.executor.known::<Patient>(patient).await?;
                Holder::Patient(Personal::Known(patient))
            }
            Person::Practitioner(practitioner) => {
                self.executor.known::<Practitioner>(practitioner).await?;
                Holder::Practitioner { practitioner }
            }
            Person::Staff(account) => {
                let state = self.executor.load::<Account>(account).await?.aggregate;
                state.holder().cloned().ok_or_else(no_invitation)?
            }
        };
        let title = Title::Invitation { issuer };
        let bound = self.bind(account, holder, signed_in, title, turn, issue).await;
        bound.map_err(|error| match error {
            UseCaseError::Refused(refusal) if refusal.kind == RefusalKind::WalletBound => no_invitation(),
            error => error,
        })
    }

    /// Makes the wallet that the configuration names the first administrator's, when it signs in. Whatever has become of the account
    /// since then is the administrators' will.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn bind_configured(&self, signed_in: SignedIn, issue: &Issue) -> Result<Done<AccountId>, UseCaseError> {
        let account = self.account_of_configured(&signed_in.wallet);
        let holder = Holder::Staff {
            name: Personal::Known(CONFIGURED.to_owned()),
            role: Role::Administrator,
        };
        self.bind(account, holder, signed_in, Title::Configuration, 0, issue)
            .await
    }

    async fn bind(
        &self,
        account: AccountId,
        holder: Holder,
        signed_in: SignedIn,
        title: Title,
        turn: u64,
        issue: &Issue,
    ) -> Result<Done<AccountId>, UseCaseError> {
        let state = self.executor.load::<Account>(account).await?.aggregate;
        // What is bound already, or will be refused, ends nothing.
        if !state.has_wallet() && state.turn() == turn {
            self.end_other_sessions(&signed_in).await?;
        }
        let SignedIn {
            wallet: bound, proof, ..
        } = signed_in;
        let binding = Binding {
            wallet: bound,
            proof,
            title,
        };
        let bind = AccountCommand::Bind { holder, binding, turn };
        let context = self.stamp_as(Some(account), issue);
        let receipt = self
            .executor
            .transact(
                (Target::of(account), self.bucket_of(&bound)),
                move |(mut owner, mut bucket): (Root<Account>, Root<Claims>)| {
                    owner.execute(bind.clone())?;
                    claim_wallet(&mut bucket, bound, &owner)?;
                    Ok::<_, Refusal>((owner, bucket))
                },
                &context,
            )
            .await?;
        self.revocations.bound_again(self.wallet_id(&bound).uuid());
        Ok(Done { id: account, receipt })
    }

    /// Ends the sessions of a wallet that is about to be bound, but for the one that it is bound in. Whoever has one from before, the
    /// wallet's owner or a thief, would find it to be of the account that is bound now.
    pub(crate) async fn end_other_sessions(&self, signed_in: &SignedIn) -> Result<(), UseCaseError> {
        Ok(self.sessions.close_all(&signed_in.wallet, signed_in.session).await?)
    }

    /// The account of whoever has a wallet.
    async fn account_with(&self, wallet: Wallet) -> Result<Option<AccountId>, UseCaseError> {
        let owner = self.whose(&Name::Wallet(wallet)).await?;
        Ok(owner.map(|owner| self.account_of_subject(owner)))
    }

    /// What an earlier attempt at changing the caller's wallet for a `new` one has come to. Whoever asks with the old one has no account
    /// by then; the new one has it.
    async fn wallet_changed_before(
        &self,
        principal: &Principal,
        new: Option<Wallet>,
        issue: &Issue,
    ) -> Result<Option<Done<AccountId>>, UseCaseError> {
        let Some(new) = new.filter(|_| issue.repeated) else {
            return Ok(None);
        };
        let Some(id) = self.account_with(new).await?.or_else(|| principal.account()) else {
            return Ok(None);
        };
        let receipt = self.earlier::<Account>(id, issue).await?;
        Ok(receipt.map(|receipt| Done { id, receipt }))
    }

    /// Changes the caller's wallet for a `new` one. Both have signed, which `agreed` proves: it is asked once it matters, for it uses up
    /// what was signed. The sessions of both end.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn change_wallet(
        &self,
        principal: &Principal,
        new: Option<Wallet>,
        agreed: impl Future<Output = Result<WalletChange, UseCaseError>> + Send,
        issue: &Issue,
    ) -> Result<Done<AccountId>, UseCaseError> {
        if let Some(done) = self.wallet_changed_before(principal, new, issue).await? {
            return Ok(done);
        }
        let account = self.own_wallet(principal).await?.id;
        let WalletChange { from, to } = agreed.await?;
        if from.wallet == to.wallet {
            return Err(UseCaseError::Invalid {
                pointer: "/new/message",
                detail: "must be signed by another wallet than the current one",
            });
        }
        // What will be refused ends nothing.
        let bound = self.account_with(to.wallet).await?;
        if bound.is_none_or(|owner| owner == account) {
            self.end_other_sessions(&to).await?;
        }
        let binding = Binding {
            wallet: to.wallet,
            proof: to.proof,
            title: Title::FormerWallet { proof: from.proof },
        };
        let (from, to) = (from.wallet, to.wallet);
        let (old, new) = (self.bucket_of(&from), self.bucket_of(&to));
        // One in 256 times it is one bucket.
        let buckets = self.names(&[Name::Wallet(from), Name::Wallet(to)]).buckets();
        let context = self.stamp(principal, issue);
        let receipt = self
            .executor
            .transact(
                (Target::of(account), buckets),
                move |(mut owner, mut buckets): (Root<Account>, Vec<Root<Claims>>)| {
                    let binding = binding.clone();
                    owner.execute(AccountCommand::ChangeWallet { from, binding })?;
                    for bucket in &mut buckets {
                        if bucket.id() == old.id {
                            release_wallet(bucket, from, &owner)?;
                        }
                        if bucket.id() == new.id {
                            claim_wallet(bucket, to, &owner)?;
                        }
                    }
                    Ok::<_, Refusal>((owner, buckets))
                },
                &context,
            )
            .await?;
        self.revocations.bound_again(self.wallet_id(&to).uuid());
        // Those that are left stand for a wallet without an account, and end before it is bound again.
        if let Err(error) = self.sessions.close_all(&from, None).await {
            tracing::warn!(%error, "the sessions of a former wallet could not be ended");
        }
        Ok(Done { id: account, receipt })
    }

    /// Takes somebody's wallet away, from now on, and answers with which it was, unless an earlier attempt has taken it. The event names the registrar and the reason, and the
    /// person sees both.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn take_wallet_away(
        &self,
        principal: &Principal,
        person: Person,
        reason: String,
        issue: &Issue,
    ) -> Result<(Done<AccountId>, Option<Wallet>), UseCaseError> {
        permit_with(principal, &person, Action::TakeWalletAway)?;
        let account = self.account_of(&person);
        // Whichever wallet the person has bound since is not the one that was to be taken away.
        if let Some(receipt) = self.earlier::<Account>(account, issue).await? {
            return Ok((Done { id: account, receipt }, None));
        }
        let state = self.executor.load::<Account>(account).await?.aggregate;
        let wallet = match (state.has_wallet(), state.wallet()) {
            (_, Some(wallet)) => wallet,
            (true, None) => return Err(refused(AccountError::Sealed)),
            (false, None) => return Err(UseCaseError::NotFound(Resource::Wallet)),
        };
        let subject = self.wallet_id(&wallet).uuid();
        let revoked = Revoked::Wallet {
            account,
            wallet,
            reason,
        };
        let receipt = self.revoke(principal, subject, revoked, issue).await?;
        Ok((Done { id: account, receipt }, Some(wallet)))
    }

    /// The caller's account, with what was done to its wallet.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn own_wallet(&self, principal: &Principal) -> Result<AccountView, UseCaseError> {
        let account = own_account(principal)?;
        self.queries
            .account(account)
            .await?
            .ok_or(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Account)))
    }
}

/// The account of a caller who has a wallet.
fn own_account(principal: &Principal) -> Result<AccountId, UseCaseError> {
    permit(principal, Action::ManageOwnWallet)?;
    match principal {
        Principal::Service { .. } => Err(UseCaseError::Forbidden),
        principal => principal.account().ok_or(UseCaseError::Forbidden),
    }
}

/// Denies what concerns the invitation of somebody whom the caller may not invite.
fn permit_inviting(principal: &Principal, person: &Person) -> Result<(), UseCaseError> {
    let action = match person {
        Person::Patient(_) => Action::InvitePatient,
        Person::Practitioner(_) => Action::InvitePractitioner,
        Person::Staff(_) => Action::ManageAccounts,
    };
    permit_with(principal, person, action)
}

/// Denies what concerns how a person signs in. That of a patient is theirs.
fn permit_with(principal: &Principal, person: &Person, action: Action) -> Result<(), UseCaseError> {
    match person {
        Person::Patient(patient) => {
            admit(principal, Object::Patient(*patient), action, &[Category::Identity])?;
        }
        Person::Practitioner(_) | Person::Staff(_) => {
            permit(principal, action)?;
        }
    }
    Ok(())
}

fn refused(error: AccountError) -> UseCaseError {
    UseCaseError::Refused(error.into())
}

/// The one answer to whatever is no invitation.
const fn no_invitation() -> UseCaseError {
    UseCaseError::Invalid {
        pointer: "/invitation",
        detail: "is unknown, expired or used",
    }
}
