//! One run of blocks, one transaction; and its reverse.

use application::log::{BlockRef, LogEntry};
use application::ports::projector::Projector;
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool, Postgres, Transaction};

use super::checkpoint::{self, Before, FinalPoint};
use super::connection::KeptConnection;
use super::journal::Rows;
use super::kind::Kind;
use super::numbers::to_sql;
use super::opening::OpenedBlock;
use super::window::AppliedBlock;
use super::{FollowerError, chapters, erasures, journal};
use crate::crash::{FOLLOWER_COMMITTED, FOLLOWER_JOURNALED, FOLLOWER_PROJECTED, FOLLOWER_REVERTED, crash_point};

/// Whose transaction did it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Applied {
    /// Ours.
    Now,
    /// Another follower's on this database, before us.
    Already,
    /// Nobody's: what is parked is not what was known to be when the blocks were opened. A stream was released meanwhile behind which an event would be parked, or another
    /// server has parked what an event would count behind. The blocks are to be opened again.
    ParkedOtherwise,
}

/// A run of blocks to apply on top of `before`.
pub(super) struct Run<'a> {
    pub(super) before: &'a AppliedBlock,
    pub(super) blocks: &'a [OpenedBlock],
    /// The same blocks as the window will remember them.
    pub(super) applied: &'a [AppliedBlock],
    /// What is final after the run.
    pub(super) finalized: FinalPoint,
    /// What the schema must be like.
    pub(super) kind: &'a Kind,
}

impl Run<'_> {
    /// What of the run comes after this block; `None` when the block is not in it.
    fn after(self, number: u64, hash: [u8; 32]) -> Option<Self> {
        let same = |block: &AppliedBlock| (block.number, block.hash) == (number, hash);
        if same(self.before) {
            return Some(self);
        }
        let done = self.applied.iter().position(same)?;
        let rest = done.checked_add(1)?;
        Some(Self {
            before: self.applied.get(done)?,
            blocks: self.blocks.get(rest..)?,
            applied: self.applied.get(rest..)?,
            finalized: self.finalized,
            kind: self.kind,
        })
    }
}

/// Applies a run: journal, read models and checkpoint, all or nothing.
pub(super) async fn apply<P>(kept: &mut KeptConnection, projector: &P, run: Run<'_>) -> Result<Applied, FollowerError>
where
    P: Projector<Connection = PgConnection>,
{
    let mut connection = kept.take().await?;
    let mut transaction = connection.begin().await?;
    let Some((run, is_any_parked)) = record(&mut transaction, run).await? else {
        transaction.rollback().await?;
        kept.keep(connection);
        return Ok(Applied::Already);
    };
    let is_as_known = journal::have_one_before(&mut transaction, run.blocks).await?
        && (!is_any_parked || journal::none_counts_behind(&mut transaction, run.blocks).await?);
    if !is_as_known {
        transaction.rollback().await?;
        kept.keep(connection);
        return Ok(Applied::ParkedOtherwise);
    }
    crash_point(FOLLOWER_JOURNALED);
    project(&mut transaction, projector, &run).await?;
    crash_point(FOLLOWER_PROJECTED);
    transaction.commit().await?;
    kept.keep(connection);
    crash_point(FOLLOWER_COMMITTED);
    Ok(Applied::Now)
}

/// Moves the checkpoint from where it is to the end of the run, and journals what is new of it; answers with that, and whether anything is parked before. `None` when all of
/// it was applied before.
async fn record<'a>(connection: &mut PgConnection, run: Run<'a>) -> Result<Option<(Run<'a>, bool)>, FollowerError> {
    let Some(last) = run.applied.last() else {
        return Ok(None);
    };
    if let Some(is_any_parked) = append(connection, &run).await? {
        return Ok(Some((run, is_any_parked)));
    }
    // Another follower, or an attempt of ours whose answer was lost, may have applied the first blocks of the run, or all.
    let (number, hash, _) = checkpoint::lock(connection, run.kind).await?;
    if number >= last.number {
        let ours = checkpoint::remembers(connection, last).await?;
        return if ours { Ok(None) } else { Err(FollowerError::Moved) };
    }
    let rest = run.after(number, hash).ok_or(FollowerError::Moved)?;
    let is_any_parked = append(connection, &rest).await?.ok_or(FollowerError::Moved)?;
    Ok(Some((rest, is_any_parked)))
}

/// As [`record`], if the checkpoint is right before the run; answers whether anything is parked before, if it was.
async fn append(connection: &mut PgConnection, run: &Run<'_>) -> Result<Option<bool>, sqlx::Error> {
    let before = Before {
        block: run.before,
        kind: run.kind,
    };
    let entries = Rows::of(run.blocks);
    let moved = checkpoint::advance(connection, Some(before), run.applied, run.finalized, entries).await?;
    if moved.is_some() {
        journal::park(connection, run.blocks).await?;
        erasures::record(connection, run.blocks.iter().flat_map(|block| &block.erased)).await?;
        chapters::record(connection, run.blocks.iter().flat_map(|block| &block.closed)).await?;
    }
    Ok(moved)
}

/// Blocks that are final are projected together; a block that can still be undone alone, with its former images kept.
async fn project<P>(connection: &mut PgConnection, projector: &P, run: &Run<'_>) -> Result<(), FollowerError>
where
    P: Projector<Connection = PgConnection>,
{
    let finals = run
        .blocks
        .partition_point(|block| block.checked.log.block.number <= run.finalized.block);
    let (finals, undoable) = run.blocks.split_at(finals);
    if let Some(last) = finals.last() {
        let entries: Vec<_> = finals.iter().flat_map(|block| block.readable.iter().cloned()).collect();
        apply_entries(connection, projector, &last.checked.log.block, &entries).await?;
    }
    for block in undoable.iter().filter(|block| !block.readable.is_empty()) {
        set_undo_block(connection, &block.checked.log.block.number.to_string()).await?;
        apply_entries(connection, projector, &block.checked.log.block, &block.readable).await?;
    }
    if undoable.is_empty() {
        return Ok(());
    }
    Ok(set_undo_block(connection, "").await?)
}

pub(super) async fn apply_entries<P>(
    connection: &mut PgConnection,
    projector: &P,
    block: &BlockRef,
    entries: &[LogEntry],
) -> Result<(), FollowerError>
where
    P: Projector<Connection = PgConnection>,
{
    if entries.is_empty() {
        return Ok(());
    }
    let applied = projector.apply(connection, block, entries).await;
    applied.map_err(|error| FollowerError::Projector(Box::new(error)))
}

pub(super) async fn set_undo_block(connection: &mut PgConnection, block: &str) -> Result<(), sqlx::Error> {
    let set = sqlx::query("SELECT set_config('medconnect.undo_block', $1, true)").bind(block);
    set.execute(connection).await.map(drop)
}

/// Undoes every block above `to`, all or nothing.
pub(super) async fn revert(
    pool: &PgPool,
    kind: &Kind,
    to: &AppliedBlock,
    finalized: FinalPoint,
) -> Result<Applied, FollowerError> {
    let mut transaction = pool.begin().await?;
    let (number, ..) = checkpoint::lock(&mut transaction, kind).await?;
    if number <= to.number {
        return Ok(Applied::Already);
    }
    let (block, position) = (to_sql(to.number), to_sql(to.head.position));
    sqlx::query("SELECT undo_above($1)")
        .bind(block)
        .execute(&mut *transaction)
        .await?;
    for (statement, above) in [
        ("DELETE FROM journal WHERE position > $1", position),
        ("DELETE FROM parked WHERE position > $1", position),
        ("DELETE FROM released WHERE position > $1", position),
        ("DELETE FROM erasures WHERE position > $1", position),
        ("DELETE FROM chapters WHERE position > $1", position),
        ("DELETE FROM block_times WHERE block > $1", block),
        ("DELETE FROM blocks WHERE number > $1", block),
    ] {
        sqlx::query(statement).bind(above).execute(&mut *transaction).await?;
    }
    checkpoint::place(&mut transaction, to, finalized).await?;
    crash_point(FOLLOWER_REVERTED);
    transaction.commit().await?;
    Ok(Applied::Now)
}

/// Begins to move the checkpoint to another block at the same place of the log. Whoever corrects the journal for that does so in
/// this transaction.
pub(super) async fn begin_reanchor(
    pool: &PgPool,
    kind: &Kind,
    to: &AppliedBlock,
) -> Result<Transaction<'static, Postgres>, FollowerError> {
    let mut transaction = pool.begin().await?;
    let (.., position) = checkpoint::lock(&mut transaction, kind).await?;
    if position != to.head.position {
        return Err(FollowerError::Moved);
    }
    Ok(transaction)
}

/// Moves the checkpoint to another block at the same place of the log: the blocks were numbered anew, the log is the same.
///
/// Former images go with the blocks that they were kept for: under their old numbers they would be put back when another block
/// of that number is undone.
pub(super) async fn reanchor(
    mut transaction: Transaction<'static, Postgres>,
    to: &AppliedBlock,
    finalized: FinalPoint,
) -> Result<(), FollowerError> {
    transaction.execute("DELETE FROM blocks; DELETE FROM undo_log").await?;
    checkpoint::place(&mut transaction, to, finalized).await?;
    transaction.commit().await?;
    Ok(())
}

/// Notes that more is final, without applying anything.
pub(super) async fn finalize(pool: &PgPool, finalized: FinalPoint) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH forgotten AS (DELETE FROM undo_log WHERE block <= $1)
         UPDATE checkpoint SET final_block = $1, final_position = $2 WHERE final_block < $1",
    )
    .bind(to_sql(finalized.block))
    .bind(to_sql(finalized.position))
    .execute(pool)
    .await
    .map(drop)
}
