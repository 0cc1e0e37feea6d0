//! What the other streams of a commit ended with before it: the commit was sealed for these places too.

use application::log::StreamId;
use infrastructure::chain::EventLog;
use infrastructure::log::{AppendedEntry, StreamTip};

use super::commits::ProvenCommit;
use super::stream::tip_after;
use crate::fault::{Check, Fault, Place};
use crate::stop::Stop;
use crate::walk::{FIRST, Walk};
use crate::wanted::Wanted;

/// How many blocks are asked for at first, and how many times as many after each time in vain.
const FIRST_RANGE: u64 = 64;
const GROWTH: u64 = 8;

/// As the node lists them. Nothing proves that it does not lie; a commit that turns out to be whole with it proves it.
pub(crate) async fn listed(
    log: &EventLog,
    commit: &ProvenCommit,
    stream: StreamId,
) -> Result<Vec<(StreamId, StreamTip)>, Stop> {
    let mut behind = Vec::new();
    for (entry, before, place) in commit.known_others(stream) {
        behind.push((entry.stream, last_listed(log, entry, before, place).await?));
    }
    Ok(behind)
}

/// As blocks prove it, back from the commit's own.
pub(crate) async fn proven(
    log: &EventLog,
    commit: &ProvenCommit,
    stream: StreamId,
) -> Result<Vec<(StreamId, StreamTip)>, Stop> {
    let mut behind = Vec::new();
    for (entry, before, place) in commit.known_others(stream) {
        let wanted = Wanted::Stream {
            stream: entry.stream,
            first: before,
        };
        let of_stream = log.clone().of_stream(entry.stream);
        let header = commit.header.clone();
        let walk = Walk::back(&of_stream, &wanted, header, Some(before), |block| block, &|_| ()).await?;
        let logs = walk.blocks.iter().flat_map(|block| &block.logs);
        let mut entries = logs.filter_map(|log| wanted.entry(log));
        let found = entries.find(|entry| entry.version == before);
        let found = found.ok_or_else(|| missing(place, before))?;
        behind.push((entry.stream, tip_after(before, &found.payload)));
    }
    Ok(behind)
}

async fn last_listed(log: &EventLog, entry: &AppendedEntry, before: u64, place: Place) -> Result<StreamTip, Stop> {
    let log = log.clone().of_stream(entry.stream);
    let (mut to, mut range) = (place.block.unwrap_or_default(), FIRST_RANGE);
    loop {
        let from = to.saturating_sub(range).max(FIRST);
        let told = log.logs(from, to).await;
        let what = "the list of the entries of a stream beside the record's";
        let told = told.map_err(|error| Stop::unanswered(Check::NodesList, place, what, error))?;
        let mut entries = told.iter().flat_map(|block| &block.appended);
        if let Some(found) = entries.find(|listed| listed.version == before) {
            return Ok(tip_after(before, &found.payload));
        }
        if from <= FIRST {
            return Err(missing(place, before).into());
        }
        (to, range) = (from.saturating_sub(1), range.saturating_mul(GROWTH));
    }
}

fn missing(place: Place, version: u64) -> Box<Fault> {
    Fault::new(
        Check::Stream,
        place,
        format_args!("version {version} of its stream before it"),
        "none",
    )
}
