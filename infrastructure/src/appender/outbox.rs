//! The outbox: signed transactions in Postgres, before they are sent and until they are final.
//!
//! A batch is signed first and then stored with its commits and their new keys by a single statement, which also checks the lease:
//! one round trip. Only if that meets something that is there already (a command that was accepted before; or this very
//! batch, when an earlier attempt was committed and its answer lost) a transaction of several steps finds out which.

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
use crate::keys::{KeyColumns, insert_keys};
use crate::log::{Commit, NewKey};

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
    /// `None` where only what is signed already is seen to.
    signer: Option<Arc<Signer>>,
    chain_id: u64,
    contract: Address,
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

    /// Whether it holds no commit. Then it forgets what is left, too: an empty transaction matters only to those after it.
    pub(super) async fn is_done(&self) -> Result<bool, OutboxError> {
        let done = sqlx::query_as(
            "WITH lease AS MATERIALIZED (SELECT 1 FROM signer_leases WHERE address = $1 AND fence = $2 FOR SHARE),
             cleared AS (DELETE FROM outbox_transactions USING lease
                         WHERE signer = $1 AND NOT EXISTS (SELECT FROM outbox_commits WHERE signer = $1))
             SELECT EXISTS (SELECT FROM lease), NOT EXISTS (SELECT FROM outbox_commits WHERE signer = $1)",
        );
        let done = done.bind(self.lease.address.0.as_slice()).bind(self.lease.fence);
        match done.fetch_one(&self.pool).await? {
            (true, done) => Ok(done),
            (false, _) => Err(OutboxError::LeaseLost),
        }
    }

    /// Whether it holds any of these commits.
    pub(super) async fn holds_any(&self, commits: &[Arc<Commit>]) -> Result<bool, OutboxError> {
        let commands: Vec<Uuid> = commits.iter().map(|commit| commit.command_id.uuid()).collect();
        let held = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM outbox_commits WHERE command_id = ANY ($1) AND signer = $2)",
        );
        let held = held.bind(commands).bind(self.lease.address.0.as_slice());
        Ok(held.fetch_one(&self.pool).await?)
    }

    fn signer(&self) -> Result<&Signer, OutboxError> {
        self.signer.as_deref().ok_or(OutboxError::NoKey)
    }

    /// Signs and stores a batch with the keys that its commits need, all or nothing. May be repeated after any failure. `adopted` are those
    /// of its commits that another key's outbox has, each with the lease of that key's heir.
    pub(super) async fn store(
        &self,
        batch: &NewBatch,
        keys: &[NewKey],
        adopted: &HashMap<CommitKey, Lease>,
    ) -> Result<StoredBatch, OutboxError> {
        let (fresh, repeated) = distinct(&batch.fresh);
        if batch.moved.is_empty()
            && let Some(signed) = self.store_at_once(batch, &fresh, keys).await?
        {
            return Ok(StoredBatch::Stored {
                signed,
                duplicates: repeated,
            });
        }
        self.store_step_by_step(batch, fresh, repeated, keys, adopted).await
    }

    /// One statement. `None` when something of it is there already: then nothing was stored.
    ///
    /// The journal is asked for one command after another (`OFFSET 0` keeps the planner from doing otherwise): asked for any of
    /// them at once, a planner that expects to meet one soon reads the journal from the start, and whole.
    async fn store_at_once(
        &self,
        batch: &NewBatch,
        fresh: &[&Entry],
        keys: &[NewKey],
    ) -> Result<Option<SignedTransaction>, OutboxError> {
        let signed = self.sign(batch, fresh)?;
        let commands: Vec<Uuid> = fresh.iter().map(|(_, commit)| commit.command_id.uuid()).collect();
        let keys = KeyColumns::of(keys);
        let stored = sqlx::query_as(
            "WITH lease AS MATERIALIZED (SELECT 1 FROM signer_leases WHERE address = $1 AND fence = $2 FOR SHARE),
             known AS MATERIALIZED (
                 SELECT FROM UNNEST($4::uuid[]) AS new (command)
                 WHERE EXISTS (SELECT FROM journal WHERE command_id = new.command OFFSET 0)),
             clear AS MATERIALIZED (SELECT 1 FROM lease WHERE NOT EXISTS (SELECT FROM known)),
             new_keys AS (
                 INSERT INTO data_keys (key_id, subject, wrapped, kek_id)
                 SELECT new.* FROM clear, UNNEST($7::bytea[], $8::uuid[], $9::bytea[], $10::text[]) AS new
                 ON CONFLICT (key_id) DO NOTHING),
             new_commits AS (
                 INSERT INTO outbox_commits (command_id, signer, nonce, batch_index)
                 SELECT new.command, $1, $3, new.place - 1
                 FROM clear, UNNEST($4::uuid[]) WITH ORDINALITY AS new (command, place)),
             new_transaction AS (
                 INSERT INTO outbox_transactions (signer, nonce, hash, raw) SELECT $1, $3, $5, $6 FROM clear)
             SELECT EXISTS (SELECT FROM lease), EXISTS (SELECT FROM known)",
        )
        .bind(self.lease.address.0.as_slice())
        .bind(self.lease.fence)
        .bind(batch.nonce.cast_signed())
        .bind(commands)
        .bind(signed.hash.as_slice())
        .bind(signed.raw.as_slice())
        .bind(keys.ids)
        .bind(keys.subjects)
        .bind(keys.wrapped)
        .bind(keys.keks)
        .fetch_one(&self.pool)
        .await;
        match stored {
            Ok((false, _)) => Err(OutboxError::LeaseLost),
            Ok((true, false)) => Ok(Some(signed)),
            Ok((true, true)) => Ok(None),
            Err(error) if is_there_already(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn store_step_by_step(
        &self,
        batch: &NewBatch,
        mut fresh: Vec<&Entry>,
        mut duplicates: Vec<CommitKey>,
        keys: &[NewKey],
        adopted: &HashMap<CommitKey, Lease>,
    ) -> Result<StoredBatch, OutboxError> {
        let mut transaction = self.pool.begin().await?;
        self.check_lease(&mut transaction).await?;
        if let Some(stored) = self.stored_before(&mut transaction, batch, &fresh, &duplicates).await? {
            return Ok(stored);
        }
        let accepted = accepted_before(&mut transaction, &fresh).await?;
        fresh.retain(|(key, commit)| {
            let is_new = !accepted.contains(&commit.command_id.uuid());
            if !is_new {
                duplicates.push(*key);
            }
            is_new
        });
        let gone = lost_to_others(&mut transaction, batch, adopted).await?;
        let moved: Vec<&Entry> = batch.moved.iter().filter(|(key, _)| !gone.contains(key)).collect();
        duplicates.extend(gone);
        let commits: Vec<&Entry> = moved.iter().copied().chain(fresh.iter().copied()).collect();
        if commits.is_empty() && !duplicates.is_empty() {
            return Ok(StoredBatch::Nothing);
        }
        self.move_commits(&mut transaction, batch.nonce, &moved).await?;
        self.insert_commits(&mut transaction, batch.nonce, moved.len(), &fresh)
            .await?;
        insert_keys(&mut transaction, keys).await?;
        let signed = self.sign(batch, &commits)?;
        self.insert_transaction(&mut transaction, batch.nonce, &signed, false)
            .await?;
        transaction.commit().await?;
        Ok(StoredBatch::Stored { signed, duplicates })
    }

    /// What stands under the nonce already. That is this batch, when an earlier attempt was committed and its answer was lost;
    /// or what is left of a batch whose commits have all moved, which goes.
    async fn stored_before(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
        fresh: &[&Entry],
        repeated: &[CommitKey],
    ) -> Result<Option<StoredBatch>, OutboxError> {
        let signer = self.lease.address.0.as_slice();
        let nonce = batch.nonce.cast_signed();
        let first: Option<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
            "SELECT hash, raw FROM outbox_transactions WHERE signer = $1 AND nonce = $2 AND NOT replacement",
        )
        .bind(signer)
        .bind(nonce)
        .fetch_optional(&mut *connection)
        .await?;
        let Some((hash, raw)) = first else { return Ok(None) };
        let there = sqlx::query_scalar("SELECT command_id FROM outbox_commits WHERE signer = $1 AND nonce = $2");
        let there: HashSet<Uuid> = there
            .bind(signer)
            .bind(nonce)
            .fetch_all(&mut *connection)
            .await?
            .into_iter()
            .collect();
        let is_there = |entry: &Entry| there.contains(&entry.1.command_id.uuid());
        let is_filler = batch.moved.is_empty() && batch.fresh.is_empty();
        if there.is_empty() && !is_filler {
            sqlx::query("DELETE FROM outbox_transactions WHERE signer = $1 AND nonce = $2")
                .bind(signer)
                .bind(nonce)
                .execute(connection)
                .await?;
            return Ok(None);
        }
        let is_ours = match is_filler {
            true => there.is_empty(),
            false => batch.moved.iter().chain(fresh.iter().copied()).any(is_there),
        };
        if !is_ours {
            return Err(OutboxError::Occupied(batch.nonce));
        }
        let all = batch.moved.iter().chain(fresh.iter().copied());
        let missing = all.filter(|entry| !is_there(entry)).map(|(key, _)| *key);
        let duplicates = repeated.iter().copied().chain(missing).collect();
        let hash = hash.try_into().map_err(|_| TransactionError::Malformed)?;
        Ok(Some(StoredBatch::Stored {
            signed: SignedTransaction { raw, hash },
            duplicates,
        }))
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

    /// Signs the stored batch again at another fee and stores that beside it.
    pub(super) async fn replace(&self, nonce: Nonce, raw: &[u8], fee: Fee) -> Result<SignedTransaction, OutboxError> {
        let (former, _) = Transaction::decode(raw)?;
        let signed = self.signer()?.sign(Transaction {
            max_fee: fee.max,
            priority_fee: fee.priority,
            ..former
        })?;
        let mut transaction = self.pool.begin().await?;
        self.check_lease(&mut transaction).await?;
        self.insert_transaction(&mut transaction, nonce, &signed, true).await?;
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

    /// Inserts commits that no outbox has, from this place in the batch on.
    async fn insert_commits(
        &self,
        connection: &mut PgConnection,
        nonce: Nonce,
        from: usize,
        fresh: &[&Entry],
    ) -> Result<(), sqlx::Error> {
        let commands: Vec<Uuid> = fresh.iter().map(|(_, commit)| commit.command_id.uuid()).collect();
        sqlx::query(
            "INSERT INTO outbox_commits (command_id, signer, nonce, batch_index)
             SELECT new.command, $2, $3, $4 + new.place - 1
             FROM UNNEST($1::uuid[]) WITH ORDINALITY AS new (command, place)",
        )
        .bind(commands)
        .bind(self.lease.address.0.as_slice())
        .bind(nonce.cast_signed())
        .bind(i32::try_from(from).unwrap_or(i32::MAX))
        .execute(connection)
        .await
        .map(drop)
    }

    /// Puts commits that the outbox has under another nonce, or another key, into a batch, before all others, and forgets the
    /// transactions that have no commit left.
    async fn move_commits(
        &self,
        connection: &mut PgConnection,
        nonce: Nonce,
        moved: &[&Entry],
    ) -> Result<(), sqlx::Error> {
        if moved.is_empty() {
            return Ok(());
        }
        let commands: Vec<Uuid> = moved.iter().map(|(_, commit)| commit.command_id.uuid()).collect();
        let former = sqlx::query_as("SELECT DISTINCT signer, nonce FROM outbox_commits WHERE command_id = ANY ($1)");
        let former: Vec<(Vec<u8>, i64)> = former.bind(&commands).fetch_all(&mut *connection).await?;
        let (signers, nonces): (Vec<_>, Vec<_>) = former.into_iter().unzip();
        sqlx::query(
            "UPDATE outbox_commits SET signer = $2, nonce = $3, batch_index = moved.place - 1
             FROM UNNEST($1::uuid[]) WITH ORDINALITY AS moved (command, place)
             WHERE command_id = moved.command",
        )
        .bind(&commands)
        .bind(self.lease.address.0.as_slice())
        .bind(nonce.cast_signed())
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "DELETE FROM outbox_transactions AS former USING UNNEST($1::bytea[], $2::bigint[]) AS left_by (signer, nonce)
             WHERE former.signer = left_by.signer AND former.nonce = left_by.nonce AND NOT EXISTS
                 (SELECT FROM outbox_commits AS rest WHERE rest.signer = former.signer AND rest.nonce = former.nonce)",
        )
        .bind(signers)
        .bind(nonces)
        .execute(connection)
        .await
        .map(drop)
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

    /// Forgets commits that were rejected: their commands may come again. Whoever has the lease now may have moved them
    /// meanwhile, so only the holder does.
    pub(super) async fn discard(&self, commands: &[CommandId]) -> Result<(), OutboxError> {
        let commands: Vec<Uuid> = commands.iter().map(|command| command.uuid()).collect();
        let held = sqlx::query_scalar(
            "WITH lease AS MATERIALIZED (SELECT 1 FROM signer_leases WHERE address = $1 AND fence = $2 FOR SHARE),
             discarded AS (DELETE FROM outbox_commits USING lease WHERE command_id = ANY ($3) AND signer = $1)
             SELECT EXISTS (SELECT FROM lease)",
        );
        let held = held
            .bind(self.lease.address.0.as_slice())
            .bind(self.lease.fence)
            .bind(commands)
            .fetch_one(&self.pool)
            .await?;
        if held { Ok(()) } else { Err(OutboxError::LeaseLost) }
    }

    /// Forgets a commit that can never be appended, and keeps in mind that it was one: its command is never executed.
    pub(super) async fn refuse(&self, command: CommandId) -> Result<(), OutboxError> {
        let held = sqlx::query_scalar(
            "WITH lease AS MATERIALIZED (SELECT 1 FROM signer_leases WHERE address = $1 AND fence = $2 FOR SHARE),
             refused AS (
                 DELETE FROM outbox_commits USING lease WHERE command_id = $3 AND signer = $1 RETURNING command_id, nonce),
             noted AS (INSERT INTO refused_commits (command_id) SELECT command_id FROM refused ON CONFLICT DO NOTHING),
             forgotten AS (
                 DELETE FROM outbox_transactions USING refused
                 WHERE signer = $1 AND outbox_transactions.nonce = refused.nonce AND NOT EXISTS (
                     SELECT FROM outbox_commits AS other
                     WHERE other.signer = $1 AND other.nonce = refused.nonce AND other.command_id <> $3))
             SELECT EXISTS (SELECT FROM lease)",
        );
        let held = held
            .bind(self.lease.address.0.as_slice())
            .bind(self.lease.fence)
            .bind(command.uuid())
            .fetch_one(&self.pool)
            .await?;
        if held { Ok(()) } else { Err(OutboxError::LeaseLost) }
    }

    /// Forgets transactions by all their signatures, with the commits that are still theirs. By signature, because a nonce may
    /// mean another batch by now; by all, because only together they leave no trace.
    pub(super) async fn forget(&self, signatures: &[(Nonce, Hash)]) -> Result<(), OutboxError> {
        let nonces: Vec<i64> = signatures.iter().map(|(nonce, _)| nonce.cast_signed()).collect();
        let hashes: Vec<&[u8]> = signatures.iter().map(|(_, hash)| hash.as_slice()).collect();
        let held = sqlx::query_scalar(
            "WITH lease AS MATERIALIZED (SELECT 1 FROM signer_leases WHERE address = $1 AND fence = $2 FOR SHARE),
             forgotten AS (
                 DELETE FROM outbox_transactions USING lease
                 WHERE signer = $1 AND nonce = ANY ($3) AND hash = ANY ($4) RETURNING nonce),
             commits AS (DELETE FROM outbox_commits WHERE signer = $1 AND nonce IN (SELECT nonce FROM forgotten))
             SELECT EXISTS (SELECT FROM lease)",
        );
        let held = held
            .bind(self.lease.address.0.as_slice())
            .bind(self.lease.fence)
            .bind(nonces)
            .bind(hashes)
            .fetch_one(&self.pool)
            .await?;
        if held { Ok(()) } else { Err(OutboxError::LeaseLost) }
    }

    /// Everything that the outbox holds, with every signature. `name` names each commit for this process.
    pub(super) async fn restore(
        &self,
        mut name: impl FnMut(&Commit) -> CommitKey,
    ) -> Result<(Vec<RestoredBatch>, Vec<(Nonce, Signature)>), OutboxError> {
        let signer = self.lease.address.0.as_slice();
        let commits = sqlx::query("SELECT nonce, batch_index, command_id FROM outbox_commits WHERE signer = $1");
        let commits = commits.bind(signer).fetch_all(&self.pool).await?;
        let mut commands: HashMap<(i64, i32), Uuid> = HashMap::new();
        for row in &commits {
            commands.insert((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?);
        }
        let rows = sqlx::query(
            "SELECT nonce, hash, raw FROM outbox_transactions WHERE signer = $1 ORDER BY replacement, signed_at",
        );
        let rows = rows.bind(signer).fetch_all(&self.pool).await?;
        let mut signatures = Vec::new();
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
                gas_limit: transaction.gas_limit,
            });
            batch.hashes.push(hash);
            batch.fee = fee;
            signatures.push((nonce.cast_unsigned(), (hash, Arc::from(raw))));
        }
        Ok((batches.into_values().collect(), signatures))
    }
}

/// The commits of a transaction, from its calldata; those that the outbox does not hold there any more have no key.
fn restored_commits(
    data: &[u8],
    nonce: i64,
    commands: &HashMap<(i64, i32), Uuid>,
    name: &mut impl FnMut(&Commit) -> CommitKey,
) -> Vec<RestoredCommit> {
    let commits = batch_of_calldata(data).and_then(decode_batch).unwrap_or_default();
    let restore = |(index, parts)| {
        let command = commands.get(&(nonce, index));
        let command_id = CommandId::new(command.copied().unwrap_or_default());
        let commit = Commit { command_id, parts };
        RestoredCommit {
            key: command.map(|_| name(&commit)),
            commit: Arc::new(commit),
        }
    };
    (0..).zip(commits).map(restore).collect()
}

/// Those of the adopted commits that are not to be had: their key has come back, or somebody else was faster. Whose are the others cannot
/// change until this transaction has ended, for their heirs' leases are locked.
async fn lost_to_others(
    connection: &mut PgConnection,
    batch: &NewBatch,
    adopted: &HashMap<CommitKey, Lease>,
) -> Result<Vec<CommitKey>, sqlx::Error> {
    if adopted.is_empty() {
        return Ok(Vec::new());
    }
    let theirs: Vec<(CommitKey, Uuid, Lease)> = batch
        .moved
        .iter()
        .filter_map(|(key, commit)| Some((*key, commit.command_id.uuid(), *adopted.get(key)?)))
        .collect();
    let commands: Vec<Uuid> = theirs.iter().map(|(_, command, _)| *command).collect();
    let signers: Vec<&[u8]> = theirs.iter().map(|(.., from)| from.address.0.as_slice()).collect();
    let fences: Vec<i64> = theirs.iter().map(|(.., from)| from.fence).collect();
    let locked = "SELECT FROM signer_leases WHERE address = ANY ($1) ORDER BY address FOR SHARE";
    sqlx::query(locked).bind(&signers).execute(&mut *connection).await?;
    let there = sqlx::query_scalar(
        "SELECT command_id FROM UNNEST($1::uuid[], $2::bytea[], $3::bigint[]) AS adopted (command_id, signer, fence)
         JOIN outbox_commits USING (command_id, signer)
         JOIN signer_leases AS held ON held.address = adopted.signer AND held.fence = adopted.fence",
    );
    let there = there.bind(&commands).bind(&signers).bind(fences).fetch_all(connection);
    let there: HashSet<Uuid> = there.await?.into_iter().collect();
    let lost = theirs.into_iter().filter(|(_, command, _)| !there.contains(command));
    Ok(lost.map(|(key, ..)| key).collect())
}

/// The commits without those whose command another before them has, and the keys of the latter.
fn distinct(entries: &[Entry]) -> (Vec<&Entry>, Vec<CommitKey>) {
    let mut commands = HashSet::with_capacity(entries.len());
    let (first, repeated): (Vec<&Entry>, Vec<&Entry>) = entries
        .iter()
        .partition(|(_, commit)| commands.insert(commit.command_id));
    (first, repeated.into_iter().map(|(key, _)| *key).collect())
}

/// Those of the commands that the outbox has, of whichever signing key, or the journal. What the outbox has forgotten is final, and so
/// in the journal.
async fn accepted_before(connection: &mut PgConnection, entries: &[&Entry]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let commands: Vec<Uuid> = entries.iter().map(|(_, commit)| commit.command_id.uuid()).collect();
    let accepted = sqlx::query_scalar(
        "SELECT command_id FROM outbox_commits WHERE command_id = ANY ($1)
         UNION SELECT command_id FROM journal WHERE command_id = ANY ($1)",
    );
    Ok(accepted
        .bind(commands)
        .fetch_all(connection)
        .await?
        .into_iter()
        .collect())
}

fn is_there_already(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
