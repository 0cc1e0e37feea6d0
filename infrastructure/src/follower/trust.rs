//! What a node must show before it is believed. Pure.
//!
//! A node may lag, lie, or be on another chain. Its blocks must link, the positions of its log entries must be gapless, and the
//! running hash over the entries must be what the contract says. So a node cannot leave an entry out, alter one, or invent one
//! without also forging the contract's state.

use std::collections::{HashMap, HashSet};

use application::log::{Position, StreamId};

use super::writers::Writers;
use crate::chain::{Address, Hash};
use crate::log::{AppendedEntry, LogBlock, LogHead, Namespace, RejectedCommit, StreamHead, StreamPart, StreamTip};

/// Why a node is not believed. Nothing that it said was applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Distrust {
    /// An entry has another position than the next one: one is missing, or one was invented.
    #[error("the node shows position {found} where {expected} comes next")]
    Gap {
        /// The next position.
        expected: Position,
        /// What the node shows.
        found: Position,
    },
    /// The entries do not add up to the contract's head.
    #[error("the node's log entries up to block {block} do not add up to the contract's running hash")]
    RunningHash {
        /// The last of the blocks in question.
        block: u64,
    },
    /// The node's chain has fewer blocks than were applied, and stays so.
    #[error("the node is at block {node}, behind the block {applied} that was applied")]
    WentBack {
        /// Where the node is.
        node: u64,
        /// What was applied.
        applied: u64,
    },
    /// The node contradicts what is final.
    #[error("the node contradicts block {block}, which is final")]
    ContradictsFinal {
        /// The newest block that is contradicted.
        block: u64,
    },
    /// A commit cannot have been rejected as the node shows it.
    #[error("the node shows a rejection in block {block} that contradicts the log")]
    Rejection {
        /// The block.
        block: u64,
    },
    /// The checkpoint is of another chain, contract or namespace.
    #[error("the database follows another chain, contract or namespace")]
    OtherLog,
    /// There is no such contract on the node's chain.
    #[error("there is no event log at the configured address")]
    NoContract,
}

/// A block whose entries continue the log, with where each entry's stream ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedBlock {
    /// The block.
    pub log: LogBlock,
    /// The log after it.
    pub head: LogHead,
    /// Where each entry's stream ends after the entry.
    pub tips: Vec<StreamTip>,
}

/// Checks that blocks continue the log from `head`, and that the contract agrees after the last of them.
///
/// # Errors
/// [`Distrust`].
pub fn check(blocks: Vec<LogBlock>, head: LogHead, contract: LogHead) -> Result<Vec<CheckedBlock>, Distrust> {
    let checked = advance(blocks, head)?;
    match checked.last() {
        Some(last) if last.head != contract => Err(Distrust::RunningHash {
            block: last.log.block.number,
        }),
        _ => Ok(checked),
    }
}

/// Checks that blocks continue the log from `head`. What was altered or left out at the end shows only when the head after them
/// is compared with the contract's.
///
/// # Errors
/// [`Distrust::Gap`].
pub fn advance(blocks: Vec<LogBlock>, mut head: LogHead) -> Result<Vec<CheckedBlock>, Distrust> {
    let mut checked = Vec::with_capacity(blocks.len());
    for log in blocks {
        let mut tips = Vec::with_capacity(log.appended.len());
        for entry in &log.appended {
            let expected = head.position.saturating_add(1);
            if entry.position != expected {
                return Err(Distrust::Gap {
                    expected,
                    found: entry.position,
                });
            }
            tips.push(head.advance(entry));
        }
        checked.push(CheckedBlock { log, head, tips });
    }
    Ok(checked)
}

/// The commits of a transaction that this organisation has sent, and from which account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The account.
    pub sender: Address,
    /// The parts of its commits, in order.
    pub commits: Vec<Vec<StreamPart>>,
}

/// What is known before the blocks whose rejections are checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Where the streams of their rejections stood.
    pub heads: HashMap<StreamId, StreamHead>,
    /// Who wrote in the namespaces of those streams.
    pub writers: Writers,
    /// What this organisation has sent.
    pub ours: HashMap<Hash, Sent>,
}

/// Checks that commits can have been rejected as the blocks say.
///
/// The stream of one of our commits must really have stood where its rejection says, at some time in the block. The commit must have expected it
/// elsewhere, or its sender must have been no writer at some time in the block; and nothing of it may be among what its transaction appended.
///
/// # Errors
/// [`Distrust::Rejection`].
pub fn check_rejections(
    blocks: &[CheckedBlock],
    Known {
        mut heads,
        mut writers,
        ours,
    }: Known,
) -> Result<(), Distrust> {
    for block in blocks {
        let senders = || ours.values().map(|sent| &sent.sender);
        let mut without_right: HashSet<(Namespace, Address)> = writers.lacking(senders()).into_iter().collect();
        let mut seen: HashMap<StreamId, Vec<StreamHead>> =
            heads.iter().map(|(stream, head)| (*stream, vec![*head])).collect();
        for (entry, tip) in block.log.appended.iter().zip(&block.tips) {
            if let Some(seen) = seen.get_mut(&entry.stream) {
                seen.push(tip.head());
                heads.insert(entry.stream, tip.head());
            }
            writers.take_in(&entry.stream, &entry.payload);
            if Namespace::of(&entry.stream) == Namespace::ADMINISTRATION {
                without_right.extend(writers.lacking(senders()));
            }
        }
        let stood_there = |rejection: &RejectedCommit| {
            let seen = seen.get(&rejection.stream);
            seen.is_some_and(|seen| seen.contains(&rejection.actual))
        };
        let is_possible = |rejection: &RejectedCommit| match ours.get(&rejection.transaction) {
            // Nothing here depends on what became of somebody else's commit.
            None => true,
            Some(Sent { sender, commits }) => {
                let index = usize::try_from(rejection.index).unwrap_or(usize::MAX);
                let may_lack_the_right = without_right.contains(&(Namespace::of(&rejection.stream), *sender));
                let commit = commits.get(index);
                let possible = commit
                    .is_some_and(|commit| may_be_rejected(commit, rejection, may_lack_the_right, &block.log.appended));
                possible && stood_there(rejection)
            }
        };
        let mut rejected = block.log.rejected.iter();
        if !rejected.all(is_possible) {
            return Err(Distrust::Rejection {
                block: block.log.block.number,
            });
        }
    }
    Ok(())
}

fn may_be_rejected(
    commit: &[StreamPart],
    rejection: &RejectedCommit,
    may_lack_the_right: bool,
    appended: &[AppendedEntry],
) -> bool {
    let is_named = |part: &&StreamPart| part.stream == rejection.stream;
    let has_cause = |part: &StreamPart| part.expected != rejection.actual || may_lack_the_right;
    let has = |entry: &AppendedEntry| {
        commit
            .iter()
            .any(|part| part.stream == entry.stream && part.payloads.contains(&entry.payload))
    };
    commit.iter().filter(is_named).any(has_cause)
        && !appended
            .iter()
            .any(|entry| entry.transaction == rejection.transaction && has(entry))
}

#[cfg(test)]
mod tests {
    use application::log::BlockRef;

    use super::*;
    use crate::log::Origin;

    const GENESIS: LogHead = LogHead {
        position: 0,
        running_hash: [7; 32],
    };

    fn entry(position: Position) -> AppendedEntry {
        AppendedEntry {
            stream: StreamId([1; 32]),
            version: position,
            position,
            origin: Origin {
                count: 1,
                index: 0,
                writer: 1,
            },
            payload: position.to_be_bytes().to_vec().into(),
            transaction: [2; 32],
        }
    }

    fn block(number: u64, positions: &[Position]) -> LogBlock {
        let block = BlockRef {
            number,
            hash: [3; 32],
            parent_hash: [4; 32],
            timestamp: number,
        };
        LogBlock {
            block,
            appended: positions.iter().copied().map(entry).collect(),
            rejected: Vec::new(),
        }
    }

    fn head_after(positions: &[Position]) -> LogHead {
        let mut head = GENESIS;
        for position in positions {
            head.advance(&entry(*position));
        }
        head
    }

    #[test]
    fn entries_that_add_up_to_the_contracts_head_are_believed() {
        let checked = check(
            vec![block(1, &[1, 2]), block(2, &[]), block(3, &[3])],
            GENESIS,
            head_after(&[1, 2, 3]),
        );
        let checked = checked.unwrap();
        assert_eq!(checked[0].head, head_after(&[1, 2]));
        assert_eq!(checked[1].head, head_after(&[1, 2]));
        assert_eq!(checked[2].tips[0].version, 3);
    }

    #[test]
    fn an_entry_left_out_in_the_middle_is_noticed() {
        let refused = check(vec![block(1, &[1, 3])], GENESIS, head_after(&[1, 2, 3]));
        assert_eq!(refused, Err(Distrust::Gap { expected: 2, found: 3 }));
    }

    #[test]
    fn an_entry_left_out_at_the_end_is_noticed() {
        let refused = check(vec![block(1, &[1])], GENESIS, head_after(&[1, 2]));
        assert_eq!(refused, Err(Distrust::RunningHash { block: 1 }));
    }

    #[test]
    fn an_entry_invented_at_the_end_is_noticed() {
        let refused = check(vec![block(1, &[1, 2])], GENESIS, head_after(&[1]));
        assert_eq!(refused, Err(Distrust::RunningHash { block: 1 }));
    }

    /// A stream with one event, whose block rejects the first commit of one of our transactions, which expects it at `expected`.
    fn rejecting(expected: StreamHead, actual: StreamHead, transaction: [u8; 32]) -> Result<(), Distrust> {
        let mut writers = Writers::none([NAMESPACE]);
        writers.take_in(&Namespace::about(NAMESPACE), &administered(2));
        rejecting_by(writers, None, expected, actual, transaction)
    }

    const NAMESPACE: Namespace = Namespace(0x0101_0101);

    /// The sender is admitted (2) or dismissed (3).
    fn administered(act: u8) -> Vec<u8> {
        [&[act, 0, 0, 0, 1][..], &[9; 20]].concat()
    }

    /// The same, where those are the writers before the blocks, and this happens in the first of them.
    fn rejecting_by(
        writers: Writers,
        act: Option<u8>,
        expected: StreamHead,
        actual: StreamHead,
        transaction: [u8; 32],
    ) -> Result<(), Distrust> {
        let mut rejecting = block(2, &[2]);
        rejecting.appended[0].transaction = transaction;
        let payload = rejecting.appended[0].payload.clone();
        rejecting.rejected.push(RejectedCommit {
            transaction: [8; 32],
            index: 0,
            stream: StreamId([1; 32]),
            actual,
        });
        let mut first = block(1, &[1]);
        if let Some(act) = act {
            first.appended.push(AppendedEntry {
                stream: Namespace::about(NAMESPACE),
                payload: administered(act).into(),
                ..entry(2)
            });
            rejecting.appended[0].position = 3;
        }
        let blocks = advance(vec![first, rejecting], GENESIS).unwrap();
        let commit = vec![StreamPart {
            stream: StreamId([1; 32]),
            expected,
            payloads: vec![payload],
        }];
        let heads = HashMap::from([(StreamId([1; 32]), StreamHead::default())]);
        let sent = Sent {
            sender: Address([9; 20]),
            commits: vec![commit],
        };
        let ours = HashMap::from([([8; 32], sent)]);
        check_rejections(&blocks, Known { heads, writers, ours })
    }

    fn heads_of_the_stream() -> [StreamHead; 2] {
        let checked = advance(vec![block(1, &[1, 2])], GENESIS).unwrap();
        [checked[0].tips[0].head(), checked[0].tips[1].head()]
    }

    const REFUSED: Result<(), Distrust> = Err(Distrust::Rejection { block: 2 });

    #[test]
    fn a_commit_may_be_rejected_that_expected_its_stream_elsewhere() {
        let [first, second] = heads_of_the_stream();
        assert_eq!(rejecting(StreamHead::default(), first, [2; 32]), Ok(()));
        assert_eq!(rejecting(first, second, [2; 32]), Ok(()), "it moved on in the block");
    }

    #[test]
    fn a_rejection_is_not_believed_where_the_stream_never_stood() {
        let [first, _] = heads_of_the_stream();
        assert_eq!(
            rejecting(first, StreamHead::default(), [2; 32]),
            REFUSED,
            "not in this block"
        );
        let nowhere = StreamHead {
            version: 7,
            tag: [7; 8],
        };
        assert_eq!(rejecting(first, nowhere, [2; 32]), REFUSED);
    }

    #[test]
    fn a_rejection_is_not_believed_where_the_stream_was_as_expected() {
        let [first, _] = heads_of_the_stream();
        assert_eq!(rejecting(first, first, [2; 32]), REFUSED);
    }

    #[test]
    fn a_commit_may_be_rejected_where_its_stream_was_as_expected_once_its_sender_is_no_writer() {
        let [first, _] = heads_of_the_stream();
        let nobody = Writers::none([NAMESPACE]);
        let mut sender = nobody.clone();
        sender.take_in(&Namespace::about(NAMESPACE), &administered(2));
        let by = |writers: &Writers, act| rejecting_by(writers.clone(), act, first, first, [2; 32]);
        assert_eq!(by(&nobody, None), Ok(()));
        assert_eq!(by(&sender, Some(3)), Ok(()), "dismissed in an earlier block");
        assert_eq!(by(&nobody, Some(2)), REFUSED, "admitted in an earlier block");
        assert_eq!(by(&sender, None), REFUSED);
    }

    #[test]
    fn a_commit_that_was_appended_was_not_rejected() {
        let [first, second] = heads_of_the_stream();
        assert_eq!(rejecting(first, second, [8; 32]), REFUSED);
    }

    #[test]
    fn an_altered_payload_is_noticed() {
        let mut altered = block(5, &[1]);
        altered.appended[0].payload = vec![9].into();
        let refused = check(vec![altered], GENESIS, head_after(&[1]));
        assert_eq!(refused, Err(Distrust::RunningHash { block: 5 }));
    }
}
