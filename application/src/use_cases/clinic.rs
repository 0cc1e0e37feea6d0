//! The use cases' common ground: what they work with, how they authorize, how they stamp a command.
//!
//! The use cases themselves are methods of [`Clinic`], one module per aggregate.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::{
    AccountId, AggregateType, ClinicAggregate, CommandId, PatientId, PractitionerId, Wallet, WalletId,
};
use domain::patient::PatientDetails;
use uuid::Uuid;

use crate::error::{Resource, UseCaseError};
use crate::log::Actor;
use crate::policy::identity::Principal;
use crate::policy::rules::{BookingsUnderWay, Rules};
use crate::policy::{Action, Decision, Object, Reach, decide, reach};
use crate::ports::access_requests::AccessRequests;
use crate::ports::command::{CommandContext, CommandError, CommandExecutor, Receipt};
use crate::ports::erasures::Erasures;
use crate::ports::invitations::Invitations;
use crate::ports::queries::{FormerWallet, ProjectionHash, Queries};
use crate::ports::reads::NotedReads;
use crate::ports::registries::{ConsentRegistry, ConsentWitness, PractitionerRegistry};
use crate::ports::registry::{FormerIssuer, Issuers};
use crate::ports::requests::RegistrationRequests;
use crate::ports::revocations::Revocations;
use crate::ports::secrets::Secrets;
use crate::ports::sessions::Sessions;
use crate::ports::transaction::{Freshness, Target};
use crate::ports::{Clock, IdentityDerivation};
use crate::use_cases::names_under_way::NamesUnderWay;

/// Which write side and which read side.
pub trait Backend: Send + Sync + 'static {
    /// The write side.
    type Executor: CommandExecutor;
    /// The read side.
    type Queries: Queries;
}

impl<E: CommandExecutor, Q: Queries> Backend for (E, Q) {
    type Executor = E;
    type Queries = Q;
}

/// What stands beside the log: short-lived, and the same for all servers on one database.
pub struct Stores {
    /// What is no longer good, before the log says so.
    pub revocations: Arc<dyn Revocations>,
    /// Who may bind a wallet to which account.
    pub invitations: Arc<dyn Invitations>,
    /// Who asks to be registered.
    pub requests: Arc<dyn RegistrationRequests>,
    /// Who has signed in.
    pub sessions: Arc<dyn Sessions>,
    /// Who has read what.
    pub reads: Arc<dyn NotedReads>,
    /// Who is to be erased.
    pub erasures: Arc<dyn Erasures>,
    /// Requests to be let into records.
    pub access_requests: Arc<dyn AccessRequests>,
}

/// The use cases.
pub struct Clinic<B: Backend> {
    /// The write side.
    pub executor: Arc<B::Executor>,
    /// The read side.
    pub queries: Arc<B::Queries>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids that follow from what they name.
    pub identities: Arc<dyn IdentityDerivation>,
    /// Randomness and digests.
    pub secrets: Arc<dyn Secrets>,
    /// What is no longer good, before the log says so.
    pub revocations: Arc<dyn Revocations>,
    /// Who may bind a wallet to which account.
    pub invitations: Arc<dyn Invitations>,
    /// Who asks to be registered.
    pub requests: Arc<dyn RegistrationRequests>,
    /// Who has signed in.
    pub sessions: Arc<dyn Sessions>,
    /// Who has read what, and the log does not say yet.
    pub reads: Arc<dyn NotedReads>,
    /// Who is to be erased.
    pub erasures: Arc<dyn Erasures>,
    /// Requests to be let into records.
    pub access_requests: Arc<dyn AccessRequests>,
    /// The registries that are followed.
    pub(crate) registries: Registries,
    /// What the operator has decided.
    pub(crate) rules: Rules,
    pub(crate) bookings: BookingsUnderWay,
    /// Encounters that are being filed.
    pub(crate) filing: NamesUnderWay,
    /// The last content hashes, for they read everything.
    pub(crate) hashes: Mutex<Option<Vec<ProjectionHash>>>,
}

/// How long what somebody is given to sign may be handed in.
const SIGNED_WITHIN: TimeDelta = TimeDelta::hours(1);

/// The registries that are followed, of each kind one at most.
#[derive(Clone, Default)]
pub struct Registries {
    /// Of practitioners.
    pub practitioners: Option<Arc<PractitionerRegistry>>,
    /// Of consents.
    pub consents: Option<Arc<ConsentRegistry>>,
    /// The contract of that one, asked itself.
    pub witness: Option<Arc<dyn ConsentWitness>>,
}

/// A command as it comes in, before it is stamped.
#[derive(Clone, Copy, Debug)]
pub struct Issue {
    /// Its id; the same for every retry. Random ids of new things follow from it, so a retry meets the same streams.
    pub command_id: CommandId,
    /// The conversation, if the caller named one.
    pub correlation: Option<Uuid>,
    /// Whether something may have come of an earlier attempt.
    pub repeated: bool,
}

impl Issue {
    /// The id of the thing that this command makes.
    pub(crate) fn new_id(&self, kind: &str) -> Uuid {
        Uuid::new_v5(&self.command_id.uuid(), kind.as_bytes())
    }

    /// Whether the stream named by [`Self::new_id`] can exist.
    pub(crate) const fn freshness(&self) -> Freshness {
        if self.repeated {
            Freshness::MayExist
        } else {
            Freshness::New
        }
    }
}

/// What a use case did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done<T> {
    /// To what.
    pub id: T,
    /// What it came to.
    pub receipt: Receipt,
}

impl<T> Done<T> {
    /// The same, done to something else.
    pub fn of<U>(self, id: U) -> Done<U> {
        Done {
            id,
            receipt: self.receipt,
        }
    }
}

impl<B: Backend> Clinic<B> {
    /// Puts the use cases together.
    pub fn new(
        executor: Arc<B::Executor>,
        queries: Arc<B::Queries>,
        clock: Arc<dyn Clock>,
        identities: Arc<dyn IdentityDerivation>,
        secrets: Arc<dyn Secrets>,
        stores: Stores,
    ) -> Self {
        let Stores {
            revocations,
            invitations,
            requests,
            sessions,
            reads,
            erasures,
            access_requests,
        } = stores;
        Self {
            executor,
            queries,
            clock,
            identities,
            secrets,
            revocations,
            invitations,
            requests,
            sessions,
            reads,
            erasures,
            access_requests,
            registries: Registries::default(),
            rules: Rules::default(),
            bookings: BookingsUnderWay::default(),
            filing: NamesUnderWay::default(),
            hashes: Mutex::default(),
        }
    }

    /// The same under an operator's rules.
    #[must_use]
    pub fn ruled_by(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// The same, with the registries that it follows.
    #[must_use]
    pub fn with_registries(mut self, registries: Registries) -> Self {
        self.registries = registries;
        self
    }

    /// Whose commands and idempotency keys a caller's are: the wallet's, which stays the same when it gets an account, and those of the
    /// `former` wallets that were changed for it; or the service's.
    pub fn issuers(&self, principal: &Principal, wallet: Option<&Wallet>, former: &[FormerWallet]) -> Issuers {
        Issuers {
            now: self.issuer(principal, wallet),
            before: former.iter().map(|former| self.former_issuer(former)).collect(),
        }
    }

    fn former_issuer(&self, former: &FormerWallet) -> FormerIssuer {
        FormerIssuer {
            issuer: self.issuer_of(&former.wallet),
            until: former.until,
        }
    }

    fn issuer_of(&self, wallet: &Wallet) -> AccountId {
        AccountId::new(self.wallet_id(wallet).uuid())
    }

    fn issuer(&self, principal: &Principal, wallet: Option<&Wallet>) -> AccountId {
        match (principal, wallet) {
            (Principal::Unregistered { wallet }, _) | (_, Some(wallet)) => self.issuer_of(wallet),
            (
                Principal::Patient { account, .. }
                | Principal::Practitioner { account, .. }
                | Principal::Staff { account, .. }
                | Principal::Service { account, .. },
                None,
            ) => *account,
        }
    }

    /// The name under which a wallet stands beside the log.
    pub fn wallet_id(&self, wallet: &Wallet) -> WalletId {
        WalletId::new(self.identities.from_wallet(wallet))
    }

    pub(crate) fn stamp(&self, principal: &Principal, issue: &Issue) -> CommandContext {
        // A service does it for a person, who answers for it.
        self.stamp_as(principal.person().account(), issue)
    }

    /// Stamps a command of somebody whose account it may open.
    pub(crate) fn stamp_as(&self, account: Option<AccountId>, issue: &Issue) -> CommandContext {
        CommandContext {
            command_id: issue.command_id,
            at: self.clock.now(),
            actor: account.map_or(Actor::System, Actor::Account),
            correlation: issue.correlation,
            cause: None,
            repeated: issue.repeated,
        }
    }

    /// Refuses what is said to be told at a time to come. An import decides by these times what is newer: one far ahead would keep out
    /// all that is told after it.
    pub(crate) fn require_told(&self, as_of: Option<DateTime<Utc>>, pointer: &'static str) -> Result<(), UseCaseError> {
        match as_of {
            Some(as_of) if as_of - self.now() > PatientDetails::CLOCKS_DIFFER => Err(UseCaseError::Invalid {
                pointer,
                detail: "the time as of which this is told lies in the future",
            }),
            _ => Ok(()),
        }
    }

    /// Until when what is given to sign now may be handed in, in seconds since 1970.
    pub(crate) fn deadline(&self) -> u64 {
        u64::try_from((self.now() + SIGNED_WITHIN).timestamp()).unwrap_or_default()
    }

    /// Random bytes that keep others from finding out by trying what a hash is of.
    pub(crate) fn salt(&self) -> Result<[u8; 32], UseCaseError> {
        let random = self
            .secrets
            .token()
            .map_err(|error| UseCaseError::Internal(error.into()))?;
        Ok(self.secrets.digest(random.as_bytes()))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// What an earlier attempt at a command has come to, if there may have been one. It is looked for before anything is read: whatever
    /// it has changed would otherwise be held against its own retry. `first` is the aggregate that the command is first about.
    pub(crate) async fn earlier<A: ClinicAggregate>(
        &self,
        first: A::Id,
        issue: &Issue,
    ) -> Result<Option<Receipt>, CommandError<A::Error>> {
        if issue.repeated {
            self.executor.earlier::<A>(first, issue.command_id).await
        } else {
            Ok(None)
        }
    }

    /// Has an aggregate decide on a command.
    pub(crate) async fn execute<A: ClinicAggregate>(
        &self,
        target: Target<A::Id>,
        command: A::Command,
        context: &CommandContext,
    ) -> Result<Receipt, CommandError<A::Error>> {
        self.executor.execute::<A>(target, command, context).await
    }
}

/// The record of a patient who is asking.
pub(crate) const fn own_record(principal: &Principal) -> Option<PatientId> {
    match principal {
        Principal::Patient { patient, .. } => Some(*patient),
        _ => None,
    }
}

/// Denies what the caller may do to nothing at all.
pub(crate) fn permit(principal: &Principal, action: Action) -> Result<Reach, UseCaseError> {
    Ok(reach(principal, action)?)
}

/// Denies what the caller may not do to a practitioner; one they may not know of is missing.
pub(crate) fn permit_on(
    principal: &Principal,
    action: Action,
    practitioner: PractitionerId,
) -> Result<(), UseCaseError> {
    match decide(principal, action, Object::Practitioner(practitioner)) {
        Decision::Allow => Ok(()),
        Decision::Forbid(denial) => Err(denial.into()),
        Decision::Hide => Err(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Practitioner))),
    }
}
