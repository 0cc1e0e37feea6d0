//! A batch is stored: at once, or step by step when something of it is there already.

use std::collections::{HashMap, HashSet};

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::nonces::Occupant;
use super::{Entry, Outbox, OutboxError};
use crate::appender::lease::Lease;
use crate::appender::machine::{CommitKey, NewBatch, Nonce};
use crate::chain::SignedTransaction;
use crate::keys::{KeyColumns, insert_keys};
use crate::log::NewKey;

/// What became of a batch.
pub(in crate::appender) enum StoredBatch {
    /// It is durable.
    Stored {
        signed: SignedTransaction,
        /// Commits whose command was accepted before: they are not in it.
        duplicates: Vec<CommitKey>,
    },
    /// All of its commits were such.
    Nothing,
}

impl Outbox {
    /// Signs and stores a batch with the keys that its commits need, all or nothing. May be repeated after any failure. `adopted` are those
    /// of its commits that another key's outbox has, each with the lease of that key's heir.
    pub(in crate::appender) async fn store(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
        keys: &[NewKey],
        adopted: &HashMap<CommitKey, Lease>,
    ) -> Result<StoredBatch, OutboxError> {
        let (fresh, repeated) = distinct(&batch.fresh);
        if batch.moved.is_empty()
            && let Some(signed) = self.store_at_once(connection, batch, &fresh, keys).await?
        {
            return Ok(StoredBatch::Stored {
                signed,
                duplicates: repeated,
            });
        }
        self.store_step_by_step(connection, batch, fresh, repeated, keys, adopted)
            .await
    }

    /// One statement. `None` when something of it is there already: then nothing was stored.
    ///
    /// The journal is asked for one command after another (`OFFSET 0` keeps the planner from doing otherwise): asked for any of
    /// them at once, a planner that expects to meet one soon reads the journal from the start, and whole.
    async fn store_at_once(
        &self,
        connection: &mut PgConnection,
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
        .fetch_one(connection)
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
        connection: &mut PgConnection,
        batch: &NewBatch,
        mut fresh: Vec<&Entry>,
        mut duplicates: Vec<CommitKey>,
        keys: &[NewKey],
        adopted: &HashMap<CommitKey, Lease>,
    ) -> Result<StoredBatch, OutboxError> {
        let mut transaction = connection.begin().await?;
        self.check_lease(&mut transaction).await?;
        // The connection is kept: left open, the transaction would hold the rows of leases until it is used again.
        if let Some(stored) = self.stored_before(&mut transaction, batch, &fresh, &duplicates).await? {
            transaction.rollback().await?;
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
            transaction.rollback().await?;
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
        let Some(Occupant { signed, holds: there }) = self.occupant(connection, batch.nonce).await? else {
            return Ok(None);
        };
        let is_there = |entry: &Entry| there.contains(&entry.1.command_id.uuid());
        let is_filler = batch.moved.is_empty() && batch.fresh.is_empty();
        if there.is_empty() && !is_filler {
            self.vacate(connection, batch.nonce).await?;
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
        Ok(Some(StoredBatch::Stored { signed, duplicates }))
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
    /// transactions that have no commit left; but not those of another key before a call of it, without which the call cannot be mined.
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
                 (SELECT FROM outbox_commits AS rest WHERE rest.signer = former.signer AND rest.nonce = former.nonce)
             AND (former.signer = $3 OR NOT EXISTS
                 (SELECT FROM calls WHERE calls.signer = former.signer AND calls.nonce > former.nonce))",
        )
        .bind(signers)
        .bind(nonces)
        .bind(self.lease.address.0.as_slice())
        .execute(connection)
        .await
        .map(drop)
    }
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
