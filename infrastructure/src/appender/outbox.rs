//! The outbox: signed transactions in Postgres, before they are sent and until they are final.
//!
//! A batch is signed first and then stored with its commits and their new keys by a single statement, which also checks the lease:
//! one round trip. Only if that meets something that is there already (a command that was accepted before; or this very
//! batch, when an earlier attempt was committed and its answer lost) a transaction of several steps finds out which.
//!
//! A call takes several steps always, for there are few. Its row stays when its transaction goes, with what came of it.

mod calls;
mod forget;
mod nonces;
mod restore;
mod standing;
mod store;

use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgConnection, PgPool, Postgres};

use super::fees::Fee;
use super::lease::Lease;
use super::machine::{CommitKey, NewBatch, Nonce};
use crate::chain::codec::{EncodeError, append_calldata};
use crate::chain::signer::TransactionError;
use crate::chain::{Address, Hash, SignedTransaction, Signer, Transaction};
use crate::log::Commit;

pub(super) use calls::StoredCall;
pub(super) use standing::{Standing, Standings};
pub(super) use store::StoredBatch;

/// Why the outbox did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutboxError {
    /// The database does not answer: try again.
    #[error("the database refuses: {0}")]
    Database(#[from] sqlx::Error),
    /// The nonce belongs to other commits: what this process knows of the outbox is wrong.
    #[error("the outbox has other commits under nonce {0}")]
    Occupied(Nonce),
    /// Another holds the lease: nothing was stored, and nothing will be.
    #[error("the signing key's lease was lost")]
    LeaseLost,
    /// The signing key is not here.
    #[error("the signing key is not here")]
    NoKey,
    /// A commit cannot be encoded. It was measured before, so this is a fault of ours.
    #[error("a commit cannot be encoded: {0}")]
    Encoding(#[from] EncodeError),
    /// A transaction cannot be signed or read.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

/// A commit of a batch, under the machine's name for it.
type Entry = (CommitKey, Arc<Commit>);

/// A signature's hash and its bytes.
pub(super) type Signature = (Hash, Arc<[u8]>);

/// The outbox of one signing key, under one lease.
#[derive(Clone)]
pub(super) struct Outbox {
    pool: PgPool,
    lease: Lease,
    /// `None` where only what is signed already is seen to.
    signer: Option<Arc<Signer>>,
    chain_id: u64,
    contract: Address,
}

/// Whether a lease is held; if it is, it stays so until this transaction has ended.
async fn lock(connection: &mut PgConnection, lease: Lease) -> Result<bool, sqlx::Error> {
    let held = sqlx::query("SELECT FROM signer_leases WHERE address = $1 AND fence = $2 FOR SHARE");
    let held = held.bind(lease.address.0.as_slice()).bind(lease.fence);
    Ok(held.fetch_optional(connection).await?.is_some())
}

/// Fails when the lease was lost meanwhile: then nothing was changed.
const fn still_held(held: bool) -> Result<(), OutboxError> {
    if held { Ok(()) } else { Err(OutboxError::LeaseLost) }
}

impl Outbox {
    pub(super) const fn new(pool: PgPool, lease: Lease, signer: Arc<Signer>, chain_id: u64, contract: Address) -> Self {
        Self {
            pool,
            lease,
            signer: Some(signer),
            chain_id,
            contract,
        }
    }

    /// The outbox of a key that is not here: nothing can be stored in it.
    pub(super) const fn of_another(pool: PgPool, lease: Lease, chain_id: u64, contract: Address) -> Self {
        Self {
            pool,
            lease,
            signer: None,
            chain_id,
            contract,
        }
    }

    /// A connection for what writes it.
    pub(super) async fn connection(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.pool.acquire().await
    }

    fn signer(&self) -> Result<&Signer, OutboxError> {
        self.signer.as_deref().ok_or(OutboxError::NoKey)
    }

    fn sign(&self, batch: &NewBatch, commits: &[&Entry]) -> Result<SignedTransaction, OutboxError> {
        // A transaction that only fills a gap in the nonces goes to ourselves, with nothing in it.
        let (to, data) = if commits.is_empty() {
            (self.lease.address, Vec::new())
        } else {
            (
                self.contract,
                append_calldata(commits.iter().map(|(_, commit)| commit.as_ref()))?,
            )
        };
        Ok(self.signer()?.sign(Transaction {
            chain_id: self.chain_id,
            nonce: batch.nonce,
            to: Some(to),
            gas_limit: batch.gas_limit,
            max_fee: batch.fee.max,
            priority_fee: batch.fee.priority,
            data,
        })?)
    }

    /// Signs the stored transaction again at another fee, with this gas, and stores that beside it.
    pub(super) async fn replace(
        &self,
        connection: &mut PgConnection,
        nonce: Nonce,
        raw: &[u8],
        fee: Fee,
        gas_limit: u64,
    ) -> Result<SignedTransaction, OutboxError> {
        let (former, _) = Transaction::decode(raw)?;
        let signed = self.signer()?.sign(Transaction {
            max_fee: fee.max,
            priority_fee: fee.priority,
            gas_limit,
            ..former
        })?;
        let mut transaction = connection.begin().await?;
        self.check_lease(&mut transaction).await?;
        self.insert_transaction(&mut transaction, nonce, &signed, true).await?;
        transaction.commit().await?;
        Ok(signed)
    }

    /// The lease must be ours until this transaction has ended.
    async fn check_lease(&self, connection: &mut PgConnection) -> Result<(), OutboxError> {
        still_held(lock(connection, self.lease).await?)
    }

    async fn insert_transaction(
        &self,
        connection: &mut PgConnection,
        nonce: Nonce,
        signed: &SignedTransaction,
        replacement: bool,
    ) -> Result<(), sqlx::Error> {
        // A replacement that is there already was stored by an attempt whose answer was lost: the same fee gives the same hash.
        sqlx::query(
            "INSERT INTO outbox_transactions (signer, nonce, hash, raw, replacement) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (signer, nonce, hash) DO NOTHING",
        )
        .bind(self.lease.address.0.as_slice())
        .bind(nonce.cast_signed())
        .bind(signed.hash.as_slice())
        .bind(signed.raw.as_slice())
        .bind(replacement)
        .execute(connection)
        .await
        .map(drop)
    }
}
