//! How much is taken at once: attempts to sign in by address, and requests altogether.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::core::core;
use super::problem::{Problem, ProblemKind};

/// Limits attempts to sign in by the address of the peer. Behind a proxy, that is the proxy's: limit there too.
pub struct SignInLimiter {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl SignInLimiter {
    /// So many a minute, all of them at once if need be.
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self {
            limiter: RateLimiter::keyed(Quota::per_minute(per_minute)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts an attempt; how long to wait when there were too many.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        let now = self.clock.now();
        self.limiter
            .check_key(&network(address))
            .map_err(|denied| denied.wait_time_from(now))
    }

    /// Forgets addresses that have been quiet. Call it now and then.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// Whom an address belongs to: a household has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// The layer around what signs in. Answers `too-many-requests`.
///
/// # Errors
/// What the layers inside could not turn into an answer.
pub async fn limit_sign_ins(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let core = core(request.request())?;
    // A peer without an address is a test or a local socket: nobody to limit.
    let denied = request
        .peer_addr()
        .and_then(|peer| core.sign_in_limiter.check(peer.ip()).err());
    if let Some(wait) = denied {
        let wait = Duration::from_secs(wait.as_secs().saturating_add(1));
        return Ok(refuse(
            request,
            &Problem::new(ProblemKind::TooManyRequests).retry_after(wait),
        ));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// An answer rather than an error, so that the layers outside treat it like any other.
fn refuse(request: ServiceRequest, problem: &Problem) -> ServiceResponse<BoxBody> {
    request.into_response(problem.error_response())
}

/// The layer around everything under `/v1`. Answers `overloaded`.
///
/// # Errors
/// What the layers inside could not turn into an answer.
pub async fn limit_concurrency(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let permits = core(request.request())?.permits.clone();
    let Ok(_permit) = permits.try_acquire_owned() else {
        return Ok(refuse(request, &Problem::new(ProblemKind::Overloaded)));
    };
    Ok(next.call(request).await?.map_into_boxed_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_tries_too_often_has_to_wait() {
        let limiter = SignInLimiter::new(NonZeroU32::new(2).unwrap());
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        assert!(limiter.check(one).is_ok());
        assert!(limiter.check(one).is_ok());
        assert!(limiter.check(one).unwrap_err() > Duration::ZERO);
        assert!(limiter.check(other).is_ok());
    }

    #[test]
    fn a_whole_ipv6_network_counts_as_one() {
        let limiter = SignInLimiter::new(NonZeroU32::new(1).unwrap());
        assert!(limiter.check("2001:db8::1".parse().unwrap()).is_ok());
        assert!(limiter.check("2001:db8::2".parse().unwrap()).is_err());
        assert!(limiter.check("2001:db8:0:1::1".parse().unwrap()).is_ok());
        assert!(limiter.check("::ffff:10.0.0.1".parse().unwrap()).is_ok());
        assert!(limiter.check("10.0.0.1".parse().unwrap()).is_err());
    }
}
