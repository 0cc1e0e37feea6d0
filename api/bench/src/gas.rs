//! What an event costs in gas, beside the least that it could.
//!
//! The floor is the larger of two: what EIP-7623 charges for the calldata (10 gas for a zero byte, 40 for another, and 21,000 for the
//! transaction), and the ordinary price of the calldata (4 and 16), the log entries (EIP-2929 and the yellow paper: 375, 375 for each of
//! two topics, 8 for each byte of their ABI encoding) and one storage write for each stream (22,100 for a new slot, 5,000 for a
//! known one). What a batch costs beside that, whatever is in it, is not part of the floor: looking up the writer, and moving position
//! and running hash.

use api_dev::system::System as Surroundings;
use serde::Serialize;

use super::contract::{self, Bench};
use infrastructure::log::{Commit, StreamHead};

/// One kind of batch.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Case {
    /// What it is.
    pub name: &'static str,
    /// Events in the batch.
    pub events: usize,
    /// Bytes in each payload.
    pub payload: usize,
    /// Gas for each event.
    pub gas_per_event: u64,
    /// The least gas for each event.
    pub floor_per_event: u64,
    /// Gas for each of the floor's.
    pub of_floor: f64,
}

/// All kinds.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// In the order of measuring.
    pub cases: Vec<Case>,
}

impl Report {
    /// For people.
    pub fn table(&self) -> String {
        let mut table = format!(
            "{:<34}{:>8}{:>9}{:>12}{:>12}{:>10}\n",
            "", "events", "payload", "gas/event", "floor", "of floor"
        );
        for case in &self.cases {
            table += &format!(
                "{:<34}{:>8}{:>9}{:>12}{:>12}{:>10.3}\n",
                case.name, case.events, case.payload, case.gas_per_event, case.floor_per_event, case.of_floor
            );
        }
        table
    }
}

/// Measures, on the chain of a system, with a contract of its own.
///
/// # Errors
/// When a batch is not mined.
pub async fn run(surroundings: &Surroundings, progress: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Report> {
    let mut bench = Bench::deploy(surroundings).await?;
    // The first batch of all writes the position's slot for the first time, which no other batch does.
    let first = contract::commit(bench.namespace, 32);
    contract::gas_of(&mut bench, &[first]).await?;
    let mut cases = Vec::new();
    for payload in [128, 160] {
        for events in [1, 50, 300] {
            progress(&format!("batches of {events}, payloads of {payload} bytes"));
            let fresh: Vec<_> = (0..events)
                .map(|_| contract::commit(bench.namespace, payload))
                .collect();
            // Not on a chain whose blocks are too small for it.
            if bench.most(&fresh)? < events {
                continue;
            }
            cases.push(case(&mut bench, "one event each, new streams", payload, &fresh).await?);
            let next: Vec<_> = fresh.iter().map(|commit| on_top_of(commit, payload)).collect();
            cases.push(case(&mut bench, "one event each, known streams", payload, &next).await?);
        }
    }
    Ok(Report { cases })
}

/// One more event for the stream of a commit.
fn on_top_of(commit: &Commit, payload: usize) -> Commit {
    let parts = commit
        .parts
        .iter()
        .map(|part| {
            let head = part
                .payloads
                .iter()
                .fold(part.expected, |head: StreamHead, payload| head.after(payload));
            contract::part(part.stream, head, payload)
        })
        .collect();
    Commit {
        command_id: commit.command_id,
        parts,
    }
}

async fn case(bench: &mut Bench, name: &'static str, payload: usize, commits: &[Commit]) -> anyhow::Result<Case> {
    let (gas, calldata) = contract::gas_of(bench, commits).await?;
    let events = commits.len();
    let floor = floor(&calldata, commits);
    let per_event = |gas: u64| gas / events as u64;
    #[expect(clippy::cast_precision_loss, reason = "gas of one batch")]
    let of_floor = (gas as f64 / floor as f64 * 1000.0).round() / 1000.0;
    Ok(Case {
        name,
        events,
        payload,
        gas_per_event: per_event(gas),
        floor_per_event: per_event(floor),
        of_floor,
    })
}

fn floor(calldata: &[u8], commits: &[Commit]) -> u64 {
    const TRANSACTION: u64 = 21_000;
    let zeros = calldata.iter().filter(|byte| **byte == 0).count() as u64;
    let others = (calldata.len() as u64).saturating_sub(zeros);
    let calldata_floor = TRANSACTION + 10 * zeros + 40 * others;
    let mut ordinary = TRANSACTION + 4 * zeros + 16 * others;
    for part in commits.iter().flat_map(|commit| &commit.parts) {
        ordinary += if part.expected.version == 0 { 22_100 } else { 5_000 };
        for payload in &part.payloads {
            // Place, offset and length, each a word; then the payload in whole words.
            let data = 3 * 32 + payload.len().next_multiple_of(32) as u64;
            ordinary += 375 + 2 * 375 + 8 * data;
        }
    }
    calldata_floor.max(ordinary)
}
