//! The erasure of a data subject, as far as the log is concerned. What follows from it, the destruction of keys, happens once it is final.
//!
//! Whoever is to be erased is noted first, and then it is carried through, by any server.

use std::collections::BTreeSet;

use domain::account::{Account, AccountCommand, AccountError, Holder, Role};
use domain::claims::{Called as _, Claims, Name};
use domain::erasure::{Erasure, ErasureCommand, KeyName};
use domain::kernel::{AccountId, AggregateType, ClinicAggregate, CommandId, DataSubject, ErasureId, PatientId, Wallet};
use domain::patient::Patient;
use domain::practitioner::Practitioner;
use uuid::Uuid;

use crate::error::{Refusal, Resource, UseCaseError};
use crate::log::Actor;
use crate::policy::Action;
use crate::policy::identity::Principal;
use crate::ports::command::{CommandContext, CommandError, CommandExecutor as _, Receipt};
use crate::ports::erasures::ErasureRequest;
use crate::ports::invitations::Person;
use crate::ports::queries::Queries as _;
use crate::ports::revocations::{Revocation, Revoked};
use crate::ports::transaction::{Root, Target};
use crate::use_cases::clinic::{Backend, Clinic, Issue, permit};
use crate::use_cases::names::{ATTEMPTS, NamingError};

/// Why a wallet is taken from an account. Nobody reads it: it is under the key that is destroyed.
const REASON: &str = "erased";

/// What is known of somebody who is to be erased. Where a stream is held back, nothing is decided on it: their erasure ends what it says of them all the same.
struct Known {
    /// What they are called.
    names: BTreeSet<Name>,
    /// Those of these whose buckets can be read.
    releasable: BTreeSet<Name>,
    /// The wallet that signs in to their account, which is one of the names.
    wallet: Option<Wallet>,
    /// Whether what stands in their stream can be read. If not, nobody knows what they are called.
    is_readable: bool,
    /// Whether their account can be.
    account_is_readable: bool,
}

/// What was read; `None` where the stream is held back.
fn unless_held_back<T, E>(read: Result<T, CommandError<E>>) -> Result<Option<T>, CommandError<E>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(CommandError::HeldBack) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether another attempt at an erasure would come to the same.
pub const fn is_refusal(error: &UseCaseError) -> bool {
    matches!(
        error,
        UseCaseError::NotFound(_)
            | UseCaseError::Refused(_)
            | UseCaseError::LastAdministrator
            | UseCaseError::RefusedByTheLog
    )
}

/// What an erasure is decided upon: whom it is about, their account, what they are called.
type Whole = (
    (Vec<Root<Patient>>, Vec<Root<Practitioner>>),
    Vec<Root<Account>>,
    Vec<Root<Claims>>,
    Root<Erasure>,
);

impl<B: Backend> Clinic<B> {
    /// A patient has all erased that is known of them, for ever. Their wallet has signed that, which `agreed` proves of this wallet, and uses up what was signed. What was
    /// noted is carried through, whatever stops meanwhile. There is no receipt where another server has done it.
    ///
    /// # Errors
    /// [`UseCaseError`]; [`UseCaseError::Unknown`] whenever it may still be carried through.
    pub async fn erase_self<F>(
        &self,
        principal: &Principal,
        agreed: impl FnOnce(Wallet) -> F,
        issue: &Issue,
    ) -> Result<(PatientId, Option<Receipt>), UseCaseError>
    where
        F: Future<Output = Result<(), UseCaseError>>,
    {
        permit(principal, Action::EraseSelf)?;
        let Principal::Patient { patient, .. } = *principal else {
            return Err(UseCaseError::Forbidden);
        };
        if !self.rules.patients_erase_themselves {
            return Err(UseCaseError::ErasedByOperator);
        }
        // Whose wallet was taken away meanwhile, or who is erased, is not asked any more.
        let own = self
            .own_wallet(principal)
            .await?
            .wallet
            .ok_or(UseCaseError::Forbidden)?;
        agreed(own).await?;
        let request = ErasureRequest {
            subject: DataSubject::Patient(patient),
            command_id: issue.command_id,
        };
        let goes_on = |error: UseCaseError| match is_refusal(&error) {
            true => error,
            false => {
                tracing::warn!(%error, command = %issue.command_id, "an erasure that a patient has asked for waits");
                UseCaseError::Unknown
            }
        };
        // Who is not answered may have noted it.
        let noted = self
            .erasures
            .ask(&request)
            .await
            .map_err(|error| goes_on(error.into()))?;
        let receipt = self.carry_erasure_through(&noted).await.map_err(goes_on)?;
        Ok((patient, receipt))
    }

    /// Tries once to erase somebody who is noted, and notes what has come of it. `None` of whoever is erased already.
    ///
    /// # Errors
    /// [`UseCaseError`]. What [`is_refusal`] says of it stands; anything else is tried again.
    pub async fn carry_erasure_through(&self, request: &ErasureRequest) -> Result<Option<Receipt>, UseCaseError> {
        let keys = self.erasures.keys_of(request.subject.id()).await?;
        let erased = self.erase(request, keys).await;
        let mut has_it = false;
        let noted = match &erased {
            Ok(_) => self.erasures.logged(request).await.map(|logged| has_it = logged),
            Err(error) if is_refusal(error) => self.erasures.refused(request, &error.to_string()).await,
            Err(error) => self.erasures.waits(request, &error.to_string()).await,
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "what becomes of an erasure cannot be noted");
        }
        match erased {
            // Somebody has decided it, and the log does not have it yet: should it never get there, it is decided once more.
            Ok(None) if !has_it => Err(UseCaseError::Unknown),
            erased => erased,
        }
    }

    /// Erases somebody, for ever, in one commit: their account is closed, its wallet is free again, and their stream ends. `keys` are
    /// the names of all that were ever theirs. Whoever is erased already stays so. An event that cannot be read keeps nobody from being erased.
    async fn erase(&self, request: &ErasureRequest, keys: Vec<KeyName>) -> Result<Option<Receipt>, UseCaseError> {
        match self.require_subject(request.subject).await {
            Err(UseCaseError::Erased) => return Ok(None),
            Ok(()) => {}
            // Somebody is there of whom not everything can be read. Only persons have keys: a service is not erased.
            Err(UseCaseError::HeldBack) if !keys.is_empty() => {}
            Err(error) => return Err(error),
        }
        if let DataSubject::Staff(account) = request.subject {
            self.deny_administrator(account, request).await?;
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
        let mut attempts = 0;
        let (wallet, receipt) = loop {
            attempts += 1;
            let known = match self.known_of(request.subject).await {
                Err(UseCaseError::Erased) => return Ok(None),
                known => known?,
            };
            let wallet = known.wallet;
            match self.end_the_stream(request.subject, &known, &keys, &context).await {
                Ok(receipt) => break (wallet, Some(receipt)),
                Err(CommandError::Erased) => break (wallet, None),
                Err(error) => match error.rejection()? {
                    // They are called otherwise meanwhile.
                    NamingError::Moved if attempts < ATTEMPTS => {}
                    NamingError::Moved => return Err(UseCaseError::Conflict { attempts }),
                    NamingError::Refused(refusal) => return Err(refusal.into()),
                    NamingError::Claimed(error) => return Err(Refusal::from(error).into()),
                },
            }
        };
        if let Some(wallet) = wallet {
            self.sessions.close_all(&wallet, None).await?;
        }
        Ok(receipt)
    }

    /// Denies somebody who administers, before their account is closed: then two who are erased, or closed, at once see each other's denials. An earlier attempt has done so, if they are denied
    /// already, and what came of it may have come to the log.
    async fn deny_administrator(&self, account: AccountId, request: &ErasureRequest) -> Result<(), UseCaseError> {
        let administers = self.queries.account(account).await?;
        let administers = administers.is_some_and(|account| account.role == Role::Administrator && !account.closed);
        if !administers || self.revocations.any(&[account.uuid()]).await? {
            return Ok(());
        }
        let revocation = Revocation {
            command_id: CommandId::new(Uuid::new_v5(&request.command_id.uuid(), b"denial")),
            subject: account.uuid(),
            revoked: Revoked::Account { account },
            // Whoever asked for the erasure has no account.
            actor: account,
            at: self.now(),
            correlation: None,
        };
        self.deny(&revocation, false).await
    }

    pub(crate) fn account_of_subject(&self, subject: DataSubject) -> AccountId {
        match subject {
            DataSubject::Patient(id) => self.account_of(&Person::Patient(id)),
            DataSubject::Practitioner(id) => self.account_of(&Person::Practitioner(id)),
            DataSubject::Staff(id) => id,
        }
    }

    /// That somebody is there who can be erased.
    async fn require_subject(&self, subject: DataSubject) -> Result<(), UseCaseError> {
        match subject {
            DataSubject::Patient(id) => self.require::<Patient>(id, AggregateType::Patient).await.map(drop),
            DataSubject::Practitioner(id) => {
                let known = self.require::<Practitioner>(id, AggregateType::Practitioner);
                known.await.map(drop)
            }
            DataSubject::Staff(id) => {
                let state = self.require::<Account>(id, AggregateType::Account).await?;
                // Patients and practitioners are erased as such, with their accounts; a service is nobody.
                match state.holder() {
                    Some(Holder::Staff { .. }) => Ok(()),
                    _ => Err(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Account))),
                }
            }
        }
    }

    /// What somebody is called now.
    async fn known_of(&self, subject: DataSubject) -> Result<Known, UseCaseError> {
        let called = match subject {
            DataSubject::Patient(id) => {
                let loaded = self.executor.load::<Patient>(id).await;
                unless_held_back(loaded.map(|loaded| loaded.aggregate.called()))?
            }
            DataSubject::Practitioner(id) => {
                let loaded = self.executor.load::<Practitioner>(id).await;
                unless_held_back(loaded.map(|loaded| loaded.aggregate.called()))?
            }
            DataSubject::Staff(_) => Some(BTreeSet::new()),
        };
        let is_readable = called.is_some();
        let mut names = called.unwrap_or_default();
        let account = self.account_of_subject(subject);
        let account = unless_held_back(self.executor.load::<Account>(account).await)?;
        let account_is_readable = account.is_some();
        let wallet = account.and_then(|account| account.aggregate.wallet());
        names.extend(wallet.map(Name::Wallet));
        Ok(Known {
            releasable: self.releasable(&names).await?,
            names,
            wallet,
            is_readable,
            account_is_readable,
        })
    }

    /// Those of these names whose buckets can be read. Those of the others are free by the erasure itself.
    async fn releasable(&self, names: &BTreeSet<Name>) -> Result<BTreeSet<Name>, UseCaseError> {
        let mut releasable = BTreeSet::new();
        for name in names {
            let bucket = self.identities.bucket_of(name);
            if unless_held_back(self.executor.load::<Claims>(bucket).await)?.is_some() {
                releasable.insert(name.clone());
            }
        }
        Ok(releasable)
    }

    async fn require<A: ClinicAggregate>(&self, id: A::Id, kind: AggregateType) -> Result<A, UseCaseError>
    where
        A::Error: Into<Refusal>,
    {
        let known = self.executor.known::<A>(id).await?;
        known.ok_or(UseCaseError::NotFound(Resource::Aggregate(kind)))
    }

    /// Whatever they are called may be somebody else's from then on. Their account is written to even if it was never opened, so that nobody binds
    /// a wallet to it at the same moment.
    async fn end_the_stream(
        &self,
        subject: DataSubject,
        known: &Known,
        keys: &[KeyName],
        context: &CommandContext,
    ) -> Result<Receipt, CommandError<NamingError<Refusal>>> {
        let (names, releasable) = (self.names(&known.names), self.names(&known.releasable));
        let (mut patients, mut practitioners) = (Vec::new(), Vec::new());
        match subject {
            DataSubject::Patient(id) if known.is_readable => patients.push(Target::of(id)),
            DataSubject::Practitioner(id) if known.is_readable => practitioners.push(Target::of(id)),
            DataSubject::Patient(_) | DataSubject::Practitioner(_) | DataSubject::Staff(_) => {}
        }
        let account = Target::of(self.account_of_subject(subject));
        let accounts: Vec<_> = known.account_is_readable.then_some(account).into_iter().collect();
        let buckets = releasable.buckets();
        let targets = (
            (patients, practitioners),
            accounts,
            buckets,
            Target::of(ErasureId(subject)),
        );
        let decide = move |(people, mut accounts, mut buckets, mut erasure): Whole| {
            let wallet = accounts.iter().find_map(|account| account.state().wallet());
            let patients = people.0.iter().flat_map(|one| one.state().called());
            let practitioners = people.1.iter().flat_map(|one| one.state().called());
            let called: BTreeSet<Name> = patients.chain(practitioners).chain(wallet.map(Name::Wallet)).collect();
            if !names.have(&called) {
                return Err(NamingError::Moved);
            }
            let refused = |error: AccountError| NamingError::Refused(Refusal::from(error));
            for account in &mut accounts {
                if let Some(wallet) = wallet {
                    let reason = REASON.to_owned();
                    let unbind = AccountCommand::Unbind { wallet, reason };
                    account.execute(unbind).map_err(refused)?;
                }
                account.execute(AccountCommand::Bar).map_err(refused)?;
            }
            releasable.release(&mut buckets, subject)?;
            // What comes last in a stream is decided last.
            let erase = ErasureCommand::Erase { keys: keys.to_vec() };
            let ended = erasure.execute(erase);
            ended.map_err(|error| NamingError::Refused(error.into()))?;
            Ok((people, accounts, buckets, erasure))
        };
        self.executor.transact(targets, decide, context).await
    }
}
