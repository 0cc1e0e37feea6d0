//! Journal rows, set-based.

use std::collections::{BTreeMap, HashSet};

use application::log::{AnyEvent, LogEntry, Position, StreamId};
use chrono::{DateTime, Utc};
use domain::kernel::SubjectId;
use sqlx::PgConnection;

use super::block_times::{Asked, BlockTimes};
use super::held::{BEHIND, Parked};
use super::numbers::to_sql;
use super::opening::{JournalRow, OpenedBlock};
use crate::log::{LogBlock, Need};

/// Parks the entries of blocks that are to be parked.
pub(super) async fn park(connection: &mut PgConnection, blocks: &[OpenedBlock]) -> Result<(), sqlx::Error> {
    for parked in blocks.iter().flat_map(|block| &block.parked) {
        let (key_id, subject) = match parked.waits_for {
            Some(Need::Key(key_id)) => (Some(key_id), None),
            Some(Need::KeyOf(subject)) => (None, Some(subject)),
            Some(Need::Nothing | Need::Public | Need::Foreign | Need::Others) | None => (None, None),
        };
        sqlx::query("INSERT INTO parked (position, stream, reason, key_id, subject) VALUES ($1, $2, $3, $4, $5)")
            .bind(to_sql(parked.position))
            .bind(parked.stream.0.as_slice())
            .bind(&parked.reason)
            .bind(key_id.as_ref().map(<[u8; 8]>::as_slice))
            .bind(subject.map(SubjectId::uuid))
            .execute(&mut *connection)
            .await?;
        tracing::error!(position = parked.position, stream = ?parked.stream, reason = parked.reason, "event parked");
    }
    Ok(())
}

/// Whether each event that these blocks park behind an earlier one of its stream has one before it. Another try may have released that since
/// it was looked: then nobody would ever try the event again.
pub(super) async fn have_one_before(
    connection: &mut PgConnection,
    blocks: &[OpenedBlock],
) -> Result<bool, sqlx::Error> {
    let mut first: BTreeMap<StreamId, &Parked> = BTreeMap::new();
    for parked in blocks.iter().flat_map(|block| &block.parked) {
        first.entry(parked.stream).or_insert(parked);
    }
    let behind: Vec<&Parked> = first.into_values().filter(|parked| parked.reason == BEHIND).collect();
    if behind.is_empty() {
        return Ok(true);
    }
    let sql = "SELECT NOT EXISTS (SELECT FROM UNNEST($1::bytea[], $2::bigint[]) AS behind (stream, position)
               WHERE NOT EXISTS (SELECT FROM parked WHERE parked.stream = behind.stream AND parked.position < behind.position))";
    sqlx::query_scalar(sql)
        .bind(
            behind
                .iter()
                .map(|parked| parked.stream.0.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(behind.iter().map(|parked| to_sql(parked.position)).collect::<Vec<_>>())
        .fetch_one(connection)
        .await
}

/// Whether no event of blocks counts behind one that is parked, in its stream or record. What ends or closes one does count. To be asked where something is parked.
pub(super) async fn none_counts_behind(
    connection: &mut PgConnection,
    blocks: &[OpenedBlock],
) -> Result<bool, sqlx::Error> {
    let (mut streams, mut positions) = (Vec::new(), Vec::new());
    for block in blocks {
        let counted: HashSet<Position> = block.readable.iter().filter_map(counts_in_order).collect();
        for JournalRow { entry, .. } in block.entries().filter(|row| counted.contains(&row.entry.position)) {
            streams.push(entry.stream.0.as_slice());
            positions.push(to_sql(entry.position));
        }
    }
    let sql = "SELECT NOT EXISTS (SELECT FROM UNNEST($1::bytea[], $2::bigint[]) AS counted (stream, position)
               JOIN parked ON parked.stream = record_of(counted.stream) AND parked.position < counted.position)";
    sqlx::query_scalar(sql)
        .bind(streams)
        .bind(positions)
        .fetch_one(connection)
        .await
}

/// The position of an event that counts only behind all that stands before it.
fn counts_in_order(entry: &LogEntry) -> Option<Position> {
    let event = entry.event()?;
    let ends = matches!(event.event, AnyEvent::Erasure(..) | AnyEvent::Chapters(..));
    (!ends).then_some(event.position)
}

/// Corrects what the journal says of entries' blocks and transactions, where that is another one, and with it what is known of the calls that recorded them.
pub(super) async fn renumber(connection: &mut PgConnection, blocks: &[LogBlock]) -> Result<(), sqlx::Error> {
    let (mut positions, mut numbers, mut transactions) = (vec![], vec![], vec![]);
    for block in blocks {
        for entry in &block.appended {
            positions.push(to_sql(entry.position));
            numbers.push(to_sql(block.block.number));
            transactions.push(entry.transaction.as_slice());
        }
    }
    // By what the journal still says: a call is found by its block and its transaction.
    sqlx::query(
        "UPDATE calls SET block = read.block_number, transaction = read.transaction
         FROM UNNEST($1::bigint[], $2::bigint[], $3::bytea[]) AS read (position, block_number, transaction)
              JOIN journal ON journal.position = read.position
         WHERE (journal.block_number, journal.transaction) IS DISTINCT FROM (read.block_number, read.transaction)
           AND calls.succeeded AND calls.transaction = journal.transaction",
    )
    .bind(&positions)
    .bind(&numbers)
    .bind(&transactions)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE journal SET block_number = read.block_number, transaction = read.transaction
         FROM UNNEST($1::bigint[], $2::bigint[], $3::bytea[]) AS read (position, block_number, transaction)
         WHERE journal.position = read.position
           AND (journal.block_number, journal.transaction) IS DISTINCT FROM (read.block_number, read.transaction)",
    )
    .bind(positions)
    .bind(numbers)
    .bind(transactions)
    .execute(connection)
    .await
    .map(drop)
}

/// The columns of many rows, and the times of their blocks.
#[derive(Default)]
pub(super) struct Rows<'a> {
    positions: Vec<i64>,
    streams: Vec<&'a [u8]>,
    versions: Vec<i64>,
    hashes: Vec<&'a [u8]>,
    before: Vec<&'a [u8]>,
    blocks: Vec<i64>,
    transactions: Vec<&'a [u8]>,
    origins: Vec<i64>,
    ids: Vec<Option<String>>,
    commands: Vec<Option<uuid::Uuid>>,
    claimed: Vec<Option<DateTime<Utc>>>,
    void: Vec<Option<String>>,
    payloads: Vec<&'a [u8]>,
    times: BlockTimes,
}

impl<'a> Rows<'a> {
    /// The entries of blocks.
    pub(super) fn of(blocks: &'a [OpenedBlock]) -> Self {
        let mut rows = Self::default();
        blocks.iter().for_each(|block| rows.extend(block));
        rows.times = BlockTimes::of(blocks.iter().map(|block| &block.checked.log));
        rows
    }

    /// Binds the columns in their order in the table, and then those of the table of times.
    pub(super) fn bind<'q, O>(self, query: Asked<'q, O>) -> Asked<'q, O>
    where
        'a: 'q,
    {
        let query = query
            .bind(self.positions)
            .bind(self.streams)
            .bind(self.versions)
            .bind(self.hashes)
            .bind(self.before)
            .bind(self.blocks)
            .bind(self.transactions)
            .bind(self.origins)
            .bind(self.ids)
            .bind(self.commands)
            .bind(self.claimed)
            .bind(self.void)
            .bind(self.payloads);
        self.times.bind(query)
    }

    fn extend(&mut self, block: &'a OpenedBlock) {
        let number = to_sql(block.checked.log.block.number);
        for row in block.entries() {
            self.positions.push(to_sql(row.entry.position));
            self.streams.push(&row.entry.stream.0);
            self.versions.push(to_sql(row.entry.version));
            self.hashes.push(&row.tip.hash);
            self.before.push(row.before);
            self.blocks.push(number);
            self.transactions.push(&row.entry.transaction);
            self.origins.push(row.entry.origin.to_sql());
            self.ids.push(row.label.aggregate_id());
            self.commands.push(row.label.command());
            self.claimed.push(row.label.claimed_at);
            self.void.push(row.label.void_reason());
            self.payloads.push(&row.entry.payload);
        }
    }
}
