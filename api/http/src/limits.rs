//! How much is taken from one caller, and at once altogether.
//!
//! Whoever is signed in is limited by their account or wallet, so a crowd behind one address does not lock itself out; who is not, by
//! their address, generously. The numbers are counted by each server for itself, in memory, and forgotten when it stops. A caller who
//! is quiet for as long as a quota lasts is forgotten too.
//!
//! What a caller who is signed in may ask for is a quota of all servers together: of several, each gives its share and no more
//! ([`Limiter::share`]). What is limited by address protects the server that counts it.

mod proxies;

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use api_wire::problem::ProblemKind;
use application::policy::identity::Principal;
use domain::kernel::{AccountId, Wallet};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

pub use proxies::{ForwardedHeader, TrustedProxies};

use super::problem::Problem;

const HOUR: Duration = Duration::from_secs(60 * 60);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How much one caller may ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallerLimits {
    /// Requests to sign in a minute, by address. A whole hospital may share one, and each sign-in takes two.
    pub sign_ins_per_address: NonZeroU32,
    /// Signatures a minute by one wallet, to sign in.
    pub sign_ins_per_wallet: NonZeroU32,
    /// Commands a minute by one person.
    pub commands_per_person: NonZeroU32,
    /// Commands a minute by one service. As many as it likes if `None`: an import sends hundreds a second.
    pub commands_per_service: Option<NonZeroU32>,
    /// Bytes of commands a day by one person: what they put on the chain is not more.
    pub bytes_per_person: NonZeroU32,
    /// Requests to be registered an hour, by address.
    pub registration_requests_per_address: NonZeroU32,
}

impl Default for CallerLimits {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            sign_ins_per_address: number(600),
            sign_ins_per_wallet: number(20),
            commands_per_person: number(120),
            commands_per_service: None,
            bytes_per_person: number(8 * 1024 * 1024),
            registration_requests_per_address: number(60),
        }
    }
}

/// A limit for each key.
struct Rate<K: Hash + Eq + Clone> {
    name: &'static str,
    quota: NonZeroU32,
    period: Duration,
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    /// So many in a period, all of them at once if need be.
    fn new(name: &'static str, quota: NonZeroU32, period: Duration) -> Self {
        let one = (period / quota.get()).max(Duration::from_nanos(1));
        let rate = Quota::with_period(one).unwrap_or_else(|| Quota::per_second(quota));
        Self {
            name,
            quota,
            period,
            limiter: RateLimiter::keyed(rate.allow_burst(quota)),
            clock: DefaultClock::default(),
        }
    }

    fn check(&self, key: &K) -> Result<(), Problem> {
        self.check_many(key, NonZeroU32::MIN)
    }

    /// Checks where several servers share the quota: what is asked of this one counts as often as there are servers, so that all of them
    /// together give no more than the quota. A single command that is more than the share goes through once in a period.
    fn check_shared(&self, key: &K, number: NonZeroU32, servers: NonZeroU32) -> Result<(), Problem> {
        let counted = number.saturating_mul(servers);
        self.check_many(
            key,
            if number <= self.quota {
                counted.min(self.quota)
            } else {
                number
            },
        )
    }

    /// More at once than the whole quota never goes through.
    fn check_many(&self, key: &K, number: NonZeroU32) -> Result<(), Problem> {
        let wait = match self.limiter.check_key_n(key, number) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(denied)) => denied.wait_time_from(self.clock.now()),
            Err(_) => self.period,
        };
        let wait = Duration::from_secs(wait.as_secs().saturating_add(1));
        let detail = format!(
            "{} {} in {} seconds are taken from one caller.",
            self.quota,
            self.name,
            self.period.as_secs()
        );
        let quota = format!("\"{}\";q={};w={}", self.name, self.quota, self.period.as_secs());
        let left = format!("\"{}\";r=0;t={}", self.name, wait.as_secs());
        Err(Problem::new(ProblemKind::TooManyRequests)
            .detail(detail)
            .retry_after(wait)
            .rate_limit(quota, left))
    }

    fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// What each caller has asked for lately.
pub struct Limiter {
    addresses: Rate<IpAddr>,
    wallets: Rate<Wallet>,
    people: Rate<AccountId>,
    services: Option<Rate<AccountId>>,
    bytes: Rate<AccountId>,
    requests: Rate<IpAddr>,
    servers: AtomicU32,
}

impl Limiter {
    /// With these limits.
    pub fn new(limits: &CallerLimits) -> Self {
        Self {
            addresses: Rate::new("sign-ins by address", limits.sign_ins_per_address, MINUTE),
            wallets: Rate::new("sign-ins by wallet", limits.sign_ins_per_wallet, MINUTE),
            people: Rate::new("commands", limits.commands_per_person, MINUTE),
            services: limits
                .commands_per_service
                .map(|quota| Rate::new("commands", quota, MINUTE)),
            bytes: Rate::new("bytes of commands", limits.bytes_per_person, DAY),
            requests: Rate::new(
                "requests to be registered by address",
                limits.registration_requests_per_address,
                HOUR,
            ),
            servers: AtomicU32::new(1),
        }
    }

    /// Gives this server's share of the quotas, of so many servers. While nobody knows of any, it is the only one.
    pub fn share(&self, servers: u32) {
        self.servers.store(servers, Ordering::Relaxed);
    }

    fn servers(&self) -> NonZeroU32 {
        NonZeroU32::new(self.servers.load(Ordering::Relaxed)).unwrap_or(NonZeroU32::MIN)
    }

    /// Counts a request to sign in.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub fn sign_in(&self, address: &IpAddr) -> Result<(), Problem> {
        self.addresses.check(address)
    }

    /// Counts what a wallet has signed. Call it for what it has signed indeed: otherwise anybody could lock it out.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub fn wallet(&self, wallet: &Wallet) -> Result<(), Problem> {
        self.wallets.check(wallet)
    }

    /// Counts a command.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub fn command(&self, principal: &Principal, issuer: &AccountId) -> Result<(), Problem> {
        let check = |rate: &Rate<AccountId>| rate.check_shared(issuer, NonZeroU32::MIN, self.servers());
        match principal {
            Principal::Service { .. } => self.services.as_ref().map_or(Ok(()), check),
            _ => check(&self.people),
        }
    }

    /// Counts a command's bytes.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub fn bytes(&self, principal: &Principal, issuer: &AccountId, bytes: usize) -> Result<(), Problem> {
        let number = u32::try_from(bytes).map_or(NonZeroU32::MAX, |bytes| {
            NonZeroU32::new(bytes).unwrap_or(NonZeroU32::MIN)
        });
        match principal {
            Principal::Service { .. } => Ok(()),
            _ => self.bytes.check_shared(issuer, number, self.servers()),
        }
    }

    /// Counts a request to be registered.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub fn request(&self, address: &IpAddr) -> Result<(), Problem> {
        self.requests.check(address)
    }

    /// Forgets who has been quiet. Call it now and then.
    pub fn sweep(&self) {
        self.addresses.sweep();
        self.wallets.sweep();
        self.people.sweep();
        self.bytes.sweep();
        self.requests.sweep();
        if let Some(services) = &self.services {
            services.sweep();
        }
    }
}

/// Whom an address belongs to: a household has a whole /64 of IPv6.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use actix_web::ResponseError as _;

    use super::*;

    fn rate<K: Hash + Eq + Clone>(quota: u32) -> Rate<K> {
        Rate::new("things", NonZeroU32::new(quota).unwrap(), MINUTE)
    }

    #[test]
    fn who_asks_too_often_has_to_wait_and_is_told_how_long() {
        let (one, other) = (1, 2);
        let rate = rate(2);
        assert!(rate.check(&one).is_ok());
        assert!(rate.check(&one).is_ok());
        let response = rate.check(&one).unwrap_err().error_response();
        assert_eq!(response.status(), 429);
        let header = |name: &str| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert!((1..=61).contains(&header("retry-after").parse::<u32>().unwrap()));
        assert_eq!(header("ratelimit-policy"), "\"things\";q=2;w=60");
        assert!(header("ratelimit").starts_with("\"things\";r=0;t="));
        assert!(rate.check(&other).is_ok());
    }

    #[test]
    fn more_than_the_whole_quota_never_goes_through_and_costs_nothing() {
        let rate = rate(10);
        let many = |number| NonZeroU32::new(number).unwrap();
        assert!(rate.check_many(&1, many(11)).is_err());
        assert!(rate.check_many(&1, many(9)).is_ok());
        assert!(rate.check_many(&1, many(2)).is_err());
    }

    #[test]
    fn servers_that_share_a_quota_give_no_more_than_it_together() {
        let many = |number| NonZeroU32::new(number).unwrap();
        for (servers, quota) in [(1, 120), (2, 120), (3, 10), (7, 3)] {
            let all: Vec<Rate<u32>> = (0..servers).map(|_| rate(quota)).collect();
            let given = |rate: &Rate<u32>| {
                let given = std::iter::repeat_with(|| rate.check_shared(&1, NonZeroU32::MIN, many(servers)));
                u32::try_from(given.take(200).filter(Result::is_ok).count()).unwrap()
            };
            let given: u32 = all.iter().map(given).sum();
            // Where there are more servers than the quota has, each gives one.
            assert!(
                given <= quota.max(servers) && given > 0,
                "{given} of {quota} by {servers}"
            );
        }
    }

    #[test]
    fn one_large_command_goes_through_whatever_the_share_is() {
        let many = |number| NonZeroU32::new(number).unwrap();
        let rate = rate(100);
        assert!(rate.check_shared(&1, many(60), many(4)).is_ok());
        assert!(rate.check_shared(&1, many(1), many(4)).is_err());
        assert!(rate.check_shared(&2, many(101), many(4)).is_err());
    }

    #[test]
    fn a_whole_ipv6_network_counts_as_one() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::2"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
    }

    #[test]
    fn a_service_is_not_limited_unless_it_is_told_so() {
        let id = AccountId::new(Uuid::from_u128(1));
        let role = domain::account::Role::Hospital;
        let (person, service) = (
            Principal::Staff { account: id, role },
            Principal::Service {
                account: id,
                key: Uuid::from_u128(77),
                role,
                scopes: std::collections::BTreeSet::new(),
                person: None,
            },
        );
        let limiter = Limiter::new(&CallerLimits {
            commands_per_person: NonZeroU32::MIN,
            ..CallerLimits::default()
        });
        assert!(limiter.command(&person, &id).is_ok());
        assert!(limiter.command(&person, &id).is_err());
        for _ in 0..1000 {
            assert!(limiter.command(&service, &id).is_ok());
        }
    }
}
