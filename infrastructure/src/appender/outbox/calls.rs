//! A call is stored, under its first nonce or another, and noted when it is clear what came of it.

use sqlx::{Connection, PgConnection};

use super::nonces::Occupant;
use super::standing::fingerprint;
use super::{Outbox, OutboxError, lock, still_held};
use crate::appender::fees::Fee;
use crate::appender::lease::Lease;
use crate::appender::machine::{CallEnd, NewCall, Nonce};
use crate::calls::CallId;
use crate::chain::{Address, Hash, SignedTransaction, Transaction};

/// What became of a call that was to be stored.
pub(in crate::appender) enum StoredCall {
    /// It is durable: what is signed, what that offers, and its gas limit.
    Stored {
        signed: SignedTransaction,
        fee: Fee,
        gas_limit: u64,
    },
    /// It was so before: it is under another nonce or key, or settled.
    Standing,
    /// Another call is stored under its id.
    AnotherHasItsId,
}

impl Outbox {
    /// Signs and stores a call, all or nothing. May be repeated after any failure. `adopted`: another key's outbox has it, and this is
    /// the lease of that key's heir.
    pub(in crate::appender) async fn store_call(
        &self,
        connection: &mut PgConnection,
        new: &NewCall,
        adopted: Option<Lease>,
    ) -> Result<StoredCall, OutboxError> {
        let mut transaction = connection.begin().await?;
        // The connection is kept: left open, the transaction would hold the rows of leases until it is used again.
        let stored = self.store_call_in(&mut transaction, new, adopted).await?;
        match stored {
            StoredCall::Stored { .. } => transaction.commit().await?,
            StoredCall::Standing | StoredCall::AnotherHasItsId => transaction.rollback().await?,
        }
        Ok(stored)
    }

    async fn store_call_in(
        &self,
        connection: &mut PgConnection,
        new: &NewCall,
        adopted: Option<Lease>,
    ) -> Result<StoredCall, OutboxError> {
        self.check_lease(connection).await?;
        if let Some(stored) = self.call_stored_before(connection, new).await? {
            return Ok(stored);
        }
        let is_ours = match new.again {
            true => self.move_call(connection, new, adopted).await?,
            false => self.insert_call(connection, new).await?,
        };
        if !is_ours {
            return self.standing(connection, new).await;
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
        self.insert_transaction(connection, new.nonce, &signed, false).await?;
        Ok(StoredCall::Stored {
            signed,
            fee: new.fee,
            gas_limit: new.gas_limit,
        })
    }

    /// What stands under the nonce already: this call, when an earlier attempt was committed and its answer lost; or what is left of a
    /// transaction for which nothing is kept any more, which goes.
    async fn call_stored_before(
        &self,
        connection: &mut PgConnection,
        new: &NewCall,
    ) -> Result<Option<StoredCall>, OutboxError> {
        let Some(Occupant { signed, holds }) = self.occupant(connection, new.nonce).await? else {
            return Ok(None);
        };
        if holds.is_empty() {
            self.vacate(connection, new.nonce).await?;
            return Ok(None);
        }
        if !holds.contains(&new.call.id.0) {
            return Err(OutboxError::Occupied(new.nonce));
        }
        // What is asked for now may be something else than what was signed then.
        let (then, _) = Transaction::decode(&signed.raw)?;
        Ok(Some(StoredCall::Stored {
            signed,
            fee: Fee {
                max: then.max_fee,
                priority: then.priority_fee,
            },
            gas_limit: then.gas_limit,
        }))
    }

    /// What stands under the id of a call that was not stored.
    async fn standing(&self, connection: &mut PgConnection, new: &NewCall) -> Result<StoredCall, OutboxError> {
        let first = sqlx::query_scalar("SELECT fingerprint FROM calls WHERE id = $1");
        let first: Option<Hash> = first.bind(new.call.id.0).fetch_optional(connection).await?;
        Ok(match first {
            Some(first) if first != fingerprint(&new.call) => StoredCall::AnotherHasItsId,
            _ => StoredCall::Standing,
        })
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
        if !lock(connection, from).await? {
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

    /// Notes what came of a call. Its transaction is forgotten as others are. Only the holder of the lease does, and only for the nonce that it
    /// knows. `false` when it is noted already, or the call is not there any more: its row tells.
    pub(in crate::appender) async fn settle_call(
        &self,
        connection: &mut PgConnection,
        nonce: Nonce,
        id: CallId,
        end: &CallEnd,
    ) -> Result<bool, OutboxError> {
        let (held, noted) = sqlx::query_as(
            "WITH lease AS MATERIALIZED (SELECT 1 FROM signer_leases WHERE address = $1 AND fence = $2 FOR SHARE),
             settled AS (
                 UPDATE calls SET signer = NULL, nonce = NULL, settled_at = clock_timestamp(),
                                  succeeded = $7::bytea IS NULL, block = $5, transaction = $6, reason = $7
                 FROM lease WHERE id = $4 AND signer = $1 AND nonce = $3 RETURNING id)
             SELECT EXISTS (SELECT FROM lease), EXISTS (SELECT FROM settled)",
        )
        .bind(self.lease.address.0.as_slice())
        .bind(self.lease.fence)
        .bind(nonce.cast_signed())
        .bind(id.0)
        .bind(end.block.cast_signed())
        .bind(end.transaction.as_slice())
        .bind(end.refusal.as_deref())
        .fetch_one(connection)
        .await?;
        still_held(held)?;
        Ok(noted)
    }

    /// Whether the follower has this block, as far as it still keeps its hash; or does not keep it any more.
    pub(in crate::appender) async fn agrees(&self, block: u64, hash: &[u8; 32]) -> Result<bool, sqlx::Error> {
        let agrees = sqlx::query_scalar("SELECT COALESCE((SELECT hash = $2 FROM blocks WHERE number = $1), true)");
        let agrees = agrees.bind(block.cast_signed()).bind(hash.as_slice());
        agrees.fetch_one(&self.pool).await
    }
}
