//! The node's own list of the log's entries (`eth_getLogs`), as a server of ours reads it, against what the receipts prove.
//!
//! Blocks, transactions and everything that entries and rejections say must be the same, each once and in the order of the chain. How entries and
//! rejections of one block stand between each other is no fault: that reading passes over it.

use infrastructure::chain::codec::Said;
use infrastructure::chain::{BlockLogs, EventLog, keccak256};
use infrastructure::log::{AppendedEntry, RejectedCommit};

use crate::evidence::{ProvenBlock, ProvenLog};
use crate::fault::{self, Check, Fault, Place};
use crate::stop::Stop;
use crate::text::Hex;
use crate::wanted::Wanted;

/// Compares the list for a range of blocks with what was proven of them, as far as it is wanted. `proven` has every block of the range that has
/// a log, in order.
pub(crate) async fn compare(
    log: &EventLog,
    wanted: &Wanted,
    from: u64,
    to: u64,
    proven: &[ProvenBlock],
) -> Result<(), Stop> {
    let told = log.logs(from, to).await;
    let what = format!("the list of the log's entries in the blocks {from} to {to}");
    let told = told.map_err(|error| Stop::unanswered(Check::NodesList, Place::block(from), what, error))?;
    let mut told = told.into_iter().peekable();
    for block in proven {
        let number = block.header.number;
        let logs: Vec<&ProvenLog> = block.logs.iter().filter(|log| wanted.is(log)).collect();
        let Some(first) = logs.first() else { continue };
        if let Some(earlier) = told.next_if(|told| told.number < number) {
            return Err(invented(&earlier));
        }
        match told.next_if(|told| told.number == number) {
            Some(told) => same(block, &logs, &told)?,
            None => {
                let expected = format_args!("{} logs in the block", logs.len());
                return Err(Fault::new(Check::NodesList, first.place(number), expected, "none").into());
            }
        }
    }
    told.next().map_or(Ok(()), |left| Err(invented(&left)))
}

fn invented(told: &BlockLogs) -> Stop {
    let got = format_args!("{} entries and {} rejections", told.appended.len(), told.rejected.len());
    let place = told.appended.first().map_or_else(
        || Place::block(told.number),
        |entry| Place::block(told.number).entry(entry),
    );
    Fault::new(Check::NodesList, place, "nothing in the block", got).into()
}

fn same(block: &ProvenBlock, logs: &[&ProvenLog], told: &BlockLogs) -> Result<(), Stop> {
    let at = Place::block(block.header.number);
    if told.hash != block.header.hash {
        return Err(Fault::new(Check::NodesList, at, Hex(block.header.hash), Hex(told.hash)).into());
    }
    let (mut appended, mut rejected) = (told.appended.iter(), told.rejected.iter());
    for log in logs {
        let place = log.place(block.header.number);
        match &log.said {
            Said::Appended(expected) => {
                let got = appended.next();
                if got != Some(expected) {
                    return Err(differs(place, entry(expected), got.map(entry)));
                }
            }
            Said::Rejected(expected) => {
                let got = rejected.next();
                if got != Some(expected) {
                    return Err(differs(place, rejection(expected), got.map(rejection)));
                }
            }
        }
    }
    if let Some(more) = appended.next() {
        return Err(differs(
            at.entry(more),
            "no further entry in the block".to_owned(),
            Some(entry(more)),
        ));
    }
    match rejected.next() {
        Some(more) => Err(differs(
            at,
            "no further rejection in the block".to_owned(),
            Some(rejection(more)),
        )),
        None => Ok(()),
    }
}

fn differs(place: Place, expected: String, got: Option<String>) -> Stop {
    Fault::new(
        Check::NodesList,
        place,
        expected,
        got.unwrap_or_else(|| "nothing".to_owned()),
    )
    .into()
}

/// An entry without what it holds.
fn entry(entry: &AppendedEntry) -> String {
    let origin = entry.origin;
    format!(
        "position {}, stream {}, version {}, entry {} of {} of its commit, by writer {}, payload with the hash {}, in transaction {}",
        entry.position,
        Hex(entry.stream.0),
        entry.version,
        origin.index,
        origin.count,
        origin.writer,
        Hex(keccak256(&entry.payload)),
        Hex(entry.transaction),
    )
}

fn rejection(rejected: &RejectedCommit) -> String {
    format!(
        "{}, stream {}, in transaction {}",
        fault::rejection(rejected),
        Hex(rejected.stream.0),
        Hex(rejected.transaction)
    )
}
