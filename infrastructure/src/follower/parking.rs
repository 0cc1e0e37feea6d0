//! Another try at what is parked: after a newer program, or a key, has come.

use std::collections::HashSet;

use application::log::{BlockRef, OpenedEvent, Position, StreamId};
use application::projector::Projector;
use sqlx::{PgConnection, PgExecutor, PgPool, Row};

use super::checkpoint::{self, from_sql, to_sql};
use super::shape::Shape;
use super::status::{FollowerStatus, StatusCell};
use super::{FollowerError, apply};
use crate::log::AppendedEntry;
use crate::sealing::{Opener, Opening};

/// What another try came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Retried {
    /// The positions of the events that were read now, and are in the read models.
    pub released: Vec<Position>,
    /// How many are still parked.
    pub parked: u64,
}

/// What is parked for one follower.
#[derive(Clone)]
pub struct Parking<P> {
    pub(super) pool: PgPool,
    pub(super) opener: Opener,
    pub(super) projector: P,
    pub(super) shape: Shape,
    pub(super) status: StatusCell,
}

impl<P> Parking<P>
where
    P: Projector<Connection = PgConnection>,
{
    /// Tries to read the parked events again, each stream from its first one on, as far as it can be read. All or nothing; the
    /// follower may run meanwhile.
    ///
    /// An event that the follower parks behind another at this very moment stays parked until the next try.
    ///
    /// # Errors
    /// When the database or the key ring does not answer.
    pub async fn retry(&self) -> Result<Retried, FollowerError> {
        let retried = retry(&self.pool, &self.opener, &self.projector, &self.shape).await?;
        let held = Held::load(&self.pool).await?;
        self.status.update(|status| held.show(status));
        Ok(retried)
    }
}

/// The streams that are held back, and how many events of theirs are parked.
#[derive(Clone, Default)]
pub(super) struct Held {
    pub(super) streams: HashSet<StreamId>,
    pub(super) events: u64,
}

impl Held {
    pub(super) async fn load(executor: impl PgExecutor<'_>) -> Result<Self, sqlx::Error> {
        let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as("SELECT stream, count(*) FROM parked GROUP BY stream")
            .fetch_all(executor)
            .await?;
        let mut held = Self::default();
        for (stream, events) in rows {
            held.events = held.events.saturating_add(from_sql(events));
            held.streams.extend(stream.try_into().ok().map(StreamId));
        }
        Ok(held)
    }

    pub(super) fn show(&self, status: &mut FollowerStatus) {
        status.held_streams = self.streams.len() as u64;
        status.parked_events = self.events;
    }
}

async fn retry<P>(pool: &PgPool, opener: &Opener, projector: &P, shape: &Shape) -> Result<Retried, FollowerError>
where
    P: Projector<Connection = PgConnection>,
{
    let mut transaction = apply::begin(pool).await?;
    let (number, hash, _) = checkpoint::lock(&mut transaction, shape).await?;
    let entries = parked_entries(&mut transaction).await?;
    let keys = opener.keys_for(&entries).await?;

    let mut held: HashSet<StreamId> = HashSet::new();
    let (mut released, mut commands) = (Vec::new(), Vec::new());
    let mut events: Vec<OpenedEvent> = Vec::new();
    for entry in entries.iter() {
        if held.contains(&entry.stream) {
            continue;
        }
        match opener.open(entry, &keys) {
            Opening::Unreadable(_) => {
                held.insert(entry.stream);
                continue;
            }
            Opening::Foreign => commands.push(None),
            Opening::Opened { event, .. } => {
                commands.push(Some(event.metadata.command_id.uuid()));
                events.push(event);
            }
        }
        released.push(entry.position);
    }
    let positions: Vec<i64> = released.iter().copied().map(to_sql).collect();
    let retried = Retried {
        parked: entries.len().saturating_sub(released.len()) as u64,
        released,
    };
    if retried.released.is_empty() {
        return Ok(retried);
    }

    // It happens now, on top of the newest block: when that block is undone, so is this.
    let block = BlockRef {
        number,
        hash,
        parent_hash: [0; 32],
        timestamp: 0,
    };
    if checkpoint::is_undoable(&mut transaction).await? {
        apply::set_undo_block(&mut transaction, &number.to_string()).await?;
    }
    apply::apply_events(&mut transaction, projector, &block, &events).await?;
    sqlx::query("DELETE FROM parked WHERE position = ANY ($1)")
        .bind(&positions)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "UPDATE journal SET command_id = read.command_id
         FROM UNNEST($1::bigint[], $2::uuid[]) AS read (position, command_id) WHERE journal.position = read.position",
    )
    .bind(&positions)
    .bind(commands)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    tracing::info!(
        released = retried.released.len(),
        parked = retried.parked,
        "parked events were tried again"
    );
    Ok(retried)
}

async fn parked_entries(connection: &mut PgConnection) -> Result<Vec<AppendedEntry>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT position, journal.stream, version, transaction, payload FROM parked JOIN journal USING (position)
         ORDER BY position",
    );
    let fixed = |bytes: Vec<u8>| {
        let bytes: Result<[u8; 32], _> = bytes.try_into();
        bytes.map_err(|_| sqlx::Error::Decode("a hash of another length".into()))
    };
    let rows = rows.fetch_all(connection).await?;
    let entry = |row: &sqlx::postgres::PgRow| {
        Ok(AppendedEntry {
            position: from_sql(row.try_get(0)?),
            stream: StreamId(fixed(row.try_get(1)?)?),
            version: from_sql(row.try_get(2)?),
            transaction: fixed(row.try_get(3)?)?,
            payload: row.try_get::<Vec<u8>, _>(4)?.into(),
        })
    };
    rows.iter().map(entry).collect()
}
