//! What a node says about rejected commits, held against the journal and the outbox.
//!
//! The running hash is over what was appended; a rejection leaves no trace in it. Rejections are rare, so what is known is looked up
//! only for blocks that have any.

use std::collections::{HashMap, HashSet};

use application::log::{Position, StreamId};
use sqlx::{PgPool, Row};

use super::FollowerError;
use super::numbers::{from_sql, to_sql};
use super::trust::{self, CheckedBlock, Known, Sent};
use super::writers::Writers;
use crate::chain::codec::{batch_of_calldata, decode_batch};
use crate::chain::{Address, Hash, Transaction};
use crate::log::{Namespace, StreamHead, StreamTip};
use crate::postgres::{ANSWER, within};

/// Checks the rejections of blocks that continue the log, of this contract, after the position `before`.
pub(super) async fn check(
    pool: &PgPool,
    contract: Address,
    before: Position,
    blocks: &[CheckedBlock],
) -> Result<(), FollowerError> {
    let rejected = || blocks.iter().flat_map(|block| &block.log.rejected);
    if rejected().next().is_none() {
        return Ok(());
    }
    let transactions: HashSet<Hash> = rejected().map(|rejection| rejection.transaction).collect();
    let ours = within(ANSWER, sent(pool, contract, &transactions)).await?;
    // What becomes of others' commits is not looked at: anybody may have as many rejected as they pay for.
    let own = rejected().filter(|rejection| ours.contains_key(&rejection.transaction));
    let streams: Vec<StreamId> = own.map(|rejection| rejection.stream).collect();
    if streams.is_empty() {
        return Ok(());
    }
    let known = Known {
        heads: within(ANSWER, heads(pool, &streams, before)).await?,
        writers: within(ANSWER, writers(pool, &streams, before)).await?,
        ours,
    };
    Ok(trust::check_rejections(blocks, known)?)
}

/// Who wrote in the namespaces of streams after a position, by the journal. A namespace may not be shared any more in which something was on its way.
async fn writers(pool: &PgPool, streams: &[StreamId], after: Position) -> Result<Writers, sqlx::Error> {
    let namespaces: HashSet<Namespace> = streams.iter().map(Namespace::of).collect();
    let streams: Vec<_> = namespaces
        .iter()
        .map(|namespace| Namespace::about(*namespace).0.to_vec())
        .collect();
    let acts = "SELECT stream, payload FROM journal WHERE stream = ANY ($1) AND position <= $2 ORDER BY position";
    let acts: Vec<([u8; 32], Vec<u8>)> = sqlx::query_as(acts)
        .bind(streams)
        .bind(to_sql(after))
        .fetch_all(pool)
        .await?;
    let mut writers = Writers::none(namespaces);
    acts.iter()
        .for_each(|(stream, act)| writers.take_in(&StreamId(*stream), act));
    Ok(writers)
}

/// Where streams stood after a position, by the journal.
async fn heads(
    pool: &PgPool,
    streams: &[StreamId],
    after: Position,
) -> Result<HashMap<StreamId, StreamHead>, sqlx::Error> {
    let names: Vec<&[u8]> = streams.iter().map(|stream| stream.0.as_slice()).collect();
    let rows = sqlx::query(
        "SELECT named.stream, last.version, last.hash FROM (SELECT DISTINCT UNNEST($1::bytea[]) AS stream) AS named
         CROSS JOIN LATERAL (SELECT version, hash FROM journal WHERE journal.stream = named.stream AND position <= $2
                             ORDER BY version DESC LIMIT 1) AS last",
    );
    let rows = rows.bind(names).bind(to_sql(after)).fetch_all(pool).await?;
    let mut heads: HashMap<_, _> = streams.iter().map(|stream| (*stream, StreamHead::default())).collect();
    for row in rows {
        let (version, hash) = (from_sql(row.try_get(1)?), row.try_get(2)?);
        heads.insert(StreamId(row.try_get(0)?), StreamTip { version, hash }.head());
    }
    Ok(heads)
}

/// The commits of those transactions that the outbox holds, whichever server sent them. Whatever a call of another contract has rejected is that contract's.
async fn sent(
    pool: &PgPool,
    contract: Address,
    transactions: &HashSet<Hash>,
) -> Result<HashMap<Hash, Sent>, sqlx::Error> {
    let hashes: Vec<&[u8]> = transactions.iter().map(Hash::as_slice).collect();
    let rows: Vec<(Hash, Vec<u8>)> = sqlx::query_as("SELECT hash, raw FROM outbox_transactions WHERE hash = ANY ($1)")
        .bind(hashes)
        .fetch_all(pool)
        .await?;
    let batch = |(hash, raw): (Hash, Vec<u8>)| {
        let (transaction, sender) = Transaction::decode(&raw).ok()?;
        let batch = batch_of_calldata(&transaction.data).filter(|_| transaction.to == Some(contract))?;
        let commits = decode_batch(batch)?;
        Some((hash, Sent { sender, commits }))
    };
    Ok(rows.into_iter().filter_map(batch).collect())
}
