//! `medconnect audit patient`: one patient's history is whole. Proved as the log is, for the chapters of one record alone; then it is opened.
//!
//! 1. The head of each chapter's stream after the trusted block, by a proof against the state root of its header (`state`): how many entries there are,
//!    and eight bytes of the last one's hash.
//! 2. The headers back to the block with the stream's first entry, and of each block whose bloom filter may have the stream all transactions and
//!    receipts (`stream`): so each entry is in its block, with its payload and the block's time, and no block has one more.
//! 3. That the versions have no gap and end with the head. The head alone would not do: it links nobody but the last entry, and what is behind
//!    the erasure of a record, or void, is linked by no seal either.
//! 4. In which formats and epochs its entries may be written, where one is not as everywhere: what the owner of its namespace has done, proved in the same way.
//! 5. What the keys tell of the entries, by the rules of the follower (`record`): whether they count, and whether a chapter is closed. Then the next one is
//!    proved. Whether a commit over several streams is whole shows only with what the other streams ended with before it (`beside`).

mod beside;
mod commits;
mod record;
mod report;
mod stream;

pub use report::{ChapterReport, Completeness, EntryReport, KeysState, PatientReport};

use application::log::StreamId;
use infrastructure::chain::{Address, EventLog, Hash, Node};
use infrastructure::log::Namespace;
use infrastructure::sealing::Opener;

use self::record::Record;
use self::stream::ProvenStream;
use crate::report::{TrustedBlock, Unproved, trusted};
use crate::stop::{AuditError, Stop};
use crate::{Progress, state, walk};

/// Audits a patient's record, up to the block with this hash. `chapter` names the streams of its chapters by their numbers. What is in them is opened with
/// `opener`; without one it stays sealed, and all streams in a row are taken for chapters that have an entry. `progress` is told how far it is.
///
/// # Errors
/// When the node does not give what must be looked at, there is no such patient, or the keys cannot be read. What the node gives and cannot be true is no
/// error: the report has it.
pub async fn patient(
    node: &Node,
    contract: Address,
    block: Hash,
    chapter: &(dyn Fn(u16) -> StreamId + Sync),
    opener: Option<&Opener>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<PatientReport, AuditError> {
    let log = EventLog::new(node.clone(), contract).as_listed();
    let mut known = None;
    match run(&log, block, chapter, opener, progress, &mut known).await {
        Ok(report) => Ok(report),
        Err(Stop::Fault(fault)) => Ok(PatientReport::of_fault(&log, known, *fault)),
        Err(Stop::Error(error)) => Err(error),
    }
}

async fn run(
    log: &EventLog,
    block: Hash,
    chapter: &(dyn Fn(u16) -> StreamId + Sync),
    opener: Option<&Opener>,
    progress: &(dyn Fn(Progress) + Sync),
    known: &mut Option<TrustedBlock>,
) -> Result<PatientReport, Stop> {
    progress(Progress::Beginning);
    let (header, formula) = walk::trusted_header(log.node(), block).await?;
    let block = known.insert(trusted(&header, formula)).clone();
    let mut unproved: Option<Unproved> = None;
    let mut record = Record::new(log, opener);
    let mut prove = async |stream| -> Result<ProvenStream, Stop> {
        let head = state::stream_head(log.node(), &header, log.address(), stream).await?;
        let head = head.map_err(|why| unproved = Some(why)).ok();
        stream::prove(log, stream, header.clone(), head, progress).await
    };
    for stream in (0..=u16::MAX).map(chapter) {
        record.add(stream, prove(stream).await?).await?;
        for namespace in record.unknown_profiles() {
            let proven = prove(Namespace::about(namespace)).await?;
            record.add_profiles(namespace, &proven).await?;
        }
        if !record.goes_on().await? {
            break;
        }
    }
    if record.is_empty() {
        return Err(AuditError::NoPatient { block: block.number }.into());
    }
    progress(Progress::Opening);
    let mut report = PatientReport::begin(log, block, unproved);
    for (stream, proven, read) in record.chapters() {
        report.add(stream, proven, read);
    }
    Ok(report)
}
