//! Reads a long range of the log: several ranges of blocks at the same time, each about as long as holds so many events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use backon::Retryable as _;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;

use super::pauses;
use crate::chain::{ChainError, EventLog};
use crate::follower::FollowerError;
use crate::log::LogBlock;

/// How many ranges of blocks are asked for at the same time.
const FETCHERS: usize = 2;
/// How many blocks the first range has; the next ones have as many as hold about [`EVENTS_PER_RANGE`].
const FIRST_RANGE: u64 = 8;
/// About how many events a range should have: enough to be worth a round trip, few enough to stay flat in memory.
const EVENTS_PER_RANGE: u64 = 3_000;
/// The longest range. Nodes refuse very long ones.
const LONGEST_RANGE: u64 = 2_000;
/// How many events are written in one transaction, at least: while they are written the next are opened, so that few of them are
/// waited for at the beginning and at the end.
const EVENTS_PER_WRITE: usize = 5_000;

/// What the fetchers bring: blocks with entries, in order. Of their headers they have what is asked for here: number, hash and time.
pub(super) type Fetched = Vec<LogBlock>;

/// Reads a range with several fetchers, and hands the blocks on in order, in batches.
pub(super) async fn fetch(
    log: EventLog,
    from: u64,
    target: u64,
    batches: mpsc::Sender<Result<Fetched, FollowerError>>,
) {
    let pace = Arc::new(AtomicU64::new(FIRST_RANGE));
    let ranges = {
        let pace = Arc::clone(&pace);
        stream::unfold(from, move |from| {
            let to = from
                .saturating_add(pace.load(Ordering::Relaxed).saturating_sub(1))
                .min(target);
            std::future::ready((from <= target).then(|| ((from, to), to.saturating_add(1))))
        })
    };
    let mut answers = ranges
        .map(|(from, to)| {
            // A task of its own, so that decoding one answer does not wait for another.
            let (log, pace) = (log.clone(), Arc::clone(&pace));
            tokio::spawn(async move {
                let blocks = fetch_range(&log, from, to).await?;
                let events: u64 = blocks.iter().map(|block| block.appended.len() as u64).sum();
                let length = to.saturating_sub(from).saturating_add(1);
                pace.store(next_length(length, events), Ordering::Relaxed);
                Ok::<_, ChainError>(blocks)
            })
        })
        .buffered(FETCHERS)
        .map_err(|_| ChainError::Inconsistent("a fetcher stopped unexpectedly"));
    let (mut batch, mut events) = (Fetched::new(), 0_usize);
    while let Some(answer) = answers.next().await {
        match answer.and_then(|blocks| blocks) {
            Ok(blocks) => {
                events += blocks.iter().map(|block| block.appended.len()).sum::<usize>();
                batch.extend(blocks);
            }
            Err(error) => {
                let _ = batches.send(Err(error.into())).await;
                return;
            }
        }
        if events >= EVENTS_PER_WRITE {
            events = 0;
            if batches.send(Ok(std::mem::take(&mut batch))).await.is_err() {
                return;
            }
        }
    }
    if !batch.is_empty() {
        let _ = batches.send(Ok(batch)).await;
    }
}

/// The length of the next range, when one of `length` blocks had so many events. It changes by a factor of four at most.
fn next_length(length: u64, events: u64) -> u64 {
    let wanted = length.saturating_mul(EVENTS_PER_RANGE) / events.max(1);
    wanted
        .clamp(length / 4, length.saturating_mul(4))
        .clamp(1, LONGEST_RANGE)
}

/// The blocks of one range that have entries. A node that fails is asked again.
async fn fetch_range(log: &EventLog, from: u64, to: u64) -> Result<Fetched, ChainError> {
    let range = || async { log.timed(log.logs(from, to).await?).await };
    let told = |error: &ChainError, _| tracing::debug!(%error, from, to, "a range of blocks is asked for again");
    range.retry(pauses()).notify(told).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_grow_where_there_is_little_and_shrink_where_there_is_much() {
        assert_eq!(next_length(8, 0), 32);
        assert_eq!(next_length(8, 3_000), 8);
        assert_eq!(next_length(8, 6_000), 4);
        assert_eq!(next_length(8, 1_000_000), 2);
        assert_eq!(next_length(1, 1_000_000), 1);
        assert_eq!(next_length(1_900, 0), LONGEST_RANGE);
    }
}
