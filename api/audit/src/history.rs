//! The log from its first entry on, replayed from what blocks prove to hold: positions, running hash, streams, commits, rights.

use std::collections::{BTreeMap, HashMap, HashSet};

use application::log::StreamId;
use infrastructure::chain::Hash;
use infrastructure::chain::running_hash::PlacedEntry;
use infrastructure::log::{LogHead, Namespace, Origin, RejectedCommit, StreamHead, StreamTip};

use crate::fault::{self, Check, Fault, Place};
use crate::kept::{Kept, KeptBlock, KeptEntry};
use crate::namespaces::{Namespaces, Unlawful};

/// What the log comes to, up to some entry.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) head: LogHead,
    pub(crate) tips: HashMap<StreamId, StreamTip>,
    pub(crate) namespaces: Namespaces,
    /// How many entries each namespace has.
    pub(crate) entries_in: BTreeMap<Namespace, u64>,
    pub(crate) commits: u64,
    pub(crate) rejected: u64,
    pub(crate) transactions: u64,
    open: Option<OpenCommit>,
    last_transaction: Option<Hash>,
}

/// A commit of which not all entries were seen.
#[derive(Debug)]
struct OpenCommit {
    transaction: Hash,
    count: u16,
    /// The index of its next entry.
    next: u16,
    /// The stream that its last entry is in, and those before.
    stream: StreamId,
    streams: HashSet<StreamId>,
    /// Where its last entry stands.
    place: Place,
}

impl History {
    /// Of a log with nothing in it.
    pub(crate) fn new(genesis: LogHead) -> Self {
        Self {
            head: genesis,
            tips: HashMap::new(),
            namespaces: Namespaces::default(),
            entries_in: BTreeMap::new(),
            commits: 0,
            rejected: 0,
            transactions: 0,
            open: None,
            last_transaction: None,
        }
    }

    /// Takes the next block in that holds something of the log.
    pub(crate) fn take(&mut self, block: &KeptBlock) -> Result<(), Box<Fault>> {
        for log in &block.logs {
            if self.last_transaction.replace(log.transaction) != Some(log.transaction) {
                self.transactions = self.transactions.saturating_add(1);
            }
            let place = block.place(log);
            match &log.said {
                Kept::Entry(entry) => self.append(entry, log.transaction, place, block.time)?,
                Kept::Rejected(rejected) => self.reject(rejected, place)?,
            }
        }
        Ok(())
    }

    /// Nothing comes after. The head must be this one, if it is proven.
    pub(crate) fn end(&self, proven: Option<LogHead>) -> Result<(), Box<Fault>> {
        if let Some(open) = &self.open {
            return Err(not_whole(open, "the end of the log"));
        }
        let Some(proven) = proven else { return Ok(()) };
        let place = Place {
            position: Some(self.head.position),
            ..Place::default()
        };
        if self.head.position != proven.position {
            let expected = format_args!("entries up to position {}", proven.position);
            let got = format_args!("entries up to position {}", self.head.position);
            return Err(Fault::new(Check::Position, place, expected, got));
        }
        if self.head.running_hash != proven.running_hash {
            let [expected, got] = [proven, self.head].map(|head| crate::text::Hex(head.running_hash));
            return Err(Fault::new(Check::RunningHash, place, expected, got));
        }
        Ok(())
    }

    fn append(&mut self, entry: &KeptEntry, transaction: Hash, place: Place, time: u64) -> Result<(), Box<Fault>> {
        let placed = &entry.placed;
        let next = self.head.position.saturating_add(1);
        if placed.position != next {
            return Err(Fault::new(Check::Position, place, next, placed.position));
        }
        let next = self
            .tips
            .get(&placed.stream)
            .map_or(0, |tip| tip.version)
            .saturating_add(1);
        if placed.version != next {
            return Err(Fault::new(Check::Stream, place, next, placed.version));
        }
        self.of_commit(placed, transaction, place)?;
        let lawful = match &entry.act {
            Some(act) => self.namespaces.administer(&placed.stream, placed.origin, act, time),
            None => self.namespaces.admits(Namespace::of(&placed.stream), placed.origin),
        };
        lawful.map_err(|Unlawful { expected, got }| Fault::new(Check::Namespace, place, expected, got))?;
        let of_namespace = self.entries_in.entry(Namespace::of(&placed.stream)).or_default();
        *of_namespace = of_namespace.saturating_add(1);
        let tip = self.head.advance_hashed(placed, entry.payload_hash);
        self.tips.insert(placed.stream, tip);
        Ok(())
    }

    /// Checks that the entry is the next of its commit, or the first of one.
    fn of_commit(&mut self, entry: &PlacedEntry, transaction: Hash, place: Place) -> Result<(), Box<Fault>> {
        let Origin { count, index, .. } = entry.origin;
        let got = format!("entry {index} of {count}");
        match &mut self.open {
            None if index != 0 => return Err(Fault::new(Check::Commit, place, "the first entry of a commit", got)),
            None => {
                self.commits = self.commits.saturating_add(1);
                self.open = Some(OpenCommit {
                    transaction,
                    count,
                    next: 1,
                    stream: entry.stream,
                    streams: HashSet::from([entry.stream]),
                    place,
                });
            }
            Some(open) => {
                let is_next = (open.transaction, open.count, open.next) == (transaction, count, index);
                // The entries of one stream stand together: a commit has one part for each.
                let stays = open.stream == entry.stream;
                if !is_next || !(stays || open.streams.insert(entry.stream)) {
                    return Err(Fault::new(Check::Commit, place, open.expected(), got));
                }
                (open.next, open.stream, open.place) = (index.saturating_add(1), entry.stream, place);
            }
        }
        self.open.take_if(|open| open.next >= open.count);
        Ok(())
    }

    /// Checks that the stream did not stand where the commit must have expected it, as far as the log tells: it shows where it stood.
    fn reject(&mut self, rejected: &RejectedCommit, place: Place) -> Result<(), Box<Fault>> {
        if let Some(open) = &self.open {
            return Err(not_whole(open, "a rejected commit"));
        }
        let tip = self.tips.get(&rejected.stream);
        let head = tip.map_or_else(StreamHead::default, StreamTip::head);
        if rejected.actual != head {
            let expected = RejectedCommit {
                actual: head,
                ..*rejected
            };
            let [expected, got] = [&expected, rejected].map(fault::rejection);
            return Err(Fault::new(Check::Rejection, place, expected, got));
        }
        self.rejected = self.rejected.saturating_add(1);
        Ok(())
    }
}

impl OpenCommit {
    fn expected(&self) -> String {
        format!("entry {} of {} of the commit before", self.next, self.count)
    }
}

fn not_whole(open: &OpenCommit, got: &str) -> Box<Fault> {
    Fault::new(Check::Commit, open.place, open.expected(), got)
}

#[cfg(test)]
mod tests {
    use super::*;
    use infrastructure::chain::Address;
    use infrastructure::chain::codec::Said;
    use infrastructure::log::{AppendedEntry, Payload};

    use crate::evidence::{ProvenBlock, ProvenLog};
    use crate::header::Header;

    const WRITER: Address = Address([5; 20]);

    fn entry(stream: StreamId, version: u64, position: u64, (index, count): (u16, u16), payload: &[u8]) -> Said {
        let administers = Namespace::of(&stream) == Namespace::ADMINISTRATION;
        Said::Appended(AppendedEntry {
            stream,
            version,
            position,
            origin: Origin {
                count,
                index,
                writer: u32::from(!administers),
            },
            payload: Payload::from(payload),
            transaction: [position.min(4) as u8; 32],
        })
    }

    fn rejected(stream: StreamId, actual: StreamHead) -> Said {
        Said::Rejected(RejectedCommit {
            transaction: [9; 32],
            index: 0,
            stream,
            actual,
        })
    }

    fn stream(name: &[u8]) -> StreamId {
        Namespace(1).stream(name)
    }

    fn administration() -> StreamId {
        let mut stream = [0; 32];
        stream[31] = 1;
        StreamId(stream)
    }

    /// A namespace with a writer, a commit of one, and a commit of three entries on two streams.
    fn log() -> Vec<Said> {
        let opened = [&[1, 1, 0, 0, 0, 0][..], &WRITER.0].concat();
        let admitted = [&[2, 0, 0, 0, 1][..], &WRITER.0].concat();
        vec![
            entry(administration(), 1, 1, (0, 1), &opened),
            entry(administration(), 2, 2, (0, 1), &admitted),
            entry(stream(b"a"), 1, 3, (0, 1), b"one"),
            entry(stream(b"a"), 2, 4, (0, 3), b"two"),
            entry(stream(b"a"), 3, 5, (1, 3), b"three"),
            entry(stream(b"b"), 1, 6, (2, 3), b"four"),
        ]
    }

    fn head(log: &[Said]) -> LogHead {
        let mut head = LogHead::genesis(1, WRITER);
        for said in log {
            if let Said::Appended(entry) = said {
                head.advance(entry);
            }
        }
        head
    }

    fn replayed(log: &[Said], proven: LogHead) -> Result<History, Box<Fault>> {
        let mut history = History::new(LogHead::genesis(1, WRITER));
        let logs = log.iter().map(|said| ProvenLog {
            transaction_index: 0,
            log_index: 0,
            transaction: match said {
                Said::Appended(entry) => entry.transaction,
                Said::Rejected(rejected) => rejected.transaction,
            },
            said: said.clone(),
        });
        let block = ProvenBlock {
            header: Header::made_up(7),
            logs: logs.collect(),
        };
        history.take(&KeptBlock::from(block))?;
        history.end(Some(proven))?;
        Ok(history)
    }

    #[test]
    fn a_whole_log_is_replayed_to_its_head() {
        let log = log();
        let history = replayed(&log, head(&log)).unwrap();
        assert_eq!((history.head, history.commits), (head(&log), 4));
        assert_eq!((history.tips.len(), history.transactions), (3, 4));
    }

    #[test]
    fn whatever_is_not_as_it_must_be_is_found_where_it_is() {
        let (a, b) = (stream(b"a"), stream(b"b"));
        let head_of_a = StreamHead {
            version: 1,
            tag: [0; 8],
        };
        let with = |at: usize, said: Said| {
            let mut changed = log();
            changed[at] = said;
            changed
        };
        let without = |at: usize| {
            let mut cut = log();
            cut.remove(at);
            cut
        };
        let and = |said: Said| [log(), vec![said]].concat();
        for (what, log, check, position) in [
            ("an entry is missing", without(2), Check::Position, Some(4)),
            ("the last is missing", without(5), Check::Commit, Some(5)),
            (
                "a version is left out",
                with(2, entry(a, 2, 3, (0, 1), b"one")),
                Check::Stream,
                Some(3),
            ),
            (
                "a commit begins in its middle",
                with(2, entry(a, 1, 3, (1, 2), b"one")),
                Check::Commit,
                Some(3),
            ),
            (
                "an entry of another commit",
                with(4, entry(a, 3, 5, (0, 1), b"three")),
                Check::Commit,
                Some(5),
            ),
            (
                "a stream stands twice in a commit",
                [
                    log()[..4].to_vec(),
                    vec![entry(b, 1, 5, (1, 3), b"three"), entry(a, 3, 6, (2, 3), b"four")],
                ]
                .concat(),
                Check::Commit,
                Some(6),
            ),
            (
                "another payload",
                with(2, entry(a, 1, 3, (0, 1), b"another")),
                Check::RunningHash,
                Some(6),
            ),
            (
                "nobody admitted them",
                with(1, entry(administration(), 2, 2, (0, 1), &[6, 0])),
                Check::Namespace,
                Some(3),
            ),
            (
                "in a namespace that nobody opened",
                with(2, entry(Namespace(2).stream(b"a"), 1, 3, (0, 1), b"one")),
                Check::Namespace,
                Some(3),
            ),
            (
                "rejected at another head",
                and(rejected(a, head_of_a)),
                Check::Rejection,
                None,
            ),
        ] {
            let fault = replayed(&log, head(&self::log())).unwrap_err();
            assert_eq!(
                (fault.check, fault.place.position),
                (check, position),
                "{what}: {fault:?}"
            );
        }
        let tip = StreamHead::default().after(b"one").after(b"two").after(b"three");
        let history = replayed(&and(rejected(a, tip)), head(&log())).unwrap();
        assert_eq!(history.rejected, 1);
        assert!(
            replayed(
                &[log(), vec![rejected(stream(b"new"), StreamHead::default())]].concat(),
                head(&log())
            )
            .is_ok()
        );
    }

    #[test]
    fn a_log_that_ends_before_its_head_is_found() {
        let whole = log();
        let fault = replayed(&whole[..3], head(&whole)).unwrap_err();
        assert_eq!((fault.check, fault.place.position), (Check::Position, Some(3)));
        let fault = replayed(&whole[..4], head(&whole)).unwrap_err();
        assert_eq!((fault.check, fault.place.position), (Check::Commit, Some(4)));
    }
}
