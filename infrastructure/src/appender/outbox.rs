//! The outbox: signed transactions in Postgres, before they are sent and until they are final.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use domain::kernel::CommandId;
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use super::fees::Fee;
use super::lease::Lease;
use super::machine::{CommitKey, NewBatch, Nonce, RestoredBatch, RestoredCommit};
use crate::chain::codec::{EncodeError, append_calldata, batch_of_calldata, decode_batch};
use crate::chain::signer::TransactionError;
use crate::chain::{Address, Hash, SignedTransaction, Signer, Transaction};
use crate::log::{Commit, NewKey};

/// Why the outbox did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutboxError {
    /// The database does not answer: try again.
    #[error("the database refuses: {0}")]
    Database(#[from] sqlx::Error),
    /// Another holds the lease: nothing was stored, and nothing will be.
    #[error("the signing key's lease was lost")]
    LeaseLost,
    /// A commit cannot be encoded. It was measured before, so this is a fault of ours.
    #[error("a commit cannot be encoded: {0}")]
    Encoding(#[from] EncodeError),
    /// A transaction cannot be signed or read.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

/// What became of a batch.
pub(super) enum StoredBatch {
    /// It is durable.
    Stored {
        signed: SignedTransaction,
        /// Commits whose command was accepted before: they are not in it.
        duplicates: Vec<CommitKey>,
    },
    /// All of its commits were such.
    Nothing,
}

/// The outbox of one signing key, under one lease.
#[derive(Clone)]
pub(super) struct Outbox {
    pool: PgPool,
    lease: Lease,
    signer: Arc<Signer>,
    chain_id: u64,
    contract: Address,
}

impl Outbox {
    pub(super) const fn new(pool: PgPool, lease: Lease, signer: Arc<Signer>, chain_id: u64, contract: Address) -> Self {
        Self {
            pool,
            lease,
            signer,
            chain_id,
            contract,
        }
    }

    /// Signs and stores a batch with the keys that its commits need, all or nothing.
    pub(super) async fn store(&self, batch: &NewBatch, keys: &[NewKey]) -> Result<StoredBatch, OutboxError> {
        let mut transaction = self.pool.begin().await?;
        self.check_lease(&mut transaction).await?;
        let taken = self.insert_commits(&mut transaction, batch).await?;
        let duplicates = batch
            .fresh
            .iter()
            .filter(|(_, commit)| !taken.contains(&commit.command_id.uuid()));
        let duplicates: Vec<_> = duplicates.map(|(key, _)| *key).collect();
        let is_empty = batch.moved.is_empty() && duplicates.len() == batch.fresh.len();
        let is_filler = batch.moved.is_empty() && batch.fresh.is_empty();
        if is_empty && !is_filler {
            return Ok(StoredBatch::Nothing);
        }
        let commits = batch
            .moved
            .iter()
            .chain(&batch.fresh)
            .filter(|(key, _)| !duplicates.contains(key));
        let commits: Vec<_> = commits.map(|(_, commit)| commit).collect();
        self.place_commits(&mut transaction, batch.nonce, &commits).await?;
        insert_keys(&mut transaction, keys).await?;
        let signed = self.sign(batch, &commits)?;
        self.insert_transaction(&mut transaction, batch.nonce, &signed).await?;
        transaction.commit().await?;
        Ok(StoredBatch::Stored { signed, duplicates })
    }

    fn sign(&self, batch: &NewBatch, commits: &[&Arc<Commit>]) -> Result<SignedTransaction, OutboxError> {
        // A transaction that only fills a gap in the nonces goes to ourselves, with nothing in it.
        let (to, data) = if commits.is_empty() {
            (self.signer.address(), Vec::new())
        } else {
            (
                self.contract,
                append_calldata(commits.iter().map(|commit| commit.as_ref()))?,
            )
        };
        Ok(self.signer.sign(Transaction {
            chain_id: self.chain_id,
            nonce: batch.nonce,
            to: Some(to),
            gas_limit: batch.gas_limit,
            max_fee: batch.fee.max,
            priority_fee: batch.fee.priority,
            data,
        })?)
    }

    /// Signs the stored batch again at another fee and stores that beside it.
    pub(super) async fn replace(&self, nonce: Nonce, raw: &[u8], fee: Fee) -> Result<SignedTransaction, OutboxError> {
        let (former, _) = Transaction::decode(raw)?;
        let signed = self.signer.sign(Transaction {
            max_fee: fee.max,
            priority_fee: fee.priority,
            ..former
        })?;
        let mut transaction = self.pool.begin().await?;
        self.check_lease(&mut transaction).await?;
        self.insert_transaction(&mut transaction, nonce, &signed).await?;
        transaction.commit().await?;
        Ok(signed)
    }

    /// The lease must be ours until this transaction has ended.
    async fn check_lease(&self, connection: &mut PgConnection) -> Result<(), OutboxError> {
        let held = sqlx::query("SELECT FROM signer_leases WHERE address = $1 AND fence = $2 FOR SHARE")
            .bind(self.lease.address.0.as_slice())
            .bind(self.lease.fence)
            .fetch_optional(connection)
            .await?;
        held.map(drop).ok_or(OutboxError::LeaseLost)
    }

    /// Inserts the commits whose command was not accepted before, and answers with their commands. What the outbox has
    /// forgotten is final, and so in the journal.
    async fn insert_commits(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
    ) -> Result<HashSet<Uuid>, sqlx::Error> {
        if batch.fresh.is_empty() {
            return Ok(HashSet::new());
        }
        let commands: Vec<Uuid> = batch.fresh.iter().map(|(_, commit)| commit.command_id.uuid()).collect();
        let rows = sqlx::query(
            "INSERT INTO outbox_commits (command_id, signer, nonce, batch_index)
             SELECT command, $2, $3, 0 FROM UNNEST($1::uuid[]) AS command
             WHERE NOT EXISTS (SELECT FROM journal WHERE journal.command_id = command)
             ON CONFLICT (command_id) DO NOTHING RETURNING command_id",
        )
        .bind(commands)
        .bind(self.lease.address.0.as_slice())
        .bind(batch.nonce.cast_signed())
        .fetch_all(connection)
        .await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }

    /// Says where each commit stands in the batch.
    async fn place_commits(
        &self,
        connection: &mut PgConnection,
        nonce: Nonce,
        commits: &[&Arc<Commit>],
    ) -> Result<(), sqlx::Error> {
        if commits.is_empty() {
            return Ok(());
        }
        let commands: Vec<Uuid> = commits.iter().map(|commit| commit.command_id.uuid()).collect();
        let indices: Vec<i32> = (0..).take(commands.len()).collect();
        sqlx::query(
            "UPDATE outbox_commits SET nonce = $3, batch_index = placed.batch_index
             FROM UNNEST($1::uuid[], $2::int[]) AS placed (command_id, batch_index)
             WHERE outbox_commits.command_id = placed.command_id",
        )
        .bind(commands)
        .bind(indices)
        .bind(nonce.cast_signed())
        .execute(connection)
        .await
        .map(drop)
    }

    async fn insert_transaction(
        &self,
        connection: &mut PgConnection,
        nonce: Nonce,
        signed: &SignedTransaction,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("INSERT INTO outbox_transactions (signer, nonce, hash, raw) VALUES ($1, $2, $3, $4)")
            .bind(self.lease.address.0.as_slice())
            .bind(nonce.cast_signed())
            .bind(signed.hash.as_slice())
            .bind(signed.raw.as_slice())
            .execute(connection)
            .await
            .map(drop)
    }

    /// Forgets commits that can never be appended: their commands may come again.
    pub(super) async fn discard(&self, commands: &[CommandId]) -> Result<(), sqlx::Error> {
        let commands: Vec<Uuid> = commands.iter().map(|command| command.uuid()).collect();
        sqlx::query("DELETE FROM outbox_commits WHERE command_id = ANY ($1) AND signer = $2")
            .bind(commands)
            .bind(self.lease.address.0.as_slice())
            .execute(&self.pool)
            .await
            .map(drop)
    }

    /// Forgets transactions, with the commits that are still theirs.
    pub(super) async fn forget(&self, nonces: &[Nonce]) -> Result<(), sqlx::Error> {
        let nonces: Vec<i64> = nonces.iter().map(|nonce| nonce.cast_signed()).collect();
        sqlx::query(
            "WITH forgotten AS (DELETE FROM outbox_transactions WHERE signer = $2 AND nonce = ANY ($1))
             DELETE FROM outbox_commits WHERE signer = $2 AND nonce = ANY ($1)",
        )
        .bind(nonces)
        .bind(self.lease.address.0.as_slice())
        .execute(&self.pool)
        .await
        .map(drop)
    }

    /// Everything that the outbox holds, and the newest signature of each batch.
    pub(super) async fn restore(
        &self,
        mut name: impl FnMut() -> CommitKey,
    ) -> Result<(Vec<RestoredBatch>, HashMap<Hash, Arc<[u8]>>), OutboxError> {
        let signer = self.lease.address.0.as_slice();
        let commits = sqlx::query("SELECT nonce, batch_index, command_id FROM outbox_commits WHERE signer = $1");
        let commits = commits.bind(signer).fetch_all(&self.pool).await?;
        let mut commands: HashMap<(i64, i32), Uuid> = HashMap::new();
        for row in &commits {
            commands.insert((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?);
        }
        let rows = sqlx::query("SELECT nonce, hash, raw FROM outbox_transactions WHERE signer = $1 ORDER BY signed_at");
        let rows = rows.bind(signer).fetch_all(&self.pool).await?;
        let mut raws = HashMap::new();
        let mut batches: BTreeMap<i64, RestoredBatch> = BTreeMap::new();
        for row in &rows {
            let (nonce, hash, raw): (i64, Vec<u8>, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let hash: Hash = hash.try_into().map_err(|_| TransactionError::Malformed)?;
            let (transaction, _) = Transaction::decode(&raw)?;
            let fee = Fee {
                max: transaction.max_fee,
                priority: transaction.priority_fee,
            };
            let batch = batches.entry(nonce).or_insert_with(|| RestoredBatch {
                nonce: nonce.cast_unsigned(),
                commits: restored_commits(&transaction.data, nonce, &commands, &mut name),
                hashes: Vec::new(),
                fee,
            });
            batch.hashes.push(hash);
            batch.fee = fee;
            raws.insert(hash, Arc::from(raw));
        }
        Ok((batches.into_values().collect(), raws))
    }
}

/// The commits of a transaction, from its calldata; those that the outbox does not hold there any more have no key.
fn restored_commits(
    data: &[u8],
    nonce: i64,
    commands: &HashMap<(i64, i32), Uuid>,
    name: &mut impl FnMut() -> CommitKey,
) -> Vec<RestoredCommit> {
    let commits = batch_of_calldata(data).and_then(decode_batch).unwrap_or_default();
    let restore = |(index, parts)| {
        let command = commands.get(&(nonce, index));
        let command_id = CommandId::new(command.copied().unwrap_or_default());
        RestoredCommit {
            key: command.map(|_| name()),
            commit: Arc::new(Commit { command_id, parts }),
        }
    };
    (0..).zip(commits).map(restore).collect()
}

async fn insert_keys(connection: &mut PgConnection, keys: &[NewKey]) -> Result<(), sqlx::Error> {
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO data_keys (key_id, subject, wrapped, kek_id)
         SELECT * FROM UNNEST($1::bytea[], $2::uuid[], $3::bytea[], $4::text[]) ON CONFLICT (key_id) DO NOTHING",
    )
    .bind(keys.iter().map(|key| key.key_id.as_slice()).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.subject.uuid()).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.wrapped.as_slice()).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.kek_id.as_str()).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map(drop)
}
