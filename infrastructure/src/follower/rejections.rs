//! What a node says about rejected commits, held against the journal and the outbox.
//!
//! The running hash is over what was appended; a rejection leaves no trace in it. Rejections are rare, so what is known is looked up
//! only for blocks that have any.

use std::collections::HashMap;

use application::log::{Position, StreamId};
use sqlx::{PgPool, Row};

use super::FollowerError;
use super::numbers::{from_sql, to_sql};
use super::trust::{self, CheckedBlock};
use crate::chain::codec::{batch_of_calldata, decode_batch};
use crate::chain::{Hash, Transaction};
use crate::log::{StreamHead, StreamPart};
use crate::postgres::{ANSWER, within};

/// Checks the rejections of blocks that continue the log after the position `before`.
pub(super) async fn check(pool: &PgPool, before: Position, blocks: &[CheckedBlock]) -> Result<(), FollowerError> {
    let rejected = || blocks.iter().flat_map(|block| &block.log.rejected);
    if rejected().next().is_none() {
        return Ok(());
    }
    let streams: Vec<StreamId> = rejected().map(|rejection| rejection.stream).collect();
    let transactions: Vec<Hash> = rejected().map(|rejection| rejection.transaction).collect();
    let heads = within(ANSWER, heads(pool, &streams, before)).await?;
    let ours = within(ANSWER, batches(pool, &transactions)).await?;
    Ok(trust::check_rejections(blocks, heads, &ours)?)
}

/// Where streams stood after a position, by the journal.
async fn heads(
    pool: &PgPool,
    streams: &[StreamId],
    after: Position,
) -> Result<HashMap<StreamId, StreamHead>, sqlx::Error> {
    let names: Vec<&[u8]> = streams.iter().map(|stream| stream.0.as_slice()).collect();
    let rows = sqlx::query(
        "SELECT named.stream, last.version, last.tag FROM (SELECT DISTINCT UNNEST($1::bytea[]) AS stream) AS named
         CROSS JOIN LATERAL (SELECT version, tag FROM journal WHERE journal.stream = named.stream AND position <= $2
                             ORDER BY version DESC LIMIT 1) AS last",
    );
    let rows = rows.bind(names).bind(to_sql(after)).fetch_all(pool).await?;
    let mut heads: HashMap<_, _> = streams.iter().map(|stream| (*stream, StreamHead::default())).collect();
    for row in rows {
        let (version, tag) = (from_sql(row.try_get(1)?), row.try_get(2)?);
        heads.insert(StreamId(row.try_get(0)?), StreamHead { version, tag });
    }
    Ok(heads)
}

/// The commits of those transactions that the outbox holds, whichever server sent them.
async fn batches(pool: &PgPool, transactions: &[Hash]) -> Result<HashMap<Hash, Vec<Vec<StreamPart>>>, sqlx::Error> {
    let hashes: Vec<&[u8]> = transactions.iter().map(Hash::as_slice).collect();
    let rows: Vec<(Hash, Vec<u8>)> = sqlx::query_as("SELECT hash, raw FROM outbox_transactions WHERE hash = ANY ($1)")
        .bind(hashes)
        .fetch_all(pool)
        .await?;
    let batch = |(hash, raw): (Hash, Vec<u8>)| {
        let (transaction, _) = Transaction::decode(&raw).ok()?;
        let commits = batch_of_calldata(&transaction.data).and_then(decode_batch);
        Some((hash, commits.unwrap_or_default()))
    };
    Ok(rows.into_iter().filter_map(batch).collect())
}
