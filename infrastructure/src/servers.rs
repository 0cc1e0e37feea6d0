//! How many servers share the database.

use application::ports::Servers;
use application::ports::StoreError;
use async_trait::async_trait;
use sqlx::PgPool;

use crate::postgres::Answering;
use crate::sessions::store;

/// [`Servers`] by the leases on signing keys in Postgres: each server that executes commands has one of its own.
#[derive(Clone, Debug)]
pub struct LeasedServers(Answering);

impl LeasedServers {
    /// Over a pool whose search path has `core`.
    pub const fn new(pool: PgPool) -> Self {
        Self(Answering::new(pool))
    }
}

#[async_trait]
impl Servers for LeasedServers {
    async fn count(&self) -> Result<u32, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM signer_leases WHERE until > now()")
            .fetch_one(&self.0)
            .await
            .map_err(store)?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}
