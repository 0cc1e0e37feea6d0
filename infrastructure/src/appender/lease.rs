//! The lease on a signing key, with its fencing token.
//!
//! Two servers that signed with one key would take each other's nonces. Who holds the lease may sign; everything that a holder
//! stores names its fence, so that one which lost the lease without noticing can store, and therefore send, nothing new.
//!
//! A lease is free when its time is up, or at once when its holder has died: the holder keeps an advisory lock on a connection
//! of its own, which Postgres releases with the process. The lock only spares the wait. It decides nothing: where it
//! misleads (behind a pooler that shares connections), the time and the fence still hold.

use std::sync::Arc;
use std::time::Duration;

use application::trouble::TroubleKind;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::status::Shared;
use crate::chain::Address;
use crate::postgres::{ANSWER, within};

/// How long a lease lasts without being renewed.
pub(super) const LASTS: Duration = Duration::from_secs(15);

/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(4);

/// How long one attempt to renew it may take. Two of them, and the time until the next, are less than it lasts.
const EXTEND: Duration = Duration::from_secs(5);

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
    within(ANSWER, take(pool, address, holder)).await
}

async fn take(pool: &PgPool, address: Address, holder: Uuid) -> Result<Option<Held>, sqlx::Error> {
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
    granted(alive, address, fence).await
}

/// The lease with this fence, if there is one. Otherwise the connection has nothing more to show.
async fn granted(alive: PgConnection, address: Address, fence: Option<i64>) -> Result<Option<Held>, sqlx::Error> {
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

/// Renews the lease until it is `lost` or everything has `ended`, and gives it back then.
pub(super) async fn keep(
    mut held: Held,
    pool: PgPool,
    shared: Arc<Shared>,
    lost: CancellationToken,
    ended: CancellationToken,
) {
    while ended.run_until_cancelled(sleep(RENEW_EVERY)).await.is_some() {
        match held.renew(&pool).await {
            Ok(true) => shared.well(TroubleKind::AppenderWithoutDatabase),
            Ok(false) => {
                shared.trouble(
                    TroubleKind::SigningKeyTaken,
                    "another server has taken the lease on the signing key",
                );
                lost.cancel();
                return;
            }
            // While nobody can reach the database nobody can take the lease; and the fence tells when somebody did.
            Err(error) => shared.trouble(
                TroubleKind::AppenderWithoutDatabase,
                &format!("the lease cannot be renewed: {error}"),
            ),
        }
    }
    if let Err(error) = held.release().await {
        tracing::debug!(%error, "the lease could not be given back; it ends by itself");
    }
}

/// How long a lease must have been over before somebody inherits: a server that starts again takes its own.
const GRACE: Duration = Duration::from_secs(4);

/// Takes the lease of a key that nobody signs with, without a time on it: whoever has the key takes it at once. `None` while somebody has it,
/// has just had it, or inherits already.
pub(super) async fn inherit(pool: &PgPool, address: Address, holder: Uuid) -> Result<Option<Held>, sqlx::Error> {
    within(ANSWER, take_over(pool, address, holder)).await
}

async fn take_over(pool: &PgPool, address: Address, holder: Uuid) -> Result<Option<Held>, sqlx::Error> {
    let mut alive = pool.acquire().await?.detach();
    let alone: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended('medconnect heir ' || encode($1, 'hex'), 0))")
            .bind(address.0.as_slice())
            .fetch_one(&mut alive)
            .await?;
    let fence: Option<i64> = match alone {
        true => {
            sqlx::query_scalar(
                "INSERT INTO signer_leases AS held (address, holder, fence, until) VALUES ($1, $2, 1, now())
                 ON CONFLICT (address) DO UPDATE SET holder = $2, fence = held.fence + 1
                 WHERE held.until < now() - $3
                 RETURNING fence",
            )
            .bind(address.0.as_slice())
            .bind(holder)
            .bind(GRACE)
            .fetch_optional(&mut alive)
            .await?
        }
        false => None,
    };
    granted(alive, address, fence).await
}

/// The keys that have transactions in the outbox and no holder, and how many.
pub(super) async fn without_holder(pool: &PgPool) -> Result<Vec<(Address, u64)>, sqlx::Error> {
    let rows = sqlx::query_as(
        "SELECT signer, count(DISTINCT nonce) FROM outbox_transactions AS sent
         WHERE NOT EXISTS (SELECT FROM signer_leases AS held WHERE held.address = sent.signer AND held.until > now())
         GROUP BY signer ORDER BY signer",
    );
    let rows: Vec<(Vec<u8>, i64)> = within(ANSWER, rows.fetch_all(pool)).await?;
    let row = |(signer, count): (Vec<u8>, i64)| Some((Address(signer.try_into().ok()?), count.unsigned_abs()));
    Ok(rows.into_iter().filter_map(row).collect())
}

impl Held {
    /// Whether nobody has taken the lease since.
    pub(super) async fn is_held(&mut self) -> Result<bool, sqlx::Error> {
        let held = sqlx::query_scalar("SELECT EXISTS (SELECT FROM signer_leases WHERE address = $1 AND fence = $2)")
            .bind(self.lease.address.0.as_slice())
            .bind(self.lease.fence);
        within(EXTEND, held.fetch_one(&mut self.alive)).await
    }

    /// Renews the lease. `false` when another has taken it.
    pub(super) async fn renew(&mut self, pool: &PgPool) -> Result<bool, sqlx::Error> {
        match within(EXTEND, self.extend(LASTS)).await {
            Ok(held) => Ok(held),
            // The connection broke. While nobody can reach the database nobody can take the lease either; and the fence tells when
            // somebody did.
            Err(_) => within(EXTEND, self.renew_anew(pool)).await,
        }
    }

    async fn renew_anew(&mut self, pool: &PgPool) -> Result<bool, sqlx::Error> {
        let mut alive = pool.acquire().await?.detach();
        show_life(&mut alive, self.lease.address).await?;
        self.alive = alive;
        self.extend(LASTS).await
    }

    /// Gives the lease back.
    pub(super) async fn release(mut self) -> Result<(), sqlx::Error> {
        within(EXTEND, async {
            self.extend(Duration::ZERO).await?;
            self.alive.close().await
        })
        .await
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
