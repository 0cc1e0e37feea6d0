//! The commits of a block that have an entry in a stream, with all of their entries. Pure.

use application::log::StreamId;
use infrastructure::chain::codec::Said;
use infrastructure::log::AppendedEntry;

use crate::evidence::{ProvenBlock, ProvenLog};
use crate::fault::{Check, Fault, Place};
use crate::header::Header;

/// A commit, where it proves to stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ProvenCommit {
    pub(crate) header: Header,
    entries: Vec<(AppendedEntry, Place)>,
}

impl ProvenCommit {
    /// Its entries in order, each with its place.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&AppendedEntry, Place)> {
        self.entries.iter().map(|(entry, place)| (entry, *place))
    }

    /// Its entries in a stream.
    pub(crate) fn entries_of(&self, stream: StreamId) -> impl Iterator<Item = (&AppendedEntry, Place)> {
        self.entries().filter(move |(entry, _)| entry.stream == stream)
    }

    /// Its other streams that are not new, each with its first entry there and the version that it had before.
    pub(crate) fn known_others(&self, stream: StreamId) -> impl Iterator<Item = (&AppendedEntry, u64, Place)> {
        let known = |(entry, place): (_, Place)| {
            let entry: &AppendedEntry = entry;
            let before = entry.version.checked_sub(1).filter(|before| *before > 0)?;
            Some((entry, before, place))
        };
        self.others(stream).filter_map(known)
    }

    /// Its other streams, each with its first entry there.
    pub(crate) fn others(&self, stream: StreamId) -> impl Iterator<Item = (&AppendedEntry, Place)> {
        let first_there = move |(at, (entry, _)): &(usize, (&AppendedEntry, Place))| {
            let mut before = self.entries.iter().take(*at);
            entry.stream != stream && before.all(|(earlier, _)| earlier.stream != entry.stream)
        };
        self.entries().enumerate().filter(first_there).map(|(_, entry)| entry)
    }

    /// Whether it has any.
    pub(crate) fn has_others(&self, stream: StreamId) -> bool {
        self.others(stream).next().is_some()
    }
}

/// The commits of a block that have an entry in the stream, in order. Others are passed over.
///
/// # Errors
/// When such an entry stands in no whole commit: the contract writes the entries of a commit one after the other.
pub(crate) fn with_entries_in(block: &ProvenBlock, stream: StreamId) -> Result<Vec<ProvenCommit>, Box<Fault>> {
    let mut commits = Vec::new();
    let mut rest = block.logs.as_slice();
    while let Some((first, _)) = rest.split_first() {
        let whole = entry(first).and_then(|(of, _)| rest.get(..usize::from(of.origin.count.max(1))));
        let whole = whole.filter(|logs| is_commit(logs));
        let logs = whole.unwrap_or_else(|| std::slice::from_ref(first));
        let touches = |log: &&ProvenLog| entry(log).is_some_and(|(entry, _)| entry.stream == stream);
        if let Some(log) = logs.iter().find(touches) {
            let place = log.place(block.header.number);
            if whole.is_none() {
                return Err(Fault::new(
                    Check::Commit,
                    place,
                    "all entries of its commit beside it",
                    "not these",
                ));
            }
            let placed = |log: &ProvenLog| Some((entry(log)?.0.clone(), log.place(block.header.number)));
            commits.push(ProvenCommit {
                header: block.header.clone(),
                entries: logs.iter().filter_map(placed).collect(),
            });
        }
        rest = rest.get(logs.len()..).unwrap_or_default();
    }
    Ok(commits)
}

/// Whether these are the entries of one commit, all of them.
fn is_commit(logs: &[ProvenLog]) -> bool {
    let Some(transaction) = logs.first().map(|log| log.transaction) else {
        return false;
    };
    let is_next = |(index, log): (u16, &ProvenLog)| {
        let of = entry(log).map(|(entry, _)| entry.origin);
        let is_next = of.is_some_and(|origin| origin.index == index && usize::from(origin.count) == logs.len());
        is_next && log.transaction == transaction
    };
    (0_u16..).zip(logs).all(is_next)
}

fn entry(log: &ProvenLog) -> Option<(&AppendedEntry, &ProvenLog)> {
    match &log.said {
        Said::Appended(entry) => Some((entry, log)),
        Said::Rejected(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use infrastructure::log::{Namespace, Origin, Payload, RejectedCommit, StreamHead};

    fn stream(name: &[u8]) -> StreamId {
        Namespace(1).stream(name)
    }

    fn log(name: &[u8], version: u64, position: u64, (index, count): (u16, u16)) -> ProvenLog {
        ProvenLog {
            transaction: [5; 32],
            transaction_index: 0,
            log_index: position,
            said: Said::Appended(AppendedEntry {
                stream: stream(name),
                version,
                position,
                origin: Origin {
                    count,
                    index,
                    writer: 1,
                },
                payload: Payload::from(&b"sealed"[..]),
                transaction: [5; 32],
            }),
        }
    }

    fn rejected() -> ProvenLog {
        ProvenLog {
            said: Said::Rejected(RejectedCommit {
                transaction: [5; 32],
                index: 0,
                stream: stream(b"a"),
                actual: StreamHead::default(),
            }),
            ..log(b"a", 1, 99, (0, 1))
        }
    }

    fn block(logs: Vec<ProvenLog>) -> ProvenBlock {
        ProvenBlock {
            header: Header::made_up(7),
            logs,
        }
    }

    #[test]
    fn a_commit_is_found_with_all_of_its_entries_and_others_are_passed_over() {
        let block = block(vec![
            log(b"b", 4, 10, (0, 1)),
            rejected(),
            log(b"b", 5, 11, (0, 4)),
            log(b"a", 2, 12, (1, 4)),
            log(b"c", 1, 13, (2, 4)),
            log(b"c", 2, 14, (3, 4)),
            log(b"a", 3, 15, (0, 1)),
        ]);
        let commits = with_entries_in(&block, stream(b"a")).unwrap();
        let positions = |commit: &ProvenCommit| commit.entries().map(|(entry, _)| entry.position).collect::<Vec<_>>();
        assert_eq!(
            commits.iter().map(positions).collect::<Vec<_>>(),
            [vec![11, 12, 13, 14], vec![15]]
        );
        let others: Vec<_> = commits[0]
            .others(stream(b"a"))
            .map(|(entry, _)| entry.position)
            .collect();
        assert_eq!(others, [11, 13]);
        assert!(!commits[1].has_others(stream(b"a")));
        assert_eq!(commits[0].entries_of(stream(b"a")).count(), 1);
        assert_eq!(with_entries_in(&block, stream(b"d")), Ok(Vec::new()));
    }

    #[test]
    fn a_commit_that_is_not_whole_is_found_where_its_entry_of_the_stream_is() {
        for logs in [
            vec![log(b"a", 1, 1, (0, 2))],
            vec![log(b"a", 1, 1, (1, 2))],
            vec![log(b"a", 1, 1, (0, 2)), log(b"b", 1, 2, (0, 1))],
            vec![log(b"a", 1, 1, (0, 2)), rejected(), log(b"b", 1, 2, (1, 2))],
            vec![log(b"a", 1, 1, (0, 0))],
        ] {
            let fault = with_entries_in(&block(logs), stream(b"a")).unwrap_err();
            assert_eq!((fault.check, fault.place.position), (Check::Commit, Some(1)));
        }
    }
}
