//! Where a command has left a trace: journal, outbox, or among what the contract refused.
//!
//! A command's event in the journal does not show by itself that its commit went in: whoever may append can copy one part of it out of a
//! node's pool and append that. Then the contract rejects the commit, for one of its streams has moved. As long as the outbox holds
//! the commit it says which parts there must be.

use application::log::StreamId;
use application::ports::registry::Trace;
use domain::kernel::CommandId;
use sqlx::Row as _;

use crate::chain::Transaction;
use crate::chain::codec::{batch_of_calldata, decode_batch};
use crate::log::{StreamHead, StreamPart};
use crate::postgres::Answering;

/// Where a command has left a trace.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn trace(pool: &Answering, command: CommandId) -> Result<Trace, sqlx::Error> {
    // In one snapshot: a commit leaves the outbox only after it is in the journal or among those refused. `OFFSET 0`: the greatest
    // position is sought among the command's own, not the command from the greatest position down.
    let sql = "SELECT (SELECT max(position) FROM
                       (SELECT position FROM journal WHERE command_id = $1 OFFSET 0) AS own),
                      (SELECT batch_index FROM outbox_commits WHERE command_id = $1),
                      (SELECT raw FROM outbox_transactions AS sent JOIN outbox_commits AS own USING (signer, nonce)
                       WHERE own.command_id = $1 AND NOT sent.replacement
                         AND EXISTS (SELECT FROM journal WHERE command_id = $1 OFFSET 0)),
                      EXISTS (SELECT FROM refused_commits WHERE command_id = $1)";
    let row = sqlx::query(sql).bind(command.uuid()).fetch_one(pool).await?;
    let (position, place): (Option<i64>, Option<i32>) = (row.try_get(0)?, row.try_get(1)?);
    let (raw, refused): (Option<Vec<u8>>, bool) = (row.try_get(2)?, row.try_get(3)?);
    let commit = place.zip(raw).and_then(|(place, raw)| commit(&raw, place));
    Ok(match (position, place) {
        (Some(_), None) if refused => Trace::Refused,
        (Some(position), Some(_)) => match commit {
            Some(parts) if found(pool, &heads(&parts)).await? != Found::Whole => Trace::Outbox,
            _ => journaled(position),
        },
        (Some(position), None) => journaled(position),
        (None, Some(_)) => Trace::Outbox,
        (None, None) if refused => Trace::Refused,
        (None, None) => Trace::None,
    })
}

const fn journaled(position: i64) -> Trace {
    Trace::Journaled {
        position: position.unsigned_abs(),
    }
}

/// The commit at a place in the batch of a signed transaction.
fn commit(raw: &[u8], place: i32) -> Option<Vec<StreamPart>> {
    let (transaction, _) = Transaction::decode(raw).ok()?;
    let commits = decode_batch(batch_of_calldata(&transaction.data)?)?;
    commits.into_iter().nth(usize::try_from(place).ok()?)
}

/// Where a commit leaves its streams.
fn heads(parts: &[StreamPart]) -> Vec<(StreamId, StreamHead)> {
    let after = |part: &StreamPart| {
        let payloads = part.payloads.iter();
        payloads.fold(part.expected, |head, payload| head.after(payload))
    };
    parts.iter().map(|part| (part.stream, after(part))).collect()
}

/// How much of a commit is in the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A part: somebody who may write has copied it and appended it alone.
    Part,
    /// All of it.
    Whole,
}

impl Found {
    /// Of so many parts, so many are there.
    pub(crate) const fn of(parts: usize, there: usize) -> Self {
        match there {
            0 => Self::Nothing,
            _ if there < parts => Self::Part,
            _ => Self::Whole,
        }
    }
}

/// How much of a commit that was rejected is in the journal, which has the block that rejected it.
///
/// If it is a part, the command can be neither completed nor taken back: it is noted as one that the contract refused.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn found_of(
    pool: &Answering,
    command: CommandId,
    heads: &[(StreamId, StreamHead)],
) -> Result<Found, sqlx::Error> {
    let found = found(pool, heads).await?;
    if found == Found::Part {
        sqlx::query("INSERT INTO refused_commits (command_id) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(command.uuid())
            .execute(pool)
            .await?;
    }
    Ok(found)
}

/// How many of these streams have stood where it says.
async fn found(pool: &Answering, heads: &[(StreamId, StreamHead)]) -> Result<Found, sqlx::Error> {
    let streams: Vec<&[u8]> = heads.iter().map(|(stream, _)| stream.0.as_slice()).collect();
    let versions: Vec<i64> = heads.iter().map(|(_, head)| head.version.cast_signed()).collect();
    let tags: Vec<&[u8]> = heads.iter().map(|(_, head)| head.tag.as_slice()).collect();
    // One look into an index for each, whatever the planner expects of the whole.
    let sql = "SELECT count(*) FILTER (WHERE EXISTS (SELECT FROM journal
                   WHERE stream = wanted.stream AND version = wanted.version AND tag = wanted.tag OFFSET 0))
               FROM UNNEST($1::bytea[], $2::bigint[], $3::bytea[]) AS wanted (stream, version, tag)";
    let there: i64 = sqlx::query_scalar(sql)
        .bind(streams)
        .bind(versions)
        .bind(tags)
        .fetch_one(pool)
        .await?;
    Ok(Found::of(heads.len(), usize::try_from(there).unwrap_or_default()))
}
