//! Where a command has left a trace: journal, outbox, calls, or among what the contract refused.

use application::ports::registries::{Recorded, RegistryRefusal};
use application::ports::registry::Trace;
use domain::kernel::CommandId;
use sqlx::Row as _;

use crate::chain::registries::refusal;
use crate::postgres::Answering;

/// Where a command has left a trace, in a commit or in a call. What the journal has of it is all of it: a commit opens whole or not at all.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn trace(pool: &Answering, command: CommandId) -> Result<Trace, sqlx::Error> {
    // In one snapshot: a commit leaves the outbox only after it is in the journal or among those refused. `OFFSET 0`: the greatest
    // position is sought among the command's own, not the command from the greatest position down.
    let sql = "SELECT (SELECT max(position) FROM
                       (SELECT position FROM journal WHERE command_id = $1 OFFSET 0) AS own),
                      EXISTS (SELECT FROM outbox_commits WHERE command_id = $1),
                      EXISTS (SELECT FROM refused_commits WHERE command_id = $1)";
    let row = sqlx::query(sql).bind(command.uuid()).fetch_one(pool).await?;
    let (position, waiting, refused): (Option<i64>, bool, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(match position {
        Some(position) => Trace::Journaled {
            position: position.unsigned_abs(),
        },
        None if waiting => Trace::Outbox,
        None if refused => Trace::Refused,
        // A command has one commit, or one call.
        None => match trace_of_call(pool, command).await? {
            Some(CallTrace::Recorded(Recorded { position, .. })) => Trace::Journaled { position },
            Some(CallTrace::UnderWay) => Trace::Outbox,
            Some(CallTrace::Refused(refusal)) => Trace::RefusedByTheRegistry(refusal),
            None => Trace::None,
        },
    })
}

/// What a command's call has come to.
pub(crate) enum CallTrace {
    /// It is on its way, or done and not in these read models yet.
    UnderWay,
    /// It is done.
    Recorded(Recorded),
    /// The contract has refused it.
    Refused(RegistryRefusal),
}

/// What a command's call has come to; `None` where it has none.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn trace_of_call(pool: &Answering, command: CommandId) -> Result<Option<CallTrace>, sqlx::Error> {
    // What it brought about is journaled by its transaction, between the positions of the blocks before and of its own: the journal has no index by transactions.
    // Where it was so already, nothing is recorded.
    let sql = "SELECT call.succeeded, call.reason, coalesce(own.position, call.last, call.before, 0), own.version, call.is_applied
               FROM (SELECT succeeded, reason, transaction,
                            (SELECT position FROM block_times WHERE block < calls.block ORDER BY block DESC LIMIT 1) AS before,
                            (SELECT position FROM block_times WHERE block = calls.block) AS last,
                            block <= (SELECT block_number FROM checkpoint) AS is_applied
                     FROM calls WHERE id = $1) AS call
               LEFT JOIN LATERAL
                    (SELECT position, version FROM journal
                     WHERE position > coalesce(call.before, 0) AND position <= call.last AND transaction = call.transaction
                     ORDER BY position DESC LIMIT 1) AS own ON TRUE";
    let Some(row) = sqlx::query(sql).bind(command.uuid()).fetch_optional(pool).await? else {
        return Ok(None);
    };
    let (succeeded, reason): (Option<bool>, Option<Vec<u8>>) = (row.try_get(0)?, row.try_get(1)?);
    let (position, version): (i64, Option<i64>) = (row.try_get(2)?, row.try_get(3)?);
    let is_applied: Option<bool> = row.try_get(4)?;
    Ok(Some(match (succeeded, is_applied) {
        (Some(false), _) => CallTrace::Refused(refusal(&reason.unwrap_or_default())),
        (Some(true), Some(true)) => CallTrace::Recorded(Recorded {
            position: position.unsigned_abs(),
            version: version.unwrap_or_default().unsigned_abs(),
        }),
        _ => CallTrace::UnderWay,
    }))
}
