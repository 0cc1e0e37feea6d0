//! What names somebody is claimed for them, in the commit that gives it to them ([`domain::claims`]): an identifier of another
//! system names one patient, and one practitioner. Whoever is registered, or gets another identifier, must not be called as somebody
//! else of the same kind is. One person may be both.

use std::collections::{BTreeMap, BTreeSet};

use domain::account::{Account, AccountError};
use domain::claims::{Called, Claim, Claims, ClaimsCommand, ClaimsError, Name};
use domain::kernel::{ClaimsId, ClinicAggregate, DataSubject, Identity, Wallet};

use crate::error::{Refusal, UseCaseError};
use crate::ports::command::{CommandContext, CommandError, CommandExecutor as _, Receipt};
use crate::ports::transaction::{Freshness, Root, Target};
use crate::use_cases::clinic::{Backend, Clinic, Done};

/// How often a command is decided that gives names, while others change who is called how.
pub(crate) const ATTEMPTS: u32 = 5;

/// Names, each with the bucket in which it is claimed.
#[derive(Clone, Default)]
pub(crate) struct Names(BTreeMap<Name, ClaimsId>);

impl Names {
    /// Their buckets, each once.
    pub(crate) fn buckets(&self) -> Vec<Target<ClaimsId>> {
        let buckets: BTreeSet<ClaimsId> = self.0.values().copied().collect();
        buckets.into_iter().map(Target::of).collect()
    }

    /// Whether all of these are among them.
    pub(crate) fn have(&self, names: &BTreeSet<Name>) -> bool {
        names.iter().all(|name| self.0.contains_key(name))
    }

    /// Those of a bucket.
    fn in_bucket(&self, bucket: ClaimsId) -> impl Iterator<Item = &Name> {
        self.0
            .iter()
            .filter(move |(_, id)| **id == bucket)
            .map(|(name, _)| name)
    }

    /// Claims what somebody is called now and was not called before, and gives back what they are not called any more. What they were called
    /// before is not asked again: it would keep them from ever being mended.
    fn settle<E>(
        &self,
        buckets: &mut [Root<Claims>],
        subject: DataSubject,
        before: &BTreeSet<Name>,
        now: &BTreeSet<Name>,
    ) -> Result<(), NamingError<E>> {
        if before.symmetric_difference(now).any(|name| !self.0.contains_key(name)) {
            return Err(NamingError::Moved);
        }
        for bucket in buckets {
            for name in self.in_bucket(bucket.id()).cloned() {
                let (was, is) = (before.contains(&name), now.contains(&name));
                let claim = Claim { name, subject };
                match (was, is) {
                    (false, true) => bucket.execute(ClaimsCommand::Claim(claim))?,
                    (true, false) => bucket.execute(ClaimsCommand::Release(claim))?,
                    (true, true) | (false, false) => {}
                }
            }
        }
        Ok(())
    }

    /// Gives back what of these is somebody's.
    pub(crate) fn release(&self, buckets: &mut [Root<Claims>], subject: DataSubject) -> Result<(), ClaimsError> {
        for bucket in buckets {
            for name in self.in_bucket(bucket.id()).cloned() {
                bucket.execute(ClaimsCommand::Release(Claim { name, subject }))?;
            }
        }
        Ok(())
    }
}

/// Claims a wallet for whoever holds the account that it was bound to just now.
pub(crate) fn claim_wallet(bucket: &mut Root<Claims>, wallet: Wallet, owner: &Root<Account>) -> Result<(), Refusal> {
    let claim = wallet_of(wallet, owner)?;
    Ok(bucket.execute(ClaimsCommand::Claim(claim))?)
}

/// Gives back the wallet of whoever holds an account.
pub(crate) fn release_wallet(bucket: &mut Root<Claims>, wallet: Wallet, owner: &Root<Account>) -> Result<(), Refusal> {
    let claim = wallet_of(wallet, owner)?;
    Ok(bucket.execute(ClaimsCommand::Release(claim))?)
}

fn wallet_of(wallet: Wallet, owner: &Root<Account>) -> Result<Claim, AccountError> {
    let subject = owner.state().subject(owner.id()).ok_or(AccountError::Sealed)?;
    Ok(Claim {
        name: Name::Wallet(wallet),
        subject,
    })
}

/// Why somebody is not given names, or does not give them back.
pub(crate) enum NamingError<E> {
    /// A rule forbids what was to be done with them.
    Refused(E),
    /// One of the names is somebody else's.
    Claimed(ClaimsError),
    /// They are called otherwise meanwhile.
    Moved,
}

impl<E> From<ClaimsError> for NamingError<E> {
    fn from(error: ClaimsError) -> Self {
        Self::Claimed(error)
    }
}

/// A command to somebody whom names are given.
#[derive(Clone)]
pub(crate) struct Naming<A: ClinicAggregate> {
    /// What is asked.
    pub(crate) command: A::Command,
    /// What they are called after it.
    pub(crate) names: BTreeSet<Name>,
    /// What is said when one of the names is somebody else's.
    pub(crate) taken: A::Error,
    /// How a refusal is told.
    pub(crate) told: fn(A::Error) -> Refusal,
}

impl<B: Backend> Clinic<B> {
    /// In which buckets names are claimed.
    pub(crate) fn names<'a>(&self, names: impl IntoIterator<Item = &'a Name>) -> Names {
        let bucket = |name: &Name| (name.clone(), self.identities.bucket_of(name));
        Names(names.into_iter().map(bucket).collect())
    }

    /// In which bucket a wallet is claimed.
    pub(crate) fn bucket_of(&self, wallet: &Wallet) -> Target<ClaimsId> {
        Target::of(self.identities.bucket_of(&Name::Wallet(*wallet)))
    }

    /// Whom a name names.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub(crate) async fn whose(&self, name: &Name) -> Result<Option<DataSubject>, UseCaseError> {
        let bucket = self.identities.bucket_of(name);
        Ok(self.executor.load::<Claims>(bucket).await?.aggregate.whose(name))
    }

    /// Whom the main name of somebody to be registered names, if they have one and it does.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub(crate) async fn named<I: Identity>(&self, name: Option<&Name>) -> Result<Option<I>, UseCaseError> {
        let Some(name) = name else { return Ok(None) };
        let named = self.whose(name).await?.map(DataSubject::aggregate);
        Ok(named.and_then(|named| I::try_from(named).ok()))
    }

    /// Registers whoever is called by a name, or else is `new`: registering again meets who is there. Whose the name is may change meanwhile: what
    /// another server was given at the same moment is in the log, and what was given here is not; or whoever had it is erased.
    ///
    /// # Errors
    /// [`UseCaseError::Exists`] with who is there, with other content.
    pub(crate) async fn register_named<A: Called>(
        &self,
        (new, freshness): (A::Id, Freshness),
        name: Option<&Name>,
        naming: &Naming<A>,
        context: &CommandContext,
    ) -> Result<Done<A::Id>, UseCaseError> {
        let freshness_of = |id| if id == new { freshness } else { Freshness::MayExist };
        let mut id = self.named(name).await?.unwrap_or(new);
        for _ in 1..ATTEMPTS {
            let error = match self.register_as(id, freshness_of(id), naming, context).await {
                Err(error @ (UseCaseError::Exists { .. } | UseCaseError::Erased)) => error,
                done => return done,
            };
            match self.named(name).await?.unwrap_or(new) {
                same if same == id => return Err(error),
                other => id = other,
            }
        }
        self.register_as(id, freshness_of(id), naming, context).await
    }

    async fn register_as<A: Called>(
        &self,
        id: A::Id,
        freshness: Freshness,
        naming: &Naming<A>,
        context: &CommandContext,
    ) -> Result<Done<A::Id>, UseCaseError> {
        let target = Target::of(id).freshness(freshness);
        let receipt = self.execute_named(target, naming, context).await;
        receipt
            .map(|receipt| Done { id, receipt })
            .map_err(|error| error.meeting(id))
    }

    /// Has somebody decide on a command, and claims for them what they are called after it, in one commit.
    ///
    /// # Errors
    /// [`UseCaseError::Exists`] with the other one whom a name names.
    pub(crate) async fn execute_named<A: Called>(
        &self,
        target: Target<A::Id>,
        naming: &Naming<A>,
        context: &CommandContext,
    ) -> Result<Receipt, UseCaseError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match self.try_named(target, naming, context).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) => error.rejection()?,
            };
            return Err(match error {
                NamingError::Moved if attempts < ATTEMPTS => continue,
                NamingError::Moved => UseCaseError::Conflict { attempts },
                NamingError::Refused(error) => (naming.told)(error).into(),
                NamingError::Claimed(ClaimsError::Identifier { names }) => {
                    UseCaseError::Refused((naming.told)(naming.taken.clone())).meeting(names.aggregate())
                }
                NamingError::Claimed(error @ ClaimsError::Wallet) => UseCaseError::Refused(error.into()),
            });
        }
    }

    async fn try_named<A: Called>(
        &self,
        target: Target<A::Id>,
        naming: &Naming<A>,
        context: &CommandContext,
    ) -> Result<Receipt, CommandError<NamingError<A::Error>>> {
        let known = match target.freshness {
            Freshness::New => BTreeSet::new(),
            Freshness::MayExist => {
                let loaded = self.executor.load::<A>(target.id).await;
                let loaded = loaded.map_err(|error| error.refused_as(NamingError::Refused))?;
                loaded.aggregate.called()
            }
        };
        let names = self.names(known.symmetric_difference(&naming.names));
        let buckets = names.buckets();
        let decide = move |(mut one, mut buckets): (Root<A>, Vec<Root<Claims>>)| {
            let before = one.state().called();
            one.execute(naming.command.clone()).map_err(NamingError::Refused)?;
            names.settle(&mut buckets, A::subject(target.id), &before, &one.state().called())?;
            Ok((one, buckets))
        };
        self.executor.transact((target, buckets), decide, context).await
    }
}
