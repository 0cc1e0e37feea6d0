//! The lease on a signing key, with its fencing token.
//!
//! Two servers that signed with one key would take each other's nonces. Who holds the lease may sign; everything that a holder
//! stores names its fence, so that one which lost the lease without noticing can store, and therefore send, nothing more.

use std::time::Duration;

use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

use crate::chain::Address;

/// How long a lease lasts without being renewed.
pub(super) const LASTS: Duration = Duration::from_secs(15);

/// How often it is renewed, and asked for while another holds it.
pub(super) const RENEW_EVERY: Duration = Duration::from_secs(4);

/// A lease that was granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lease {
    pub(super) address: Address,
    pub(super) holder: Uuid,
    pub(super) fence: i64,
}

/// Takes the lease if it is free. `None` while another holds it.
pub(super) async fn acquire(pool: &PgPool, address: Address, holder: Uuid) -> Result<Option<Lease>, sqlx::Error> {
    let fence = sqlx::query_scalar(
        "INSERT INTO signer_leases AS held (address, holder, fence, until) VALUES ($1, $2, 1, now() + $3)
         ON CONFLICT (address) DO UPDATE SET holder = $2, fence = held.fence + 1, until = now() + $3
         WHERE held.until < now() OR held.holder = $2
         RETURNING fence",
    )
    .bind(address.0.as_slice())
    .bind(holder)
    .bind(LASTS)
    .fetch_optional(pool)
    .await?;
    Ok(fence.map(|fence| Lease { address, holder, fence }))
}

/// Renews the lease. `false` when another has taken it.
pub(super) async fn renew(pool: &PgPool, lease: Lease) -> Result<bool, sqlx::Error> {
    let renewed = sqlx::query("UPDATE signer_leases SET until = now() + $3 WHERE address = $1 AND fence = $2");
    let renewed = renewed
        .bind(lease.address.0.as_slice())
        .bind(lease.fence)
        .bind(LASTS)
        .execute(pool)
        .await?;
    Ok(renewed.rows_affected() == 1)
}

/// Gives the lease back.
pub(super) async fn release(executor: impl PgExecutor<'_>, lease: Lease) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE signer_leases SET until = now() WHERE address = $1 AND fence = $2")
        .bind(lease.address.0.as_slice())
        .bind(lease.fence)
        .execute(executor)
        .await
        .map(drop)
}
