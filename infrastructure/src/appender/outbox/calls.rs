//! A call is stored, under its first nonce or another, and noted when it is clear what came of it.

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::standing::fingerprint;
use super::{Outbox, OutboxError, StoredBatch};
use crate::appender::lease::Lease;
use crate::appender::machine::{NewCall, Nonce};
use crate::calls::{CallId, CallOutcome};
use crate::chain::signer::TransactionError;
use crate::chain::{Address, SignedTransaction, Transaction};

impl Outbox {
    /// Signs and stores a call, all or nothing. May be repeated after any failure. `adopted`: another key's outbox has it, and this is
    /// the lease of that key's heir.
    pub(in crate::appender) async fn store_call(
        &self,
        connection: &mut PgConnection,
        new: &NewCall,
        adopted: Option<Lease>,
    ) -> Result<StoredBatch, OutboxError> {
        let mut transaction = connection.begin().await?;
        self.check_lease(&mut transaction).await?;
        if let Some(signed) = self.call_stored_before(&mut transaction, new).await? {
            transaction.rollback().await?;
            let duplicates = Vec::new();
            return Ok(StoredBatch::Stored { signed, duplicates });
        }
        let is_ours = match new.again {
            true => self.move_call(&mut transaction, new, adopted).await?,
            false => self.insert_call(&mut transaction, new).await?,
        };
        if !is_ours {
            transaction.rollback().await?;
            return Ok(StoredBatch::Nothing);
        }
        let signed = self.signer()?.sign(Transaction {
            chain_id: self.chain_id,
            nonce: new.nonce,
            to: Some(Address(new.call.target)),
            gas_limit: new.gas_limit,
            max_fee: new.fee.max,
            priority_fee: new.fee.priority,
            data: new.call.data.clone(),
        })?;
        self.insert_transaction(&mut transaction, new.nonce, &signed, false)
            .await?;
        transaction.commit().await?;
        let duplicates = Vec::new();
        Ok(StoredBatch::Stored { signed, duplicates })
    }

    /// What stands under the nonce already: this call, when an earlier attempt was committed and its answer lost; or what is left of a
    /// transaction for which nothing is kept any more, which goes.
    async fn call_stored_before(
        &self,
        connection: &mut PgConnection,
        new: &NewCall,
    ) -> Result<Option<SignedTransaction>, OutboxError> {
        let (signer, nonce) = (self.lease.address.0.as_slice(), new.nonce.cast_signed());
        let first: Option<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
            "SELECT hash, raw FROM outbox_transactions WHERE signer = $1 AND nonce = $2 AND NOT replacement",
        )
        .bind(signer)
        .bind(nonce)
        .fetch_optional(&mut *connection)
        .await?;
        let Some((hash, raw)) = first else { return Ok(None) };
        let there = sqlx::query_scalar(
            "SELECT command_id FROM outbox_commits WHERE signer = $1 AND nonce = $2
             UNION ALL SELECT id FROM calls WHERE signer = $1 AND nonce = $2",
        );
        let there: Vec<Uuid> = there.bind(signer).bind(nonce).fetch_all(&mut *connection).await?;
        match there[..] {
            [] => {
                sqlx::query("DELETE FROM outbox_transactions WHERE signer = $1 AND nonce = $2")
                    .bind(signer)
                    .bind(nonce)
                    .execute(connection)
                    .await?;
                Ok(None)
            }
            [id] if id == new.call.id.0 => {
                let hash = hash.try_into().map_err(|_| TransactionError::Malformed)?;
                Ok(Some(SignedTransaction { raw, hash }))
            }
            _ => Err(OutboxError::Occupied(new.nonce)),
        }
    }

    /// `false` when there is one with its id.
    async fn insert_call(&self, connection: &mut PgConnection, new: &NewCall) -> Result<bool, sqlx::Error> {
        let inserted = sqlx::query(
            "INSERT INTO calls (id, kind, target, fingerprint, signer, nonce) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(new.call.id.0)
        .bind(new.call.kind.name())
        .bind(new.call.target.as_slice())
        .bind(fingerprint(&new.call).as_slice())
        .bind(self.lease.address.0.as_slice())
        .bind(new.nonce.cast_signed())
        .execute(connection)
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Puts a call under another nonce, or another key, and forgets its former transaction, which can never be executed. `false` when it is not
    /// to be had: it is settled, or its key has come back, or somebody else was faster. Whose it is cannot change until this transaction has
    /// ended, for its heir's lease is locked.
    async fn move_call(
        &self,
        connection: &mut PgConnection,
        new: &NewCall,
        adopted: Option<Lease>,
    ) -> Result<bool, sqlx::Error> {
        let from = adopted.unwrap_or(self.lease);
        let held = sqlx::query("SELECT FROM signer_leases WHERE address = $1 AND fence = $2 FOR SHARE")
            .bind(from.address.0.as_slice())
            .bind(from.fence)
            .fetch_optional(&mut *connection)
            .await?;
        if held.is_none() {
            return Ok(false);
        }
        let former = sqlx::query_scalar("SELECT nonce FROM calls WHERE id = $1 AND signer = $2 FOR UPDATE");
        let former: Option<i64> = former
            .bind(new.call.id.0)
            .bind(from.address.0.as_slice())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(former) = former else { return Ok(false) };
        sqlx::query("UPDATE calls SET signer = $2, nonce = $3 WHERE id = $1")
            .bind(new.call.id.0)
            .bind(self.lease.address.0.as_slice())
            .bind(new.nonce.cast_signed())
            .execute(&mut *connection)
            .await?;
        sqlx::query("DELETE FROM outbox_transactions WHERE signer = $1 AND nonce = $2")
            .bind(from.address.0.as_slice())
            .bind(former)
            .execute(connection)
            .await?;
        Ok(true)
    }

    /// Notes what came of a call. Its transaction is forgotten as others are. Only the holder of the lease does, and only for the nonce that it knows.
    pub(in crate::appender) async fn settle_call(
        &self,
        connection: &mut PgConnection,
        nonce: Nonce,
        id: CallId,
        outcome: &CallOutcome,
    ) -> Result<(), OutboxError> {
        let (succeeded, block, transaction, reason) = match outcome {
            CallOutcome::Done { block, transaction } => (true, *block, *transaction, None),
            CallOutcome::Refused {
                block,
                transaction,
                reason,
            } => (false, *block, *transaction, Some(reason.as_slice())),
            // Nothing else comes of what was stored.
            _ => return Ok(()),
        };
        let held: bool = sqlx::query_scalar(
            "WITH lease AS MATERIALIZED (SELECT 1 FROM signer_leases WHERE address = $1 AND fence = $2 FOR SHARE),
             settled AS (
                 UPDATE calls SET signer = NULL, nonce = NULL, settled_at = clock_timestamp(),
                                  succeeded = $5, block = $6, transaction = $7, reason = $8
                 FROM lease WHERE id = $4 AND signer = $1 AND nonce = $3)
             SELECT EXISTS (SELECT FROM lease)",
        )
        .bind(self.lease.address.0.as_slice())
        .bind(self.lease.fence)
        .bind(nonce.cast_signed())
        .bind(id.0)
        .bind(succeeded)
        .bind(block.cast_signed())
        .bind(transaction.as_slice())
        .bind(reason)
        .fetch_one(connection)
        .await?;
        if held { Ok(()) } else { Err(OutboxError::LeaseLost) }
    }

    /// Whether the follower has this block, as far as it still keeps its hash; or does not keep it any more.
    pub(in crate::appender) async fn agrees(&self, block: u64, hash: &[u8; 32]) -> Result<bool, sqlx::Error> {
        let agrees = sqlx::query_scalar("SELECT COALESCE((SELECT hash = $2 FROM blocks WHERE number = $1), true)");
        let agrees = agrees.bind(block.cast_signed()).bind(hash.as_slice());
        agrees.fetch_one(&self.pool).await
    }
}
