//! `medconnect audit patient`: one patient's history is whole. Proved as the log is, for the streams of one record alone; then it is opened.
//!
//! 1. The head of each stream after the trusted block, by a proof against the state root of its header (`state`): how many entries there are,
//!    and eight bytes of the last one's hash.
//! 2. The headers back to the block with the stream's first entry, and of each block whose bloom filter may have the stream all transactions and
//!    receipts (`stream`): so each entry is in its block, with its payload and the block's time, and no block has one more.
//! 3. That the versions have no gap and end with the head. The head alone would not do: it links nobody but the last entry, and what is behind
//!    the erasure of a record, or void, is linked by no seal either.
//! 4. What the keys tell of the entries, by the rules of the follower (`infrastructure::follower::read_record`). Whether a commit over several
//!    streams is whole shows only with what the other streams ended with before it (`beside`).

mod beside;
mod commits;
mod report;
mod stream;

pub use report::{Completeness, EntryReport, KeysState, PatientReport, StreamReport};

use application::log::{BlockRef, StreamId};
use infrastructure::chain::{Address, EventLog, Hash, Node};
use infrastructure::follower::{Fate, ReadRecord, RecordCommit, read_record};
use infrastructure::sealing::Opener;

use self::commits::ProvenCommit;
use self::stream::ProvenStream;
use crate::report::{TrustedBlock, Unproved, trusted};
use crate::stop::{AuditError, Stop};
use crate::{Progress, state, walk};

/// A stream of the patient's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NamedStream {
    /// What it holds, such as `record`.
    pub name: &'static str,
    /// The stream.
    pub stream: StreamId,
}

/// Audits a patient's streams, up to the block with this hash. What is in them is opened with `opener`; without one it stays sealed, and
/// their completeness is proved all the same. `progress` is told how far it is.
///
/// # Errors
/// When the node does not give what must be looked at, there is no such patient, or the keys cannot be read. What the node gives and cannot be true is no
/// error: the report has it.
pub async fn patient(
    node: &Node,
    contract: Address,
    block: Hash,
    streams: &[NamedStream],
    opener: Option<&Opener>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<PatientReport, AuditError> {
    let log = EventLog::new(node.clone(), contract).without_receipts();
    let mut known = None;
    match run(&log, block, streams, opener, progress, &mut known).await {
        Ok(report) => Ok(report),
        Err(Stop::Fault(fault)) => Ok(PatientReport::of_fault(&log, known, *fault)),
        Err(Stop::Error(error)) => Err(error),
    }
}

async fn run(
    log: &EventLog,
    block: Hash,
    streams: &[NamedStream],
    opener: Option<&Opener>,
    progress: &(dyn Fn(Progress) + Sync),
    known: &mut Option<TrustedBlock>,
) -> Result<PatientReport, Stop> {
    progress(Progress::Beginning);
    let (header, formula) = walk::trusted_header(log.node(), block).await?;
    let block = known.insert(trusted(&header, formula)).clone();
    let mut unproved: Option<Unproved> = None;
    let mut proven = Vec::with_capacity(streams.len());
    for named in streams {
        let head = state::stream_head(log.node(), &header, log.address(), named.stream).await?;
        let head = head.map_err(|why| unproved = Some(why)).ok();
        let found = stream::prove(log, named.stream, header.clone(), head, progress).await?;
        proven.push((*named, found));
    }
    if proven.iter().all(|(_, stream)| stream.commits.is_empty()) {
        return Err(AuditError::NoPatient { block: block.number }.into());
    }
    progress(Progress::Opening);
    let mut report = PatientReport::begin(log, block, unproved);
    for (named, stream) in &proven {
        let read = match opener {
            Some(opener) => Some(read(log, opener, named.stream, stream).await?),
            None => None,
        };
        report.add(named, stream, read.as_ref());
    }
    Ok(report)
}

/// Opens what is proved of a stream. What the other streams of its commits ended with is asked for, and believed as long as everything opens with it: the
/// seal of a commit holds with nothing else. Where something does not, it is proved as well.
async fn read(log: &EventLog, opener: &Opener, stream: StreamId, proven: &ProvenStream) -> Result<ReadRecord, Stop> {
    let mut commits = Vec::with_capacity(proven.commits.len());
    for commit in &proven.commits {
        commits.push(commit.to_read(beside::listed(log, commit, stream).await?));
    }
    let first = read_record(opener, stream, &commits)
        .await
        .map_err(AuditError::Opening)?;
    let is_void = |commit: &RecordCommit| {
        let void = first.entries.iter().filter(|entry| entry.fate == Fate::Void);
        let own = commit.entries.first().zip(commit.entries.last());
        let within = |position| own.is_some_and(|(from, to)| (from.position..=to.position).contains(&position));
        void.map(|entry| entry.position).any(within)
    };
    let mut proved_anew = false;
    let doubted: Vec<usize> = (0..)
        .zip(&commits)
        .filter(|(_, commit)| is_void(commit))
        .map(|(at, _)| at)
        .collect();
    for at in doubted {
        let Some((commit, read)) = proven.commits.get(at).zip(commits.get_mut(at)) else {
            continue;
        };
        if commit.has_others(stream) {
            read.behind = beside::proven(log, commit, stream).await?;
            proved_anew = true;
        }
    }
    if !proved_anew {
        return Ok(first);
    }
    Ok(read_record(opener, stream, &commits)
        .await
        .map_err(AuditError::Opening)?)
}

impl ProvenCommit {
    /// As the follower's rules take it.
    fn to_read(&self, behind: Vec<(StreamId, infrastructure::log::StreamTip)>) -> RecordCommit {
        let block = BlockRef {
            number: self.header.number,
            hash: self.header.hash,
            parent_hash: self.header.parent,
            timestamp: self.header.time,
        };
        RecordCommit {
            block,
            entries: self.entries().map(|(entry, _)| entry.clone()).collect(),
            behind,
        }
    }
}
