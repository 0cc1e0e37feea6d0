//! Where a command has left a trace: journal, outbox, calls, or among what the contract refused.

use application::ports::registry::Trace;
use domain::kernel::CommandId;
use sqlx::Row as _;

use crate::chain::registries::practitioners;
use crate::postgres::Answering;

/// Where a command has left a trace, in a commit or in a call. What the journal has of it is all of it: a commit opens whole or not at all.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn trace(pool: &Answering, command: CommandId) -> Result<Trace, sqlx::Error> {
    // In one snapshot: a commit leaves the outbox only after it is in the journal or among those refused. `OFFSET 0`: the greatest
    // position is sought among the command's own, not the command from the greatest position down. A call has the command's id, and what it brought
    // about is journaled by its transaction, in its block.
    let sql = "WITH call AS (SELECT succeeded, block, transaction, reason FROM calls WHERE id = $1)
               SELECT coalesce(
                          (SELECT max(position) FROM
                              (SELECT position FROM journal WHERE command_id = $1 OFFSET 0) AS own),
                          (SELECT max(journal.position) FROM call, journal
                           WHERE journal.transaction = call.transaction
                             AND journal.position <= (SELECT position FROM block_times WHERE block_times.block = call.block)
                             AND journal.position > coalesce((SELECT position FROM block_times
                                 WHERE block_times.block < call.block ORDER BY block_times.block DESC LIMIT 1), 0))),
                      EXISTS (SELECT FROM outbox_commits WHERE command_id = $1)
                          OR EXISTS (SELECT FROM call WHERE succeeded IS NOT FALSE),
                      EXISTS (SELECT FROM refused_commits WHERE command_id = $1),
                      (SELECT coalesce(reason, '') FROM call WHERE NOT succeeded)";
    let row = sqlx::query(sql).bind(command.uuid()).fetch_one(pool).await?;
    let position: Option<i64> = row.try_get(0)?;
    let (waiting, refused, by_the_registry): (bool, bool, Option<Vec<u8>>) =
        (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
    Ok(match (position, by_the_registry) {
        (Some(position), _) => Trace::Journaled {
            position: position.unsigned_abs(),
        },
        (None, Some(reason)) => Trace::RefusedByTheRegistry(practitioners::refusal(&reason)),
        (None, None) if waiting => Trace::Outbox,
        (None, None) if refused => Trace::Refused,
        (None, None) => Trace::None,
    })
}
