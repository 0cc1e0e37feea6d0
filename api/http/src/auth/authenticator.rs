//! From a bearer token to a principal, on every request, without a round trip to the database for most.
//!
//! What is known of a session, an account or a key is kept for a moment (`identity_cache`, two seconds unless set
//! otherwise), while the other servers count this one. Within this process a logout, a closed account and a revoked key are noticed at once, cached or not; what
//! another process took is noticed when the moment is over. A store that does not answer denies.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api_wire::problem::ProblemKind;
use application::error::UseCaseError;
use application::policy::identity::Principal;
use application::ports::StoreError;
use application::ports::queries::{AccountView, FormerWallet, Queries as _};
use application::ports::revocations::Revocations;
use application::ports::secrets::Secrets;
use application::ports::sessions::{Session, Sessions, SignedIn, TokenHash};
use application::ports::{Clock, IdentityDerivation, Servers};
use application::use_cases::accounts::KEY_PREFIX;
use application::use_cases::clinic::{Backend, Clinic};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::access_log::Named;
use domain::account::{KeyHash, Role};
use domain::kernel::Wallet;
use domain::registries::practitioners::Standing;
use moka::future::Cache;

use crate::headers::malformed;
use crate::problem::Problem;

/// What a session's token begins with. What begins otherwise, and is no key, is nobody's.
const SESSION_PREFIX: &str = "ms_";

/// How many sessions, accounts and keys are kept in mind at once.
const CAPACITY: u64 = 50_000;

/// How long the store may not know of a session's last use. What it takes for idle may have been used here just now.
const UNTOLD: TimeDelta = TimeDelta::minutes(1);

/// Somebody who has proved who they are, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authenticated {
    /// Who they are.
    pub principal: Principal,
    /// The session they use, if they signed in.
    pub session: Option<TokenHash>,
    /// The wallet they signed in with.
    pub wallet: Option<Wallet>,
    /// Wallets that they have changed for it, one for the other.
    pub former: Vec<FormerWallet>,
}

/// Why a wallet that has an account signs nobody in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Barred {
    /// The account is closed.
    Closed,
    /// The wallet is being taken from the account, and the log does not say so yet.
    WalletTaken,
    /// What the account opens cannot be told here: it is sealed under a key that is not held.
    Sealed,
}

/// A wallet's account.
struct Known {
    view: AccountView,
    /// Why it signs nobody in, as far as any server has accepted that.
    barred: Option<Barred>,
}

/// Turns tokens into principals.
#[async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// Who a token stands for; `None` when for nobody.
    ///
    /// # Errors
    /// `database-unavailable` when nobody can tell.
    async fn authenticate(&self, token: &str) -> Result<Option<Authenticated>, Problem>;

    /// The same, of a service that asks for a person.
    ///
    /// # Errors
    /// `malformed-request` of whoever is no service, `no-person` when nobody of that name works here, or `database-unavailable` when nobody can tell.
    async fn acting_for(&self, service: Authenticated, person: Named) -> Result<Authenticated, Problem>;

    /// Opens a session for a wallet that has signed in, and answers with its token. Of more than a wallet may have, the oldest end.
    ///
    /// # Errors
    /// `database-unavailable` when it cannot be stored.
    async fn open(&self, signed_in: &SignedIn) -> Result<(String, Session), Problem>;

    /// Closes a session, for good.
    ///
    /// # Errors
    /// `database-unavailable` when that cannot be stored.
    async fn close(&self, session: TokenHash) -> Result<(), Problem>;

    /// Whether a wallet signs in to an account, open or closed.
    ///
    /// # Errors
    /// `database-unavailable` when nobody can tell.
    async fn has_account(&self, wallet: &Wallet) -> Result<bool, Problem>;

    /// Why a wallet signs nobody in that has an account; `None` when it signs somebody in, or has none.
    ///
    /// # Errors
    /// `database-unavailable` when nobody can tell.
    async fn barred(&self, wallet: &Wallet) -> Result<Option<Barred>, Problem>;

    /// Looks a wallet's account up again, and whether its sessions go on: it was bound or freed just now.
    async fn forget(&self, wallet: &Wallet);

    /// Tells the store which sessions were used, and has it forget what ended. Call it every few seconds.
    ///
    /// # Errors
    /// `database-unavailable` when it does not answer; what was used is kept for the next time.
    async fn maintain(&self) -> Result<(), Problem>;
}

/// How long what lives, and how many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetimes {
    /// How long a session lives unused.
    pub idle: Duration,
    /// How long a session lives in any case.
    pub absolute: Duration,
    /// How long what is known may be out of date.
    pub cache: Duration,
    /// How many sessions a wallet may have at once.
    pub at_once: NonZeroU32,
}

/// Where it is looked up who somebody is.
pub struct Stores<B: Backend> {
    /// The accounts.
    pub clinic: Arc<Clinic<B>>,
    /// The sessions.
    pub sessions: Arc<dyn Sessions>,
    /// What is no longer good.
    pub revocations: Arc<dyn Revocations>,
    /// The other servers, which take away what is remembered here.
    pub servers: Arc<dyn Servers>,
}

/// [`Authenticate`] over the stores.
pub struct Authenticator<B: Backend> {
    clinic: Arc<Clinic<B>>,
    sessions: Arc<dyn Sessions>,
    revocations: Arc<dyn Revocations>,
    servers: Arc<dyn Servers>,
    identities: Arc<dyn IdentityDerivation>,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    lifetimes: Lifetimes,
    known_sessions: Cache<TokenHash, Option<Session>>,
    known_wallets: Cache<Wallet, Option<Arc<Known>>>,
    known_keys: Cache<KeyHash, Option<Arc<AccountView>>>,
    /// A lookup that began before a logout may end after it: this outlasts what it puts into the cache.
    closed: Cache<TokenHash, ()>,
    used: Mutex<HashMap<TokenHash, DateTime<Utc>>>,
}

impl<B: Backend> Authenticator<B> {
    /// Puts it together.
    pub fn new(
        stores: Stores<B>,
        identities: Arc<dyn IdentityDerivation>,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
        lifetimes: Lifetimes,
    ) -> Self {
        fn cache<K, V>(lifetime: Duration) -> Cache<K, V>
        where
            K: std::hash::Hash + Eq + Send + Sync + 'static,
            V: Clone + Send + Sync + 'static,
        {
            Cache::builder().max_capacity(CAPACITY).time_to_live(lifetime).build()
        }
        let Stores {
            clinic,
            sessions,
            revocations,
            servers,
        } = stores;
        Self {
            clinic,
            sessions,
            revocations,
            servers,
            identities,
            secrets,
            clock,
            lifetimes,
            known_sessions: cache(lifetimes.cache),
            known_wallets: cache(lifetimes.cache),
            known_keys: cache(lifetimes.cache),
            closed: cache(lifetimes.cache * 5),
            used: Mutex::default(),
        }
    }

    /// What is known of something, by a lookup that may be remembered. Nothing is while the other servers do not count this one, for they say at
    /// once then that something was taken away.
    async fn known<K, V, E>(
        &self,
        cache: &Cache<K, V>,
        key: K,
        look_up: impl Future<Output = Result<V, E>>,
    ) -> Result<V, Arc<E>>
    where
        K: std::hash::Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        if self.servers.is_counted() {
            return cache.try_get_with(key, look_up).await;
        }
        cache.invalidate_all();
        look_up.await.map_err(Arc::new)
    }

    async fn by_session(&self, token: TokenHash) -> Result<Option<Authenticated>, Problem> {
        let now = self.clock.now();
        let find = self.sessions.find(token, now - UNTOLD);
        let found = self.known(&self.known_sessions, token, find).await;
        let Some(session) = found.map_err(unknown)? else {
            return Ok(None);
        };
        if self.closed.contains_key(&token) || session.expires_at <= now || self.idle_end(token, &session) <= now {
            return Ok(None);
        }
        self.note_use(token, &session, now);
        let wallet = session.wallet;
        let known = self.account(&wallet).await?;
        let principal = match &known {
            None => Principal::Unregistered { wallet },
            Some(known) => match self.person(&wallet, known) {
                Ok(principal) => self.as_they_stand(principal).await?,
                Err(_) => return Ok(None),
            },
        };
        Ok(Some(Authenticated {
            principal,
            session: Some(token),
            wallet: Some(wallet),
            former: known.map(|known| known.view.former_wallets()).unwrap_or_default(),
        }))
    }

    /// The same, of a practitioner as they stand with the registrars now. That is not remembered: a suspension counts at once.
    async fn as_they_stand(&self, principal: Principal) -> Result<Principal, Problem> {
        let Principal::Practitioner {
            account, practitioner, ..
        } = principal
        else {
            return Ok(principal);
        };
        let attestation = self
            .clinic
            .queries
            .attestation(practitioner)
            .await
            .map_err(UseCaseError::from)?;
        Ok(Principal::Practitioner {
            account,
            practitioner,
            standing: attestation.standing(),
        })
    }

    /// The principal behind a wallet's account; of a practitioner, as if nobody had attested them.
    fn person(&self, wallet: &Wallet, Known { view, barred }: &Known) -> Result<Principal, Barred> {
        if let Some(barred) = barred {
            return Err(*barred);
        } else if self.revocations.denied_here(view.id.uuid()) {
            return Err(Barred::Closed);
        } else if self.revocations.denied_here(self.identities.from_wallet(wallet)) {
            return Err(Barred::WalletTaken);
        }
        let account = view.id;
        match (view.role, view.patient, view.practitioner) {
            (Role::Patient, Some(patient), _) => Ok(Principal::Patient { account, patient }),
            (Role::Doctor, _, Some(practitioner)) => Ok(Principal::Practitioner {
                account,
                practitioner,
                standing: Standing::Unknown,
            }),
            (Role::Patient | Role::Doctor, ..) => Err(Barred::Sealed),
            (role, ..) => Ok(Principal::Staff { account, role }),
        }
    }

    async fn by_key(&self, hash: KeyHash) -> Result<Option<Authenticated>, Problem> {
        let found = self.known(&self.known_keys, hash, self.find_by_key(hash)).await;
        let found = found.map_err(unread)?;
        let Some(view) = found else { return Ok(None) };
        let Some(key) = view.keys.iter().find(|key| key.hash == hash) else {
            return Ok(None);
        };
        let dead = view.closed
            || key.revoked
            || key.expires.is_some_and(|expires| expires <= self.clock.now())
            || self.revocations.denied_here(view.id.uuid())
            || self.revocations.denied_here(key.id);
        if dead || matches!(view.role, Role::Patient | Role::Doctor) {
            return Ok(None);
        }
        let scopes = key.scopes.iter().copied().collect();
        let principal = Principal::Service {
            account: view.id,
            key: key.id,
            role: view.role,
            scopes,
            person: None,
        };
        Ok(Some(Authenticated {
            principal,
            session: None,
            wallet: None,
            former: Vec::new(),
        }))
    }

    async fn find_by_key(&self, hash: KeyHash) -> Result<Option<Arc<AccountView>>, UseCaseError> {
        let Some(view) = self.clinic.queries.account_of_key(&hash).await? else {
            return Ok(None);
        };
        let key = view.keys.iter().find(|key| key.hash == hash).map(|key| key.id);
        let subjects: Vec<_> = key.into_iter().chain([view.id.uuid()]).collect();
        let denied = self.revocations.any(&subjects).await?;
        Ok((!denied).then(|| Arc::new(view)))
    }

    async fn account(&self, wallet: &Wallet) -> Result<Option<Arc<Known>>, Problem> {
        let known = self
            .known(&self.known_wallets, *wallet, self.find_account(wallet))
            .await;
        known.map_err(unread)
    }

    async fn find_account(&self, wallet: &Wallet) -> Result<Option<Arc<Known>>, UseCaseError> {
        let Some(view) = self.clinic.queries.account_of_wallet(wallet).await? else {
            return Ok(None);
        };
        // An account that is denied is as good as closed, and not as good as missing: its wallet may not register again.
        let (account, wallet) = (view.id.uuid(), self.identities.from_wallet(wallet));
        let barred = if view.closed {
            Some(Barred::Closed)
        } else if !self.revocations.any(&[account, wallet]).await? {
            None
        } else if self.revocations.any(&[account]).await? {
            Some(Barred::Closed)
        } else {
            Some(Barred::WalletTaken)
        };
        Ok(Some(Arc::new(Known { view, barred })))
    }

    /// When a session ends unless it is used, by what the store says and by what it has not been told yet.
    fn idle_end(&self, token: TokenHash, session: &Session) -> DateTime<Utc> {
        self.lock_used()
            .get(&token)
            .copied()
            .map_or(session.idle_expires_at, |end| end.max(session.idle_expires_at))
    }

    fn note_use(&self, token: TokenHash, session: &Session, now: DateTime<Utc>) {
        let end = (now + delta(self.lifetimes.idle)).min(session.expires_at);
        self.lock_used().insert(token, end);
    }

    /// From now on the session is nobody's here, whatever is cached.
    async fn note_closed(&self, session: TokenHash) {
        self.closed.insert(session, ()).await;
        self.lock_used().remove(&session);
    }

    fn lock_used(&self) -> std::sync::MutexGuard<'_, HashMap<TokenHash, DateTime<Utc>>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<B: Backend> Authenticate for Authenticator<B> {
    async fn authenticate(&self, token: &str) -> Result<Option<Authenticated>, Problem> {
        let hash = self.secrets.digest(token.as_bytes());
        if token.starts_with(KEY_PREFIX) {
            Box::pin(self.by_key(KeyHash(hash))).await
        } else if token.starts_with(SESSION_PREFIX) {
            Box::pin(self.by_session(TokenHash(hash))).await
        } else {
            Ok(None)
        }
    }

    async fn acting_for(&self, service: Authenticated, person: Named) -> Result<Authenticated, Problem> {
        let Principal::Service {
            account,
            key,
            role,
            scopes,
            ..
        } = service.principal
        else {
            return Err(malformed(
                "On-Behalf-Of is for services: whoever has signed in asks for themselves.",
            ));
        };
        let found = self.clinic.person_named(person).await?;
        let found =
            found.ok_or_else(|| Problem::new(ProblemKind::NoPerson).detail("Nobody of that name works here."))?;
        let principal = Principal::Service {
            account,
            key,
            role,
            scopes,
            person: Some(Box::new(self.as_they_stand(found).await?)),
        };
        Ok(Authenticated { principal, ..service })
    }

    async fn open(&self, signed_in: &SignedIn) -> Result<(String, Session), Problem> {
        let token = self.secrets.token();
        let token = token.map_err(|error| Problem::new(ProblemKind::Internal).cause(error))?;
        let token = format!("{SESSION_PREFIX}{token}");
        let now = self.clock.now();
        let expires_at = now + delta(self.lifetimes.absolute);
        let idle_expires_at = (now + delta(self.lifetimes.idle)).min(expires_at);
        let session = Session {
            wallet: signed_in.wallet,
            idle_expires_at,
            expires_at,
        };
        let hash = TokenHash(self.secrets.digest(token.as_bytes()));
        let opened = self
            .sessions
            .open(hash, &session, &signed_in.proof, self.lifetimes.at_once);
        for ended in opened.await.map_err(stored)? {
            self.note_closed(ended).await;
        }
        Ok((token, session))
    }

    async fn close(&self, session: TokenHash) -> Result<(), Problem> {
        self.note_closed(session).await;
        self.sessions.close(session).await.map_err(stored)?;
        self.known_sessions.invalidate(&session).await;
        Ok(())
    }

    async fn has_account(&self, wallet: &Wallet) -> Result<bool, Problem> {
        Ok(self.account(wallet).await?.is_some())
    }

    async fn barred(&self, wallet: &Wallet) -> Result<Option<Barred>, Problem> {
        let known = self.account(wallet).await?;
        Ok(known.and_then(|known| self.person(wallet, &known).err()))
    }

    async fn forget(&self, wallet: &Wallet) {
        // Everybody's sessions: they are known by their tokens alone, wallets are bound seldom, and looking one up costs little.
        self.known_sessions.invalidate_all();
        self.known_wallets.invalidate(wallet).await;
    }

    async fn maintain(&self) -> Result<(), Problem> {
        let used: Vec<_> = self.lock_used().drain().collect();
        if let Err(error) = self.sessions.touch(&used).await {
            let mut kept = self.lock_used();
            for (token, end) in used {
                kept.entry(token).or_insert(end);
            }
            return Err(stored(error));
        }
        self.sessions.sweep(self.clock.now() - UNTOLD).await.map_err(stored)
    }
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(36_500))
}

fn stored(error: StoreError) -> Problem {
    UseCaseError::Store(error).into()
}

fn unknown(error: Arc<StoreError>) -> Problem {
    Problem::new(ProblemKind::DatabaseUnavailable).cause(Shared(error))
}

fn unread(error: Arc<UseCaseError>) -> Problem {
    Problem::new(ProblemKind::DatabaseUnavailable).cause(Shared(error))
}

/// A cause that several requests wait for at once.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Shared<E: std::error::Error>(Arc<E>);
