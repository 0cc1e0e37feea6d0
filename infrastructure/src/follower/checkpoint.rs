//! Where the follower stands, in the database.

use application::ports::projector::Projector;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, PgPool, Row};

use super::FollowerError;
use super::journal::Rows;
use super::kind::Kind;
use super::made_of::MadeOf;
use super::numbers::{from_sql, to_sql};
use super::window::{AppliedBlock, Unread, Window};
use super::{schema_hash, tables};
use crate::log::{LogHead, LogLocation, Namespace};

/// How many blocks the database remembers even when they are final, so that a node can be compared with them.
const REMEMBERED: u64 = 128;

/// What is final.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FinalPoint {
    pub(super) block: u64,
    pub(super) position: u64,
}

impl FinalPoint {
    /// This block is the newest one that is final.
    pub(super) const fn at(block: &AppliedBlock) -> Self {
        Self {
            block: block.number,
            position: block.head.position,
        }
    }
}

/// Everything that the follower needs to go on.
pub(super) struct Checkpoint {
    pub(super) followed: Followed,
    pub(super) window: Window,
    pub(super) finalized: FinalPoint,
}

fn block(row: &PgRow) -> Result<AppliedBlock, sqlx::Error> {
    Ok(AppliedBlock {
        number: from_sql(row.try_get("number")?),
        hash: row.try_get("hash")?,
        head: LogHead {
            position: from_sql(row.try_get("position")?),
            running_hash: row.try_get("running_hash")?,
        },
        unread: Unread {
            foreign: from_sql(row.try_get("foreign_events")?),
            void: from_sql(row.try_get("void_events")?),
            unreadable: from_sql(row.try_get("unreadable_events")?),
            overruled: from_sql(row.try_get("overruled_events")?),
        },
    })
}

/// What a database follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Followed {
    /// The log, and the namespace in it.
    pub location: LogLocation,
    /// What the read models are made of.
    pub made_of: MadeOf,
}

/// What the database follows; `None` if nothing yet.
///
/// # Errors
/// When the database refuses.
pub async fn followed(executor: impl PgExecutor<'_>) -> Result<Option<Followed>, sqlx::Error> {
    let row = sqlx::query("SELECT chain_id, contract, namespace, made_of FROM checkpoint")
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(read_followed).transpose()
}

/// Whether the read models, if there are any, are those of this program, and made of this.
///
/// # Errors
/// When the database refuses.
pub async fn is_current_and_made_of<P: Projector>(
    pool: &PgPool,
    projector: &P,
    made_of: &MadeOf,
) -> Result<bool, FollowerError> {
    if !schema_hash::is_current(pool, projector).await? {
        return Ok(false);
    }
    let mut connection = pool.acquire().await?;
    if !tables::exists(&mut connection).await? {
        return Ok(true);
    }
    let followed = followed(&mut *connection).await?;
    Ok(followed.is_none_or(|followed| followed.made_of == *made_of))
}

/// Which log the live read models are of, also those of another version of the program; `None` if there are none.
///
/// # Errors
/// When the database refuses.
pub async fn followed_log(pool: &PgPool) -> Result<Option<LogLocation>, sqlx::Error> {
    let exists = sqlx::query_scalar("SELECT to_regclass('live.checkpoint') IS NOT NULL");
    if !exists.fetch_one(pool).await? {
        return Ok(None);
    }
    let row = sqlx::query("SELECT chain_id, contract, namespace FROM live.checkpoint")
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(read_location).transpose()
}

fn read_followed(row: &PgRow) -> Result<Followed, sqlx::Error> {
    Ok(Followed {
        location: read_location(row)?,
        made_of: MadeOf(row.try_get("made_of")?),
    })
}

fn read_location(row: &PgRow) -> Result<LogLocation, sqlx::Error> {
    let namespace = from_sql(row.try_get("namespace")?);
    Ok(LogLocation {
        chain_id: from_sql(row.try_get("chain_id")?),
        contract: row.try_get("contract")?,
        namespace: Namespace(u32::try_from(namespace).unwrap_or_default()),
    })
}

/// Reads the checkpoint; `None` in a new schema.
pub(super) async fn load(connection: &mut PgConnection) -> Result<Option<Checkpoint>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT chain_id, contract, namespace, made_of, block_number AS number, block_hash AS hash, position, running_hash,
                foreign_events, void_events, unreadable_events, overruled_events, final_block, final_position
         FROM checkpoint",
    );
    let Some(row) = row.fetch_optional(&mut *connection).await? else {
        return Ok(None);
    };
    let last = block(&row)?;
    let blocks =
        "SELECT number, hash, position, running_hash, foreign_events, void_events, unreadable_events, overruled_events
                  FROM blocks ORDER BY number";
    let blocks = sqlx::query(blocks).fetch_all(connection).await?;
    let blocks = blocks.iter().map(block).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Checkpoint {
        followed: read_followed(&row)?,
        window: Window::from_blocks(blocks).unwrap_or_else(|| Window::starting_at(last)),
        finalized: FinalPoint {
            block: from_sql(row.try_get("final_block")?),
            position: from_sql(row.try_get("final_position")?),
        },
    }))
}

/// Writes the first checkpoint: the block before the contract's.
pub(super) async fn initialise(
    connection: &mut PgConnection,
    followed: &Followed,
    start: &AppliedBlock,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH first AS (
             INSERT INTO checkpoint (chain_id, contract, namespace, made_of, block_number, block_hash, position, running_hash,
                                     final_block, final_position, foreign_events, void_events, unreadable_events, overruled_events)
             VALUES ($1, $2, $3, $7, $4, $5, 0, $6, $4, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING
             RETURNING block_number, block_hash, position, running_hash, foreign_events, void_events, unreadable_events, overruled_events)
         INSERT INTO blocks (number, hash, position, running_hash, foreign_events, void_events, unreadable_events, overruled_events)
         SELECT * FROM first",
    )
    .bind(to_sql(followed.location.chain_id))
    .bind(followed.location.contract.as_slice())
    .bind(to_sql(followed.location.namespace.0.into()))
    .bind(to_sql(start.number))
    .bind(start.hash.as_slice())
    .bind(start.head.running_hash.as_slice())
    .bind(&followed.made_of.0)
    .execute(connection)
    .await
    .map(drop)
}

/// Locks the checkpoint for the rest of the transaction and answers with its block and position.
///
/// A rebuild may have put another schema here since the last time: nobody writes into one of another kind than theirs.
pub(super) async fn lock(connection: &mut PgConnection, kind: &Kind) -> Result<(u64, [u8; 32], u64), FollowerError> {
    let sql = "SELECT block_number, block_hash, position, (SELECT hash FROM shape), made_of FROM checkpoint FOR UPDATE";
    let row = sqlx::query(sql).fetch_one(connection).await?;
    let shape: Option<Vec<u8>> = row.try_get(3)?;
    kind.expect(&shape.unwrap_or_default(), &MadeOf(row.try_get(4)?))?;
    Ok((from_sql(row.try_get(0)?), row.try_get(1)?, from_sql(row.try_get(2)?)))
}

/// Whether the newest block can still be undone.
pub(super) async fn is_undoable(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT block_number > final_block FROM checkpoint")
        .fetch_one(connection)
        .await
}

/// Whether a block is among those applied. Of blocks that are no longer remembered it is believed: they are final.
pub(super) async fn remembers(connection: &mut PgConnection, block: &AppliedBlock) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT COALESCE((SELECT hash = $2 FROM blocks WHERE number = $1), true)")
        .bind(to_sql(block.number))
        .bind(block.hash.as_slice())
        .fetch_one(connection)
        .await
}

/// Where the checkpoint must be, and in a schema of which kind, for it to move.
pub(super) struct Before<'a> {
    pub(super) block: &'a AppliedBlock,
    pub(super) kind: &'a Kind,
}

/// Puts the checkpoint, which is locked, at a block, and appends nothing.
pub(super) async fn place(
    connection: &mut PgConnection,
    at: &AppliedBlock,
    finalized: FinalPoint,
) -> Result<(), sqlx::Error> {
    let moved = advance(connection, None, std::slice::from_ref(at), finalized, Rows::default());
    moved.await.map(drop)
}

/// Moves the checkpoint to the last of these blocks, remembers them all, forgets those that are not needed any more with the former images of what is final, and appends
/// entries to the journal; all of it only if the checkpoint is where it must be, or else locked. Answers, if it was, whether anything is parked before. In one round
/// trip: every command waits for it.
pub(super) async fn advance(
    connection: &mut PgConnection,
    before: Option<Before<'_>>,
    blocks: &[AppliedBlock],
    finalized: FinalPoint,
    entries: Rows<'_>,
) -> Result<Option<bool>, sqlx::Error> {
    let Some(to) = blocks.last() else { return Ok(None) };
    let oldest = oldest_needed(to.number, finalized.block);
    let (mut numbers, mut hashes, mut positions, mut running) = (vec![], vec![], vec![], vec![]);
    let (mut foreign, mut void, mut unreadable, mut overruled) = (vec![], vec![], vec![], vec![]);
    for block in blocks.iter().filter(|block| block.number >= oldest) {
        numbers.push(to_sql(block.number));
        hashes.push(block.hash.as_slice());
        positions.push(to_sql(block.head.position));
        running.push(block.head.running_hash.as_slice());
        foreign.push(to_sql(block.unread.foreign));
        void.push(to_sql(block.unread.void));
        unreadable.push(to_sql(block.unread.unreadable));
        overruled.push(to_sql(block.unread.overruled));
    }
    let query = sqlx::query_scalar(
        "WITH moved AS (
             UPDATE checkpoint SET final_block = $9, final_position = $10, block_number = $11, block_hash = $12, position = $13,
                 running_hash = $14, foreign_events = $15, void_events = $16, unreadable_events = $17,
                 overruled_events = $39
             WHERE $18::bigint IS NULL
                OR (block_number = $18 AND block_hash = $19 AND (SELECT hash FROM shape) = $20 AND made_of = $37
                    AND (foreign_events, void_events, unreadable_events, overruled_events) = ($40, $41, $42, $43))
             RETURNING 1),
         forgotten AS (DELETE FROM blocks USING moved WHERE number < $8),
         -- With what is final go its former images: somebody may be in them who is erased.
         undoable AS (DELETE FROM undo_log USING moved WHERE block <= $9),
         remembered AS (
             INSERT INTO blocks (number, hash, position, running_hash, foreign_events, void_events, unreadable_events, overruled_events)
             SELECT new.* FROM moved, UNNEST($1::bigint[], $2::bytea[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bigint[],
                 $7::bigint[], $38::bigint[]) AS new
             ON CONFLICT (number) DO UPDATE SET hash = excluded.hash, position = excluded.position,
                 running_hash = excluded.running_hash, foreign_events = excluded.foreign_events,
                 void_events = excluded.void_events, unreadable_events = excluded.unreadable_events,
                 overruled_events = excluded.overruled_events),
         journaled AS (
             INSERT INTO journal (position, stream, version, hash, before, block_number, transaction, origin, aggregate_id,
                                  command_id, claimed_at, void, payload)
             SELECT new.* FROM moved, UNNEST($21::bigint[], $22::bytea[], $23::bigint[], $24::bytea[], $25::bytea[],
                 $26::bigint[], $27::bytea[], $28::bigint[], $29::text[], $30::uuid[], $31::timestamptz[], $32::text[],
                 $33::bytea[]) AS new),
         timed AS (
             INSERT INTO block_times (block, time, position)
             SELECT new.* FROM moved, UNNEST($34::bigint[], $35::timestamptz[], $36::bigint[]) AS new)
         SELECT EXISTS (SELECT FROM parked) FROM moved",
    );
    let query = query
        .bind(numbers)
        .bind(hashes)
        .bind(positions)
        .bind(running)
        .bind(foreign)
        .bind(void)
        .bind(unreadable)
        .bind(to_sql(oldest))
        .bind(to_sql(finalized.block))
        .bind(to_sql(finalized.position))
        .bind(to_sql(to.number))
        .bind(to.hash.as_slice())
        .bind(to_sql(to.head.position))
        .bind(to.head.running_hash.as_slice())
        .bind(to_sql(to.unread.foreign))
        .bind(to_sql(to.unread.void))
        .bind(to_sql(to.unread.unreadable))
        .bind(before.as_ref().map(|before| to_sql(before.block.number)))
        .bind(before.as_ref().map(|before| before.block.hash))
        .bind(before.as_ref().map(|before| *before.kind.shape.bytes()));
    let made_of = before.as_ref().map(|before| before.kind.made_of.0.as_str());
    let query = entries.bind(query).bind(made_of);
    let query = query.bind(overruled).bind(to_sql(to.unread.overruled));
    // Another program may have counted otherwise, and put its schema here.
    let counted = before.as_ref().map(|before| before.block.unread);
    let query = query
        .bind(counted.map(|counted| to_sql(counted.foreign)))
        .bind(counted.map(|counted| to_sql(counted.void)))
        .bind(counted.map(|counted| to_sql(counted.unreadable)))
        .bind(counted.map(|counted| to_sql(counted.overruled)));
    query.fetch_optional(connection).await
}

/// The oldest block that must be remembered.
pub(super) fn oldest_needed(last: u64, finalized: u64) -> u64 {
    finalized.min(last.saturating_sub(REMEMBERED))
}
