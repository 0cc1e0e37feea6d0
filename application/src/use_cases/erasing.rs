//! The erasure of a data subject, as far as the log is concerned. What follows from it, the destruction of keys, happens once it is final.

use domain::account::{Account, AccountCommand, Holder};
use domain::erasure::{Erasure, ErasureCommand, KeyName};
use domain::kernel::{AccountId, AggregateType, ClinicAggregate, DataSubject, ErasureId, Wallet};
use domain::patient::Patient;
use domain::practitioner::Practitioner;
use domain::wallet::{WalletClaim, WalletCommand};

use crate::error::{Refusal, Resource, UseCaseError};
use crate::log::Actor;
use crate::ports::command::{CommandContext, CommandError, CommandExecutor as _, Receipt};
use crate::ports::erasures::ErasureRequest;
use crate::ports::invitations::Person;
use crate::ports::revocations::Revoked;
use crate::ports::transaction::{Root, Target};
use crate::use_cases::clinic::{Backend, Clinic};

/// Why a wallet is taken from an account. Nobody reads it: it is under the key that is destroyed.
const REASON: &str = "erased";

/// The account of somebody who is to be erased, and the wallet that signs in to it.
#[derive(Clone, Copy)]
struct SignsIn {
    account: AccountId,
    wallet: Option<Wallet>,
}

impl<B: Backend> Clinic<B> {
    /// Erases somebody, for ever, in one commit: their account is closed, its wallet is free again, and their stream ends. `keys` are
    /// the names of all that were ever theirs. Whoever is erased already stays so.
    ///
    /// # Errors
    /// [`UseCaseError::NotFound`] and [`UseCaseError::Refused`] stand; anything else may be otherwise at the next attempt.
    pub async fn erase(&self, request: &ErasureRequest, keys: Vec<KeyName>) -> Result<(), UseCaseError> {
        let signs_in = match self.who_is_to_be_erased(request.subject).await {
            Err(UseCaseError::Erased) => return Ok(()),
            who => who?,
        };
        if let DataSubject::Staff(account) = request.subject {
            self.leave_an_administrator(&Revoked::Account { account }).await?;
        }
        let context = CommandContext {
            command_id: request.command_id,
            at: self.now(),
            actor: Actor::System,
            correlation: None,
            cause: None,
            // Another server may have begun with it.
            repeated: true,
        };
        // Nobody comes in by it meanwhile. Sessions that a crash leaves go with the keys.
        self.invitations
            .withdraw(self.account_of_subject(request.subject))
            .await?;
        match self.end_the_stream(request.subject, signs_in, keys, &context).await {
            Ok(_) | Err(CommandError::Erased) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(wallet) = signs_in.and_then(|signs_in| signs_in.wallet) {
            self.sessions.close_all(&wallet, None).await?;
        }
        Ok(())
    }

    fn account_of_subject(&self, subject: DataSubject) -> AccountId {
        match subject {
            DataSubject::Patient(id) => self.account_of(&Person::Patient(id)),
            DataSubject::Practitioner(id) => self.account_of(&Person::Practitioner(id)),
            DataSubject::Staff(id) => id,
        }
    }

    /// The account of somebody who is there, if they have one.
    async fn who_is_to_be_erased(&self, subject: DataSubject) -> Result<Option<SignsIn>, UseCaseError> {
        match subject {
            DataSubject::Patient(id) => {
                self.require::<Patient>(id, AggregateType::Patient).await?;
            }
            DataSubject::Practitioner(id) => {
                self.require::<Practitioner>(id, AggregateType::Practitioner).await?;
            }
            DataSubject::Staff(id) => {
                let state = self.require::<Account>(id, AggregateType::Account).await?;
                // Patients and practitioners are erased as such, with their accounts; a service is nobody.
                if !matches!(state.holder(), Some(Holder::Staff { .. })) {
                    return Err(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Account)));
                }
            }
        }
        let account = self.account_of_subject(subject);
        let state = self.executor.load::<Account>(account).await?.aggregate;
        let wallet = state.wallet();
        Ok(state.holder().map(|_| SignsIn { account, wallet }))
    }

    async fn require<A: ClinicAggregate>(&self, id: A::Id, kind: AggregateType) -> Result<A, UseCaseError>
    where
        A::Error: Into<Refusal>,
    {
        let known = self.executor.known::<A>(id).await?;
        known.ok_or(UseCaseError::NotFound(Resource::Aggregate(kind)))
    }

    async fn end_the_stream(
        &self,
        subject: DataSubject,
        signs_in: Option<SignsIn>,
        keys: Vec<KeyName>,
        context: &CommandContext,
    ) -> Result<Receipt, CommandError<Refusal>> {
        let target = Target::of(ErasureId(subject));
        // What comes last in a stream is decided last.
        let end = move |erasure: &mut Root<Erasure>| erasure.execute(ErasureCommand::Erase { keys: keys.clone() });
        match signs_in {
            None => {
                let decide = move |mut erasure: Root<Erasure>| {
                    end(&mut erasure)?;
                    Ok::<_, Refusal>(erasure)
                };
                self.executor.transact(target, decide, context).await
            }
            Some(SignsIn { account, wallet: None }) => {
                let decide = move |(mut owner, mut erasure): (Root<Account>, Root<Erasure>)| {
                    owner.execute(AccountCommand::Close)?;
                    end(&mut erasure)?;
                    Ok::<_, Refusal>((owner, erasure))
                };
                self.executor
                    .transact((Target::of(account), target), decide, context)
                    .await
            }
            Some(SignsIn {
                account,
                wallet: Some(wallet),
            }) => {
                let claim = Target::of(self.wallet_id(&wallet));
                let decide =
                    move |(mut owner, mut claim, mut erasure): (Root<Account>, Root<WalletClaim>, Root<Erasure>)| {
                        let reason = REASON.to_owned();
                        owner.execute(AccountCommand::Unbind { wallet, reason })?;
                        owner.execute(AccountCommand::Close)?;
                        claim.execute(WalletCommand::Release { account })?;
                        end(&mut erasure)?;
                        Ok::<_, Refusal>((owner, claim, erasure))
                    };
                let targets = (Target::of(account), claim, target);
                self.executor.transact(targets, decide, context).await
            }
        }
    }
}
