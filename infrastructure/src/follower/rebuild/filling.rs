//! Writes what is final in bulk: while one batch is written the next is opened, and those after it are on their way.

use application::log::BlockRef;
use application::ports::projector::Projector;
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::mpsc;

use super::fetching::{Fetched, fetch};
use super::{Rebuild, RebuildError, WRITTEN_WITHIN};
use crate::chain::{BlockId, ChainError};
use crate::follower::checkpoint::{self, FinalPoint};
use crate::follower::opening::{self, OpenedBlock, SoFar};
use crate::follower::overruling::SharedStates;
use crate::follower::runner::Place;
use crate::follower::tips::Tips;
use crate::follower::told::Told;
use crate::follower::trust;
use crate::follower::window::{AppliedBlock, Unread};
use crate::follower::{FollowerError, block_times, chapters, copy, erasures, journal};
use crate::log::LogHead;
use crate::postgres::{LONG_STEP, TRANSACTION, within};

impl<P> Rebuild<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// Writes everything up to the block `target` in bulk. `opened` is shown each block as it was opened.
    pub(super) async fn fill(
        &self,
        place: &mut Place,
        target: &BlockRef,
        progress: impl Fn(&Place),
        opened: &mut (dyn FnMut(&OpenedBlock) + Send),
    ) -> Result<(), RebuildError> {
        let from = place.window.last().number.saturating_add(1);
        if from > target.number {
            return Ok(());
        }
        // While one batch is written the next is opened, and the ranges after it are on their way.
        let (sender, mut fetched) = mpsc::channel(1);
        let fetching = tokio::spawn(fetch(self.follower.log.clone(), from, target.number, sender));
        let mut opening: Option<tokio::task::JoinHandle<_>> = None;
        let mut so_far = Some(SoFar {
            tips: Tips::all(&self.follower.pool).await?,
            told: within(TRANSACTION, self.foreseeing(place)).await?,
            shared: within(LONG_STEP, self.shared_states()).await?,
        });
        loop {
            let next = match fetched.recv().await {
                Some(blocks) => Some(blocks?),
                None => None,
            };
            let ended = next.is_none();
            let previous = opening.take();
            if let Some(previous) = previous {
                let (batch, so_far): (Opened, SoFar) = previous.await??;
                let head = batch.head;
                batch.blocks.iter().for_each(&mut *opened);
                opening = match next {
                    Some(blocks) => Some(self.open(blocks, head, so_far).await?),
                    None => None,
                };
                within(WRITTEN_WITHIN, self.write(place, batch)).await?;
                progress(place);
            } else if let Some((blocks, so_far)) = next.zip(so_far.take()) {
                opening = Some(self.open(blocks, place.window.last().head, so_far).await?);
            }
            if ended {
                break;
            }
        }
        fetching.await?;
        self.end_at(place, target).await?;
        progress(place);
        Ok(())
    }

    /// What stands in shared namespaces.
    async fn shared_states(&self) -> Result<SharedStates, FollowerError> {
        let mut connection = self.follower.pool.acquire().await?;
        SharedStates::all(&mut connection, &self.follower.opener).await
    }

    /// What the log has told, and who will be erased in the end.
    async fn foreseeing(&self, place: &Place) -> Result<Told, sqlx::Error> {
        let mut told = place.told.clone();
        told.erasures = told.erasures.with_those_of_live(&self.follower.pool).await?;
        Ok(told)
    }

    /// Begins to check and open blocks on another thread.
    async fn open(
        &self,
        blocks: Fetched,
        head: LogHead,
        mut so_far: SoFar,
    ) -> Result<tokio::task::JoinHandle<Result<(Opened, SoFar), FollowerError>>, RebuildError> {
        let opener = self.follower.opener.clone();
        let entries = blocks.iter().flat_map(|block| &block.appended);
        let mut keys = opener.keys_for(entries).await.map_err(FollowerError::from)?;
        so_far.told.erasures.destroy(&mut keys);
        Ok(tokio::task::spawn_blocking(move || {
            let checked = trust::advance(blocks, head)?;
            let head = checked.last().map_or(head, |block| block.head);
            let blocks: Vec<_> = checked
                .into_iter()
                .map(|block| opening::open(block, &opener, &mut keys, &mut so_far))
                .collect::<Result<_, _>>()?;
            so_far.told.settle();
            let told = so_far.told.clone();
            let opened = Opened { blocks, head, told };
            Ok((opened, so_far))
        }))
    }

    async fn write(&self, place: &mut Place, batch: Opened) -> Result<(), RebuildError> {
        let Some(last) = batch.blocks.last() else {
            return Ok(());
        };
        let before = place.window.last().unread;
        let unread = batch.blocks.iter().map(|block| block.unread).fold(before, Unread::plus);
        let block = last.checked.log.block;
        let to = AppliedBlock {
            number: block.number,
            hash: block.hash,
            head: batch.head,
            unread,
        };
        let mut connection = place.connection.take().await?;
        let mut transaction = connection.begin().await?;
        copy::append(&mut transaction, &batch.blocks).await?;
        block_times::record(&mut transaction, batch.blocks.iter().map(|block| &block.checked.log)).await?;
        journal::park(&mut transaction, &batch.blocks).await?;
        erasures::record(&mut transaction, batch.blocks.iter().flat_map(|block| &block.erased)).await?;
        chapters::record(&mut transaction, batch.blocks.iter().flat_map(|block| &block.closed)).await?;
        let entries: Vec<_> = batch.blocks.into_iter().flat_map(|block| block.readable).collect();
        let filled = self.follower.projector.fill(&mut transaction, &entries).await;
        filled.map_err(|error| FollowerError::Projector(Box::new(error)))?;
        move_to(&mut transaction, &to).await?;
        transaction.commit().await?;
        place.connection.keep(connection);
        place.told = batch.told;
        place.begin_at(to);
        Ok(())
    }

    /// The blocks up to `target` have nothing more for the log.
    async fn end_at(&self, place: &mut Place, target: &BlockRef) -> Result<(), RebuildError> {
        let block = self.header(BlockId::Number(target.number)).await?;
        if block.hash != target.hash {
            let changed = ChainError::Inconsistent("a final block that was replaced");
            return Err(FollowerError::from(changed).into());
        }
        let to = AppliedBlock {
            number: block.number,
            hash: block.hash,
            ..*place.window.last()
        };
        let moving = async {
            let mut transaction = self.follower.pool.begin().await?;
            move_to(&mut transaction, &to).await?;
            transaction.commit().await
        };
        within(TRANSACTION, moving).await?;
        place.begin_at(to);
        Ok(())
    }
}

/// Moves the checkpoint to a final block, and remembers no other.
async fn move_to(connection: &mut PgConnection, to: &AppliedBlock) -> Result<(), sqlx::Error> {
    connection.execute("DELETE FROM blocks").await?;
    checkpoint::place(connection, to, FinalPoint::at(to)).await
}

/// A batch of blocks, opened.
struct Opened {
    blocks: Vec<OpenedBlock>,
    head: LogHead,
    told: Told,
}
