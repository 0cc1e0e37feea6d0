//! What can be set about the HTTP server.

use std::num::NonZeroU32;
use std::time::Duration;

use domain::kernel::Wallet;

use super::limits::{CallerLimits, TrustedProxies};

/// The settings, with defaults for everything but where the server is found and which chain it is on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpSettings {
    /// The address that people sign in at, without a path: `https://clinic.example`. A signed message must name it.
    pub public_url: String,
    /// The chain that a signed message must name.
    pub chain_id: u64,
    /// How long a nonce can be used.
    pub nonce_lifetime: Duration,
    /// How far a wallet's clock may be off.
    pub clock_skew: Duration,
    /// How long a session lives without being used.
    pub session_idle: Duration,
    /// How long a session lives in any case.
    pub session_lifetime: Duration,
    /// How many sessions a wallet may have at once: of more, the oldest end.
    pub sessions_per_wallet: NonZeroU32,
    /// How long a server may go on with what it knows of a session, an account or a key. A logout or a revocation holds at
    /// once in the process that took it, and everywhere else after this time at the latest.
    pub identity_cache: Duration,
    /// How long a command that is durable is waited for before it is answered with 202.
    pub command_wait: Duration,
    /// How long a command may take to become durable. Longer than the write side takes to give one up.
    pub acceptance_wait: Duration,
    /// How long an idempotency key is claimed by one attempt that shows no sign of life. It need not outlast the attempt: whoever takes
    /// the claim over executes the same command, which is accepted once.
    pub claim_lease: Duration,
    /// How long an invitation is good.
    pub invitation_lifetime: Duration,
    /// The wallet that signs in as the first administrator.
    pub administrator: Option<Wallet>,
    /// How long the answer to a command is kept.
    pub command_retention: Duration,
    /// The longest body, in bytes. A report of a patient's chart may be 32 times as long; of bodies that are longer than
    /// this, [`LONG_BODIES`](super::body::LONG_BODIES) are held at once.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How many requests are served at once; more are refused with 503.
    pub concurrency: usize,
    /// How much one caller may ask for.
    pub limits: CallerLimits,
    /// The proxies that are believed when they say for whom they ask.
    pub proxies: TrustedProxies,
    /// How many threads serve requests.
    pub workers: usize,
}

impl HttpSettings {
    /// The defaults, for a server at this address on this chain.
    pub fn new(public_url: impl Into<String>, chain_id: u64) -> Self {
        Self {
            public_url: public_url.into(),
            chain_id,
            nonce_lifetime: Duration::from_secs(5 * 60),
            clock_skew: Duration::from_secs(30),
            session_idle: Duration::from_secs(30 * 60),
            session_lifetime: Duration::from_secs(12 * 60 * 60),
            sessions_per_wallet: NonZeroU32::MIN.saturating_add(9),
            identity_cache: Duration::from_secs(2),
            command_wait: Duration::from_secs(30),
            acceptance_wait: Duration::from_secs(30),
            claim_lease: Duration::from_secs(15),
            invitation_lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            administrator: None,
            command_retention: Duration::from_secs(24 * 60 * 60),
            body_limit: 128 * 1024,
            body_timeout: Duration::from_secs(30),
            concurrency: 2048,
            limits: CallerLimits::default(),
            proxies: TrustedProxies::default(),
            workers: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
        }
    }
}
