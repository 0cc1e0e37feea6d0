//! What the outbox forgets, and what it keeps in mind of it. Only the holder of the lease does: whoever has it now may have moved commits
//! meanwhile.

use domain::kernel::CommandId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Outbox, OutboxError, still_held};
use crate::appender::machine::Nonce;
use crate::chain::Hash;

impl Outbox {
    /// Whether it holds no commit and no call. Then it forgets what is left, too: an empty transaction matters only to those after it.
    pub(in crate::appender) async fn is_done(&self) -> Result<bool, OutboxError> {
        let done = sqlx::query_as(
            "WITH lease AS MATERIALIZED (SELECT 1 FROM signer_leases WHERE address = $1 AND fence = $2 FOR SHARE),
             cleared AS (DELETE FROM outbox_transactions USING lease
                         WHERE signer = $1 AND NOT EXISTS (SELECT FROM outbox_commits WHERE signer = $1)
                                           AND NOT EXISTS (SELECT FROM calls WHERE signer = $1))
             SELECT EXISTS (SELECT FROM lease), NOT EXISTS (SELECT FROM outbox_commits WHERE signer = $1)
                                            AND NOT EXISTS (SELECT FROM calls WHERE signer = $1)",
        );
        let done = done.bind(self.lease.address.0.as_slice()).bind(self.lease.fence);
        match done.fetch_one(&self.pool).await? {
            (true, done) => Ok(done),
            (false, _) => Err(OutboxError::LeaseLost),
        }
    }

    /// Whether it holds any of these commits and calls.
    pub(in crate::appender) async fn holds_any(&self, commits: &[Uuid], calls: &[Uuid]) -> Result<bool, OutboxError> {
        let held = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM outbox_commits WHERE command_id = ANY ($1) AND signer = $3)
                 OR EXISTS (SELECT FROM calls WHERE id = ANY ($2) AND signer = $3)",
        );
        let held = held.bind(commits).bind(calls).bind(self.lease.address.0.as_slice());
        Ok(held.fetch_one(&self.pool).await?)
    }

    /// Forgets commits that were rejected: their commands may come again. Whoever has the lease now may have moved them
    /// meanwhile, so only the holder does.
    pub(in crate::appender) async fn discard(
        &self,
        connection: &mut PgConnection,
        commands: &[CommandId],
    ) -> Result<(), OutboxError> {
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
            .fetch_one(connection)
            .await?;
        still_held(held)
    }

    /// Forgets a commit that can never be appended, and keeps in mind that it was one: its command is never executed.
    pub(in crate::appender) async fn refuse(
        &self,
        connection: &mut PgConnection,
        command: CommandId,
    ) -> Result<(), OutboxError> {
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
            .fetch_one(connection)
            .await?;
        still_held(held)
    }

    /// Forgets transactions by all their signatures, with the commits that are still theirs. By signature, because a nonce may
    /// mean another batch by now; by all, because only together they leave no trace.
    pub(in crate::appender) async fn forget(
        &self,
        connection: &mut PgConnection,
        signatures: &[(Nonce, Hash)],
    ) -> Result<(), OutboxError> {
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
            .fetch_one(connection)
            .await?;
        still_held(held)
    }
}
