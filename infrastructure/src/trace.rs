//! Where a command has left a trace: journal, outbox, or among what the contract refused.

use application::ports::registry::Trace;
use domain::kernel::CommandId;
use sqlx::Row as _;

use crate::postgres::Answering;

/// Where a command has left a trace. What the journal has of it is all of it: a commit opens whole or not at all.
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
        None => Trace::None,
    })
}
