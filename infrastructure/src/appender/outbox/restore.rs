//! What the outbox holds, after a restart or a takeover.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::kernel::CommandId;
use sqlx::Row;
use uuid::Uuid;

use super::{Outbox, OutboxError, Signature};
use crate::appender::fees::Fee;
use crate::appender::machine::{CommitKey, Nonce, RestoredBatch, RestoredCommit};
use crate::calls::{Call, CallId, CallKind};
use crate::chain::codec::{batch_of_calldata, decode_batch};
use crate::chain::signer::TransactionError;
use crate::chain::{Hash, Transaction};
use crate::log::Commit;

impl Outbox {
    /// Everything that the outbox holds, with every signature. `name` names each commit for this process.
    pub(in crate::appender) async fn restore(
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
        let calls = sqlx::query_as("SELECT nonce, id, kind FROM calls WHERE signer = $1");
        let calls: Vec<(i64, Uuid, String)> = calls.bind(signer).fetch_all(&self.pool).await?;
        let calls: HashMap<i64, (Uuid, String)> =
            calls.into_iter().map(|(nonce, id, kind)| (nonce, (id, kind))).collect();
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
            let call = calls.get(&nonce).and_then(|call| restored_call(call, &transaction));
            let batch = batches.entry(nonce).or_insert_with(|| RestoredBatch {
                nonce: nonce.cast_unsigned(),
                commits: restored_commits(&transaction.data, nonce, &commands, &mut name),
                call,
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

/// The call of a transaction, from its calldata and the call's row.
fn restored_call((id, kind): &(Uuid, String), transaction: &Transaction) -> Option<Arc<Call>> {
    Some(Arc::new(Call {
        id: CallId(*id),
        kind: CallKind::new(kind.clone()).unwrap_or(CallKind::UNNAMED),
        target: transaction.to?.0,
        data: transaction.data.clone(),
    }))
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
