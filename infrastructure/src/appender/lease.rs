//! The lease on a signing key, with its fencing token.
//!
//! Two servers that signed with one key would take each other's nonces. Who holds the lease may sign; everything that a holder
//! stores names its fence, so that one which lost the lease without noticing can store, and therefore send, nothing new.
//!
//! A lease is free when its time is up, or at once when its holder has died: the holder keeps an advisory lock on a connection
//! of its own, which Postgres releases with the process. The lock only spares the wait. It decides nothing: where it
//! misleads (behind a pooler that shares connections), the time and the fence still hold.

use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use crate::chain::Address;

/// How long a lease lasts without being renewed.
pub(super) const LASTS: Duration = Duration::from_secs(15);

/// How often it is renewed.
pub(super) const RENEW_EVERY: Duration = Duration::from_secs(4);

/// A lease that was granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lease {
    pub(super) address: Address,
    pub(super) fence: i64,
}

/// A lease and the connection that shows that its holder lives.
pub(super) struct Held {
    pub(super) lease: Lease,
    alive: PgConnection,
}

/// Takes the lease if it is free. `None` while another holds it.
pub(super) async fn acquire(pool: &PgPool, address: Address, holder: Uuid) -> Result<Option<Held>, sqlx::Error> {
    let mut alive = pool.acquire().await?.detach();
    let alone = show_life(&mut alive, address).await?;
    let fence = sqlx::query_scalar(
        "INSERT INTO signer_leases AS held (address, holder, fence, until) VALUES ($1, $2, 1, now() + $3)
         ON CONFLICT (address) DO UPDATE SET holder = $2, fence = held.fence + 1, until = now() + $3
         WHERE $4 OR held.until < now()
         RETURNING fence",
    )
    .bind(address.0.as_slice())
    .bind(holder)
    .bind(LASTS)
    .bind(alone)
    .fetch_optional(&mut alive)
    .await?;
    match fence {
        Some(fence) => Ok(Some(Held {
            lease: Lease { address, fence },
            alive,
        })),
        None => {
            alive.close().await?;
            Ok(None)
        }
    }
}

/// Takes the key's advisory lock; `false` while another connection has it.
async fn show_life(connection: &mut PgConnection, address: Address) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended('medconnect signer ' || encode($1, 'hex'), 0))")
        .bind(address.0.as_slice())
        .fetch_one(connection)
        .await
}

impl Held {
    /// Renews the lease. `false` when another has taken it.
    pub(super) async fn renew(&mut self, pool: &PgPool) -> Result<bool, sqlx::Error> {
        match self.extend(LASTS).await {
            Ok(held) => Ok(held),
            Err(_) => {
                // The connection broke. While nobody can reach the database nobody can take the lease either; and the fence
                // tells when somebody did.
                let mut alive = pool.acquire().await?.detach();
                show_life(&mut alive, self.lease.address).await?;
                self.alive = alive;
                self.extend(LASTS).await
            }
        }
    }

    /// Gives the lease back.
    pub(super) async fn release(mut self) -> Result<(), sqlx::Error> {
        self.extend(Duration::ZERO).await?;
        self.alive.close().await
    }

    async fn extend(&mut self, by: Duration) -> Result<bool, sqlx::Error> {
        let renewed = sqlx::query("UPDATE signer_leases SET until = now() + $3 WHERE address = $1 AND fence = $2")
            .bind(self.lease.address.0.as_slice())
            .bind(self.lease.fence)
            .bind(by)
            .execute(&mut self.alive)
            .await?;
        Ok(renewed.rows_affected() == 1)
    }
}
