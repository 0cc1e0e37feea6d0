//! The erasure of a data subject, as far as the log is concerned. What follows from it, the destruction of keys, happens once it is final.

use std::collections::BTreeSet;

use domain::account::{Account, AccountCommand, Holder};
use domain::claims::{Called as _, Claims, Name};
use domain::erasure::{Erasure, ErasureCommand, KeyName};
use domain::kernel::{AccountId, AggregateType, ClinicAggregate, DataSubject, ErasureId, Wallet};
use domain::patient::Patient;
use domain::practitioner::Practitioner;

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

/// What is known of somebody who is to be erased.
#[derive(Clone, Default)]
struct Known {
    /// What they are called.
    names: BTreeSet<Name>,
    /// Their account, if they have one.
    account: Option<AccountId>,
    /// The wallet that signs in to it.
    wallet: Option<Wallet>,
}

impl<B: Backend> Clinic<B> {
    /// Erases somebody, for ever, in one commit: their account is closed, its wallet is free again, and their stream ends. `keys` are
    /// the names of all that were ever theirs. Whoever is erased already stays so.
    ///
    /// # Errors
    /// [`UseCaseError::NotFound`] and [`UseCaseError::Refused`] stand; anything else may be otherwise at the next attempt.
    pub async fn erase(&self, request: &ErasureRequest, keys: Vec<KeyName>) -> Result<(), UseCaseError> {
        let known = match self.who_is_to_be_erased(request.subject).await {
            Err(UseCaseError::Erased) => return Ok(()),
            who => who?,
        };
        let wallet = known.wallet;
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
        match self.end_the_stream(request.subject, known, keys, &context).await {
            Ok(_) | Err(CommandError::Erased) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(wallet) = wallet {
            self.sessions.close_all(&wallet, None).await?;
        }
        Ok(())
    }

    pub(crate) fn account_of_subject(&self, subject: DataSubject) -> AccountId {
        match subject {
            DataSubject::Patient(id) => self.account_of(&Person::Patient(id)),
            DataSubject::Practitioner(id) => self.account_of(&Person::Practitioner(id)),
            DataSubject::Staff(id) => id,
        }
    }

    /// Somebody who is there.
    async fn who_is_to_be_erased(&self, subject: DataSubject) -> Result<Known, UseCaseError> {
        let mut names = match subject {
            DataSubject::Patient(id) => self.require::<Patient>(id, AggregateType::Patient).await?.called(),
            DataSubject::Practitioner(id) => {
                let known = self.require::<Practitioner>(id, AggregateType::Practitioner);
                known.await?.called()
            }
            DataSubject::Staff(id) => {
                let state = self.require::<Account>(id, AggregateType::Account).await?;
                // Patients and practitioners are erased as such, with their accounts; a service is nobody.
                if !matches!(state.holder(), Some(Holder::Staff { .. })) {
                    return Err(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Account)));
                }
                BTreeSet::new()
            }
        };
        let account = self.account_of_subject(subject);
        let state = self.executor.load::<Account>(account).await?.aggregate;
        let wallet = state.wallet();
        names.extend(wallet.map(Name::Wallet));
        Ok(Known {
            names,
            account: state.holder().map(|_| account),
            wallet,
        })
    }

    async fn require<A: ClinicAggregate>(&self, id: A::Id, kind: AggregateType) -> Result<A, UseCaseError>
    where
        A::Error: Into<Refusal>,
    {
        let known = self.executor.known::<A>(id).await?;
        known.ok_or(UseCaseError::NotFound(Resource::Aggregate(kind)))
    }

    /// Whatever they are called may be somebody else's from then on: that is said here, and for what is not known here anybody finds it when
    /// the keys are destroyed.
    async fn end_the_stream(
        &self,
        subject: DataSubject,
        known: Known,
        keys: Vec<KeyName>,
        context: &CommandContext,
    ) -> Result<Receipt, CommandError<Refusal>> {
        let Known { names, account, wallet } = known;
        let names = self.names(&names);
        let accounts = account.map(Target::of).into_iter().collect();
        let targets = (accounts, names.buckets(), Target::of(ErasureId(subject)));
        let decide = move |(mut accounts, mut buckets, mut erasure): (Vec<Root<Account>>, Vec<Root<Claims>>, _)| {
            for account in &mut accounts {
                if let Some(wallet) = wallet {
                    let reason = REASON.to_owned();
                    account.execute(AccountCommand::Unbind { wallet, reason })?;
                }
                account.execute(AccountCommand::Close)?;
            }
            names.release(&mut buckets, subject)?;
            // What comes last in a stream is decided last.
            Root::<Erasure>::execute(&mut erasure, ErasureCommand::Erase { keys: keys.clone() })?;
            Ok::<_, Refusal>((accounts, buckets, erasure))
        };
        self.executor.transact(targets, decide, context).await
    }
}
