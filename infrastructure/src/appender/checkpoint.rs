//! What the appender learns of the follower: where it stood at the start, and what it tells since.

use std::time::Duration;

use sqlx::PgPool;

use super::machine::{Action, Input, Machine, Millis, Surroundings};
use crate::notices::Notice;

/// How long it may take to read the outbox.
pub(super) const RESTORED_WITHIN: Duration = Duration::from_secs(60);

/// The follower's checkpoint. Read it after the subscription to its notices began: then nothing falls between the two.
pub(super) async fn surroundings(pool: &PgPool) -> Result<Surroundings, sqlx::Error> {
    let checkpoint = sqlx::query_as("SELECT block_number, final_block FROM checkpoint").fetch_one(pool);
    let (applied, final_block): (i64, i64) = checkpoint.await?;
    Ok(Surroundings {
        applied: applied.cast_unsigned(),
        final_block: final_block.cast_unsigned(),
    })
}

/// Tells the machine what the follower told.
pub(super) fn hear(notice: &Notice, now: Millis, machine: &mut Machine, actions: &mut Vec<Action>) {
    let input = match notice {
        Notice::Applied {
            block,
            appended,
            rejected,
            ..
        } => Input::Applied {
            block: block.number,
            appended,
            rejected,
        },
        Notice::Reverted { to, .. } => Input::Reverted { to: *to },
        Notice::Finalized { block, .. } => Input::Finalized { block: *block },
    };
    machine.on(now, input, actions);
}
