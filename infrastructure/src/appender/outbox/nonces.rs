//! What stands under a nonce already, when something is to be stored there.

use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Outbox, OutboxError};
use crate::appender::machine::Nonce;
use crate::chain::SignedTransaction;
use crate::chain::signer::TransactionError;

/// What stands under a nonce.
pub(super) struct Occupant {
    /// Its first signature.
    pub(super) signed: SignedTransaction,
    /// The commands of its commits, or the id of its call. Nothing where all have moved, or are settled, and where it only fills a gap.
    pub(super) holds: HashSet<Uuid>,
}

impl Outbox {
    /// What stands under this nonce.
    pub(super) async fn occupant(
        &self,
        connection: &mut PgConnection,
        nonce: Nonce,
    ) -> Result<Option<Occupant>, OutboxError> {
        let (signer, nonce) = (self.lease.address.0.as_slice(), nonce.cast_signed());
        let first: Option<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
            "SELECT hash, raw FROM outbox_transactions WHERE signer = $1 AND nonce = $2 AND NOT replacement",
        )
        .bind(signer)
        .bind(nonce)
        .fetch_optional(&mut *connection)
        .await?;
        let Some((hash, raw)) = first else { return Ok(None) };
        let hash = hash.try_into().map_err(|_| TransactionError::Malformed)?;
        let holds = sqlx::query_scalar(
            "SELECT command_id FROM outbox_commits WHERE signer = $1 AND nonce = $2
             UNION ALL SELECT id FROM calls WHERE signer = $1 AND nonce = $2",
        );
        let holds: Vec<Uuid> = holds.bind(signer).bind(nonce).fetch_all(connection).await?;
        Ok(Some(Occupant {
            signed: SignedTransaction { raw, hash },
            holds: holds.into_iter().collect(),
        }))
    }

    /// Forgets what stands under this nonce.
    pub(super) async fn vacate(&self, connection: &mut PgConnection, nonce: Nonce) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM outbox_transactions WHERE signer = $1 AND nonce = $2")
            .bind(self.lease.address.0.as_slice())
            .bind(nonce.cast_signed())
            .execute(connection)
            .await
            .map(drop)
    }
}
