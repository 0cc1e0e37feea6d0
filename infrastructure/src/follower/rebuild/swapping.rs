//! What was rebuilt takes the place of what is live.

use std::future::Future;
use std::time::{Duration, Instant};

use application::ports::projector::Projector;
use sqlx::{Executor, PgConnection};

use super::{FIRST_PAUSE, NODE_PATIENCE, Rebuild, RebuildError};
use crate::follower::FollowerError;
use crate::follower::numbers::from_sql;
use crate::follower::runner::Place;
use crate::follower::trust::Distrust;
use crate::postgres::LIVE;

/// Renames the schemas [`LIVE`] and [`REBUILD`](crate::postgres::REBUILD). A follower that waits for the lock on the checkpoint must not find the row in the
/// schema that is put away.
const SWAP: &str = "
    DROP SCHEMA IF EXISTS retired CASCADE;
    DO $$
    BEGIN
        IF to_regclass('live.checkpoint') IS NOT NULL THEN
            DELETE FROM live.checkpoint;
        END IF;
        IF to_regnamespace('live') IS NOT NULL THEN
            ALTER SCHEMA live RENAME TO retired;
        END IF;
    END $$;
    ALTER SCHEMA rebuild RENAME TO live";
/// What was filled while a key was here that is destroyed by now has rows that were deleted or changed again, in files that were not purged.
const PURGE_AGAIN: &str = "UPDATE core.data_keys SET purged_at = NULL, purge_left = NULL
     WHERE purged_at IS NOT NULL AND destroyed_at >= (SELECT made_at FROM live.shape)";
/// Drops what [`SWAP`] put away.
const DROP_RETIRED: &str = "DROP SCHEMA IF EXISTS retired CASCADE";

/// How long the rebuild waits for the live follower to let it compare at one position.
const COMPARE_PATIENCE: Duration = Duration::from_secs(30);

impl<P> Rebuild<P>
where
    P: Projector<Connection = PgConnection>,
{
    pub(super) async fn swap<C, F>(&self, place: &mut Place, compare: &mut Option<C>) -> Result<(), RebuildError>
    where
        C: FnOnce() -> F + Send,
        F: Future<Output = Result<(), String>> + Send,
    {
        let patience = Instant::now();
        loop {
            // Most of the way without the lock.
            let mut connection = self.follower.pool.acquire().await?;
            let standing = live(&mut connection, "").await?;
            drop(connection);
            self.catch_up(place, standing.unwrap_or_default().number).await?;
            let mut transaction = self.follower.pool.begin().await?;
            let standing = live(&mut transaction, "FOR UPDATE").await?;
            // Nobody moves the live checkpoint now; few blocks are missing, if any.
            if let Some(standing) = standing {
                self.catch_up(place, standing.number).await?;
                let ours = *place.window.last();
                let behind = ours.number < standing.number;
                // Blocks that have nothing for the log make no difference.
                if behind || compare.is_some() && ours.head.position != standing.position {
                    transaction.rollback().await?;
                    if behind && patience.elapsed() > NODE_PATIENCE {
                        let stands = Distrust::WentBack {
                            node: ours.number,
                            applied: standing.number,
                        };
                        return Err(FollowerError::from(stands).into());
                    }
                    if patience.elapsed() > COMPARE_PATIENCE {
                        return Err(RebuildError::NotComparable);
                    }
                    tokio::time::sleep(FIRST_PAUSE).await;
                    continue;
                }
                if let Some(compare) = compare.take() {
                    compare().await.map_err(RebuildError::Mismatch)?;
                }
            }
            transaction.execute(SWAP).await?;
            transaction.execute(PURGE_AGAIN).await?;
            transaction.commit().await?;
            break;
        }
        // Not in the same transaction: it waits for those who still read the old tables.
        Ok(self.follower.pool.execute(DROP_RETIRED).await.map(drop)?)
    }
}

/// Where the live read models stand.
#[derive(Clone, Copy, Default)]
struct Live {
    number: u64,
    position: u64,
}

/// The live checkpoint, which `FOR UPDATE` locks; `None` when nothing is live yet.
async fn live(connection: &mut PgConnection, lock: &str) -> Result<Option<Live>, sqlx::Error> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass($1 || '.checkpoint') IS NOT NULL")
        .bind(LIVE)
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        return Ok(None);
    }
    let sql = format!("SELECT block_number, position FROM {LIVE}.checkpoint {lock}");
    let found: Option<(i64, i64)> = sqlx::query_as(&sql).fetch_optional(connection).await?;
    Ok(found.map(|(number, position)| Live {
        number: from_sql(number),
        position: from_sql(position),
    }))
}
