//! How a revocation goes through: denied first, then told to the log, and never given up.

use domain::account::{Account, AccountCommand};
use domain::claims::Claims;
use domain::consent::Message;
use domain::kernel::{CommandId, TreatmentId};
use domain::registries::Signed;
use domain::treatment::{Treatment, TreatmentCommand};
use uuid::Uuid;

use crate::error::{Refusal, UseCaseError};
use crate::log::Actor;
use crate::policy::identity::Principal;
use crate::ports::StoreError;
use crate::ports::command::{CommandContext, CommandError, CommandExecutor as _, Receipt};
use crate::ports::registries::HandInError;
use crate::ports::revocations::{Revocation, Revoked};
use crate::ports::transaction::{Root, Target};
use crate::use_cases::clinic::{Backend, Clinic, Issue};
use crate::use_cases::names::release_wallet;

/// Why the log does not say so.
enum NotTold {
    /// It never will.
    Refused(UseCaseError),
    /// It does not yet.
    Waits(Box<dyn std::error::Error + Send + Sync>),
}

impl<B: Backend> Clinic<B> {
    /// Denies, then tells the log.
    pub(crate) async fn revoke(
        &self,
        principal: &Principal,
        subject: Uuid,
        revoked: Revoked,
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        let revocation = Revocation {
            command_id: issue.command_id,
            subject,
            revoked,
            // A service does it for a person, who answers for it.
            actor: principal.person().account().ok_or(UseCaseError::Forbidden)?,
            at: self.now(),
            correlation: issue.correlation,
        };
        self.deny(&revocation, issue.repeated).await?;
        // With the denial, once: an account may have another wallet by the time that the log says so.
        if let Err(error) = self.withdraw_invitations_of(&revocation.revoked).await {
            tracing::warn!(%error, "invitations of who is denied could not be withdrawn");
            return Err(UseCaseError::Unknown);
        }
        self.carry_through(&revocation, issue.repeated).await
    }

    /// Denies what is revoked, unless nobody could administer then.
    pub(crate) async fn deny(&self, revocation: &Revocation, repeated: bool) -> Result<(), UseCaseError> {
        self.leave_an_administrator(&revocation.revoked).await?;
        if let Err(error) = self.revocations.begin(revocation).await {
            tracing::warn!(%error, "whether an access is denied cannot be told");
            return Err(UseCaseError::Unknown);
        }
        // Two administrators who are closed at once see each other's denials by now. What was issued by an earlier attempt may have come to the
        // log, and stays.
        if !repeated && let Err(refusal) = self.leave_an_administrator(&revocation.revoked).await {
            self.revocations.withdraw(revocation).await?;
            return Err(refusal);
        }
        Ok(())
    }

    /// Tells the log of a revocation. Only what the aggregate itself refuses, or the registry, is not denied any more.
    ///
    /// # Errors
    /// The refusal; otherwise [`UseCaseError::Denied`]: it stays denied, and is to be carried through later.
    pub async fn carry_through(&self, revocation: &Revocation, repeated: bool) -> Result<Receipt, UseCaseError> {
        // What fails here is tried again by whoever takes the revocation on: the list still says that it is to be carried through.
        let noted = |noted: Result<(), StoreError>| {
            if let Err(error) = noted {
                tracing::warn!(%error, "what became of a revocation could not be noted");
            }
        };
        match self.tell(revocation, repeated).await {
            Ok(receipt) => {
                noted(self.revocations.carried_through(revocation).await);
                Ok(receipt)
            }
            Err(NotTold::Refused(refusal)) => {
                noted(self.revocations.withdraw(revocation).await);
                Err(refusal)
            }
            Err(NotTold::Waits(error)) => {
                tracing::warn!(%error, command = %revocation.command_id, "a revocation waits; the access is denied");
                Err(UseCaseError::Denied)
            }
        }
    }

    async fn tell(&self, revocation: &Revocation, repeated: bool) -> Result<Receipt, NotTold> {
        if let Revoked::Grants { message, signed, .. } = &revocation.revoked {
            return self
                .tell_the_registry(revocation.command_id, message, signed, repeated)
                .await;
        }
        let context = CommandContext {
            command_id: revocation.command_id,
            at: revocation.at,
            actor: Actor::Account(revocation.actor),
            correlation: revocation.correlation,
            cause: None,
            repeated,
        };
        let told = self.tell_the_log(&revocation.revoked, &context).await;
        told.map_err(|error| match error {
            CommandError::Rejected(refusal) => NotTold::Refused(refusal.into()),
            // Their account is closed, for ever.
            CommandError::Erased => NotTold::Refused(UseCaseError::Erased),
            error => NotTold::Waits(error.into()),
        })
    }

    async fn tell_the_registry(
        &self,
        command: CommandId,
        message: &Message,
        signed: &Signed,
        repeated: bool,
    ) -> Result<Receipt, NotTold> {
        let registry = self
            .registry_of_consents()
            .map_err(|error| NotTold::Waits(error.into()))?;
        // Who asks first is told at once what a node says of it, and was promised nothing. From then on the contract itself must refuse it.
        let handed_in = match repeated {
            true => registry.insist(command, message, signed).await,
            false => registry.hand_in(command, message, signed).await,
        };
        match handed_in {
            Ok(recorded) => Ok(recorded.receipt(command)),
            Err(error @ (HandInError::Refused(_) | HandInError::TooLarge)) => Err(NotTold::Refused(error.into())),
            Err(error) => Err(NotTold::Waits(error.into())),
        }
    }

    /// Nobody stands any more by what was invited to with what is revoked.
    async fn withdraw_invitations_of(&self, revoked: &Revoked) -> Result<(), StoreError> {
        match revoked {
            Revoked::Key { account, key } => self.invitations.withdraw_of(*account, Some(*key)).await,
            Revoked::Account { account } | Revoked::Wallet { account, .. } => {
                self.invitations.withdraw_of(*account, None).await
            }
            Revoked::Grants { .. } | Revoked::Treatment { .. } => Ok(()),
        }
    }

    async fn tell_the_log(
        &self,
        revoked: &Revoked,
        context: &CommandContext,
    ) -> Result<Receipt, CommandError<Refusal>> {
        let (account, command) = match revoked {
            Revoked::Grants { .. } => return Err(CommandError::Internal("the log is not told of grants".into())),
            Revoked::Treatment { patient, saying } => {
                let target = Target::of(TreatmentId(*patient));
                let end = TreatmentCommand::End(saying.clone());
                let done = self.execute::<Treatment>(target, end, context).await;
                return done.map_err(|error| error.refused_as(Refusal::from));
            }
            Revoked::Key { account, key } => (*account, AccountCommand::RevokeKey { key: *key }),
            Revoked::Account { account } => (*account, AccountCommand::Close),
            Revoked::Wallet {
                account,
                wallet,
                reason,
            } => {
                let (account, wallet) = (*account, *wallet);
                let unbind = AccountCommand::Unbind {
                    wallet,
                    reason: reason.clone(),
                };
                let decide = move |(mut owner, mut bucket): (Root<Account>, Root<Claims>)| {
                    owner.execute(unbind.clone())?;
                    release_wallet(&mut bucket, wallet, &owner)?;
                    Ok::<_, Refusal>((owner, bucket))
                };
                let targets = (Target::of(account), self.bucket_of(&wallet));
                return self.executor.transact(targets, decide, context).await;
            }
        };
        let done = self.execute::<Account>(Target::of(account), command, context).await;
        done.map_err(|error| error.refused_as(Refusal::from))
    }

    /// Whether a command revokes something and has not been carried through yet.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub async fn is_being_revoked(&self, command: CommandId) -> Result<bool, UseCaseError> {
        Ok(self.revocations.is_pending(command).await?)
    }
}
