//! One stream, proved to be whole up to a block: its head by the contract's state, its entries by headers and receipts.

use std::collections::HashSet;

use application::log::StreamId;
use infrastructure::chain::{EventLog, Hash, keccak256};
use infrastructure::log::{StreamHead, StreamTip};

use super::commits::{ProvenCommit, with_entries_in};
use crate::Progress;
use crate::evidence::ProvenBlock;
use crate::fault::{Check, Fault, Place};
use crate::header::Header;
use crate::stop::Stop;
use crate::text::Hex;
use crate::walk::Walk;
use crate::wanted::Wanted;

/// A stream with all that is in it.
#[derive(Debug)]
pub(crate) struct ProvenStream {
    /// In the order of the chain.
    pub(crate) commits: Vec<ProvenCommit>,
    /// Where it ends.
    pub(crate) head: StreamHead,
    /// How many headers were linked.
    pub(crate) headers: u64,
    /// Of how many blocks the receipts were proved.
    pub(crate) blocks_with_receipts: u64,
}

/// Proves a stream up to the trusted block. `head` is where it ends, if that is proven.
pub(crate) async fn prove(
    log: &EventLog,
    stream: StreamId,
    trusted: Header,
    head: Option<StreamHead>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<ProvenStream, Stop> {
    let number = trusted.number;
    let walk = match head {
        Some(StreamHead { version: 0, .. }) => Walk::nowhere(),
        _ => {
            let (log, wanted) = (log.clone().of_stream(stream), Wanted::Stream { stream, first: 1 });
            let of = head.map(|head| head.version);
            Walk::back(
                &log,
                &wanted,
                trusted,
                of,
                |block| with_its_commits(block, &wanted),
                progress,
            )
            .await?
        }
    };
    let (commits, own) = replayed(&walk.blocks, stream)?;
    let ends = end(own.head(), head, || last_place(&commits, stream, number));
    ends?;
    Ok(ProvenStream {
        commits,
        head: own.head(),
        headers: walk.headers,
        blocks_with_receipts: walk.blocks_with_receipts,
    })
}

/// A block without the transactions that have nothing of the stream: a full one has thousands of entries of others.
fn with_its_commits(mut block: ProvenBlock, wanted: &Wanted) -> ProvenBlock {
    let of_stream = block.logs.iter().filter(|log| wanted.is(log));
    let transactions: HashSet<Hash> = of_stream.map(|log| log.transaction).collect();
    block.logs.retain(|log| transactions.contains(&log.transaction));
    block
}

/// The commits of blocks with an entry in the stream, whose versions must be the next; and where the stream ends after them.
fn replayed(blocks: &[ProvenBlock], stream: StreamId) -> Result<(Vec<ProvenCommit>, StreamTip), Box<Fault>> {
    let (mut commits, mut tip, mut position) = (Vec::new(), StreamTip::default(), 0);
    for block in blocks {
        for commit in with_entries_in(block, stream)? {
            for (entry, place) in commit.entries_of(stream) {
                let next = tip.version.saturating_add(1);
                if entry.version != next {
                    let (expected, got) = (format!("version {next}"), format!("version {}", entry.version));
                    return Err(Fault::new(Check::Stream, place, expected, got));
                }
                if entry.position <= position {
                    let expected = format_args!("a position after {position}");
                    return Err(Fault::new(Check::Position, place, expected, entry.position));
                }
                (tip, position) = (tip_after(entry.version, &entry.payload), entry.position);
            }
            commits.push(commit);
        }
    }
    Ok((commits, tip))
}

/// Where a stream ends after an entry.
pub(crate) fn tip_after(version: u64, payload: &[u8]) -> StreamTip {
    StreamTip {
        version,
        hash: keccak256(payload),
    }
}

/// Compares where the entries end with where the contract says that the stream does.
fn end(own: StreamHead, proven: Option<StreamHead>, place: impl FnOnce() -> Place) -> Result<(), Box<Fault>> {
    let told = |head: StreamHead| format!("{} entries, the last with the tag {}", head.version, Hex(head.tag));
    match proven {
        Some(proven) if proven != own => Err(Fault::new(Check::StreamHead, place(), told(proven), told(own))),
        _ => Ok(()),
    }
}

/// Where the last entry of the stream stands.
fn last_place(commits: &[ProvenCommit], stream: StreamId, trusted: u64) -> Place {
    let last = commits.iter().flat_map(|commit| commit.entries_of(stream)).last();
    last.map_or_else(
        || Place {
            stream: Some(stream.0),
            ..Place::block(trusted)
        },
        |(_, place)| place,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use infrastructure::chain::codec::Said;
    use infrastructure::log::{AppendedEntry, Namespace, Origin, Payload};

    use crate::evidence::ProvenLog;

    fn stream() -> StreamId {
        Namespace(1).stream(b"a")
    }

    /// Blocks with an entry each: version, position and payload.
    fn blocks(entries: &[(u64, u64, &[u8])]) -> Vec<ProvenBlock> {
        let block = |(version, position, payload): &(u64, u64, &[u8])| ProvenBlock {
            header: Header::made_up(*position),
            logs: vec![ProvenLog {
                transaction: [5; 32],
                transaction_index: 0,
                log_index: 0,
                said: Said::Appended(AppendedEntry {
                    stream: stream(),
                    version: *version,
                    position: *position,
                    origin: Origin {
                        count: 1,
                        index: 0,
                        writer: 1,
                    },
                    payload: Payload::from(*payload),
                    transaction: [5; 32],
                }),
            }],
        };
        entries.iter().map(block).collect()
    }

    const WHOLE: [(u64, u64, &[u8]); 3] = [(1, 4, b"one"), (2, 9, b"two"), (3, 10, b"three")];

    #[test]
    fn a_whole_stream_ends_with_its_head() {
        let (commits, tip) = replayed(&blocks(&WHOLE), stream()).unwrap();
        assert_eq!((commits.len(), tip), (3, tip_after(3, b"three")));
        assert_eq!(end(tip.head(), Some(tip.head()), Place::default), Ok(()));
        assert_eq!(end(tip.head(), None, Place::default), Ok(()));
    }

    #[test]
    fn whatever_is_not_as_it_must_be_is_found_where_it_is() {
        for (what, entries, check, position) in [
            ("one is missing", vec![WHOLE[0], WHOLE[2]], Check::Stream, 10),
            ("the first is missing", vec![WHOLE[1], WHOLE[2]], Check::Stream, 9),
            ("one twice", vec![WHOLE[0], WHOLE[0], WHOLE[1]], Check::Stream, 4),
            ("another order", vec![WHOLE[0], (2, 3, b"two")], Check::Position, 3),
        ] {
            let fault = replayed(&blocks(&entries), stream()).unwrap_err();
            assert_eq!((fault.check, fault.place.position), (check, Some(position)), "{what}");
        }
        let head = tip_after(3, b"three").head();
        for (what, entries) in [
            ("the last is missing", vec![WHOLE[0], WHOLE[1]]),
            ("the last is another", vec![WHOLE[0], WHOLE[1], (3, 10, b"other")]),
        ] {
            let (commits, tip) = replayed(&blocks(&entries), stream()).unwrap();
            let fault = end(tip.head(), Some(head), || last_place(&commits, stream(), 20)).unwrap_err();
            assert_eq!(fault.check, Check::StreamHead, "{what}");
            assert_eq!(fault.place.position, entries.last().map(|(_, position, _)| *position));
        }
        let fault = end(StreamHead::default(), Some(head), || last_place(&[], stream(), 20)).unwrap_err();
        assert_eq!((fault.place.block, fault.place.stream), (Some(20), Some(stream().0)));
    }
}
