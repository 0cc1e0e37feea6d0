//! What a node must show before it is believed. Pure.
//!
//! A node may lag, lie, or be on another chain. Its blocks must link, the positions of its log entries must be gapless, and the
//! running hash over the entries must be what the contract says. So a node cannot leave an entry out, alter one, or invent one
//! without also forging the contract's state.

use application::log::Position;

use crate::log::{LogBlock, LogHead, StreamHead};

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
    /// The checkpoint is of another chain or contract.
    #[error("the database follows another chain or contract")]
    OtherLog,
    /// There is no such contract on the node's chain.
    #[error("there is no event log at the configured address")]
    NoContract,
}

/// A block whose entries continue the log, with the head after each entry's stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedBlock {
    /// The block.
    pub log: LogBlock,
    /// The log after it.
    pub head: LogHead,
    /// The head of each entry's stream after the entry.
    pub stream_heads: Vec<StreamHead>,
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
        let mut stream_heads = Vec::with_capacity(log.appended.len());
        for entry in &log.appended {
            let expected = head.position.saturating_add(1);
            if entry.position != expected {
                return Err(Distrust::Gap {
                    expected,
                    found: entry.position,
                });
            }
            stream_heads.push(head.advance(entry));
        }
        checked.push(CheckedBlock {
            log,
            head,
            stream_heads,
        });
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use application::log::{BlockRef, StreamId};

    use super::*;
    use crate::log::AppendedEntry;

    const GENESIS: LogHead = LogHead {
        position: 0,
        running_hash: [7; 32],
    };

    fn entry(position: Position) -> AppendedEntry {
        AppendedEntry {
            stream: StreamId([1; 32]),
            version: position,
            position,
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
        assert_eq!(checked[2].stream_heads[0].version, 3);
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

    #[test]
    fn an_altered_payload_is_noticed() {
        let mut altered = block(5, &[1]);
        altered.appended[0].payload = vec![9].into();
        let refused = check(vec![altered], GENESIS, head_after(&[1]));
        assert_eq!(refused, Err(Distrust::RunningHash { block: 5 }));
    }
}
