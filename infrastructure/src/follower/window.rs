//! The last blocks applied, linked by their hashes, and what they say about the chain that a node shows now. Pure.

use std::collections::VecDeque;

use application::log::BlockRef;

use crate::log::LogHead;

/// A block that was applied, and where the log stood after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppliedBlock {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The log after it.
    pub head: LogHead,
    /// What of the log meant nothing here, up to and with it.
    pub unread: Unread,
}

/// How many entries of the log could not be read, or not whole, or mean nothing. Beside them some may be parked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unread {
    /// In streams that are not ours.
    pub foreign: u64,
    /// In streams of ours, and not authentic.
    pub void: u64,
    /// With a personal section that its key does not open.
    pub unreadable: u64,
    /// In namespaces that are shared, and against the rules that all who share them hold to.
    pub overruled: u64,
}

impl Unread {
    /// Both together.
    #[must_use]
    pub const fn plus(self, more: Self) -> Self {
        Self {
            foreign: self.foreign.saturating_add(more.foreign),
            void: self.void.saturating_add(more.void),
            unreadable: self.unreadable.saturating_add(more.unreadable),
            overruled: self.overruled.saturating_add(more.overruled),
        }
    }
}

impl AppliedBlock {
    /// As much of its header as was kept.
    pub const fn header(&self) -> BlockRef {
        BlockRef {
            number: self.number,
            hash: self.hash,
            parent_hash: [0; 32],
            timestamp: 0,
        }
    }
}

/// The blocks that can still be undone, and those before them that a node is compared with. Never empty: it begins with the block
/// before the first that can be applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    blocks: VecDeque<AppliedBlock>,
    last: AppliedBlock,
}

/// What a node's headers mean for the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fork {
    /// The node agrees with the newest block: nothing to undo.
    None,
    /// Everything above this block is to be undone.
    Above(AppliedBlock),
    /// The node agrees with no block of the window.
    TooDeep,
}

impl Window {
    /// A window that begins with a block.
    pub fn starting_at(block: AppliedBlock) -> Self {
        Self {
            blocks: VecDeque::new(),
            last: block,
        }
    }

    /// A window of blocks in the order of their numbers; `None` when there is none.
    pub fn from_blocks(blocks: impl IntoIterator<Item = AppliedBlock>) -> Option<Self> {
        let mut blocks: VecDeque<_> = blocks.into_iter().collect();
        let last = blocks.pop_back()?;
        Some(Self { blocks, last })
    }

    /// The newest block.
    pub const fn last(&self) -> &AppliedBlock {
        &self.last
    }

    /// The oldest block.
    pub fn first(&self) -> &AppliedBlock {
        self.blocks.front().unwrap_or(&self.last)
    }

    /// The block with this number.
    pub fn at(&self, number: u64) -> Option<&AppliedBlock> {
        if number == self.last.number {
            return Some(&self.last);
        }
        let place = self.blocks.binary_search_by_key(&number, |block| block.number).ok()?;
        self.blocks.get(place)
    }

    /// Whether this block is the child of the newest one.
    pub fn is_next(&self, block: &BlockRef) -> bool {
        Some(block.number) == self.last.number.checked_add(1) && block.parent_hash == self.last.hash
    }

    /// Appends the next block.
    pub fn push(&mut self, block: AppliedBlock) {
        self.blocks.push_back(std::mem::replace(&mut self.last, block));
    }

    /// Forgets the blocks before `number`, the newest one never.
    pub fn forget_before(&mut self, number: u64) {
        while self.blocks.front().is_some_and(|block| block.number < number) {
            self.blocks.pop_front();
        }
    }

    /// Forgets everything above a block that [`Fork::Above`] named.
    pub fn truncate_to(&mut self, number: u64) {
        while self.last.number > number {
            match self.blocks.pop_back() {
                Some(block) => self.last = block,
                None => return,
            }
        }
    }

    /// Takes over what another window of the same chain counts of what could not be read.
    pub fn count_as(&mut self, other: &Self) {
        for block in self.blocks.iter_mut().chain([&mut self.last]) {
            let counted = other.at(block.number).filter(|counted| counted.hash == block.hash);
            block.unread = counted.map_or(block.unread, |counted| counted.unread);
        }
    }

    /// Compares the window with a node's headers, in any order: the newest block on which both agree is where they part.
    pub fn fork(&self, headers: &[BlockRef]) -> Fork {
        let shared = headers.iter().filter_map(|header| {
            let ours = self.at(header.number)?;
            (ours.hash == header.hash).then_some(ours)
        });
        match shared.max_by_key(|block| block.number) {
            Some(block) if block.number == self.last.number => Fork::None,
            Some(block) => Fork::Above(*block),
            None => Fork::TooDeep,
        }
    }

    /// The blocks, the newest first.
    pub fn blocks(&self) -> impl Iterator<Item = &AppliedBlock> {
        self.newest_first()
    }

    fn newest_first(&self) -> impl Iterator<Item = &AppliedBlock> {
        std::iter::once(&self.last).chain(self.blocks.iter().rev())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn applied(number: u64, branch: u8) -> AppliedBlock {
        let head = LogHead {
            position: number,
            running_hash: [branch; 32],
        };
        AppliedBlock {
            number,
            hash: hash(number, branch),
            head,
            unread: Unread::default(),
        }
    }

    fn hash(number: u64, branch: u8) -> [u8; 32] {
        let mut hash = [branch; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash
    }

    fn header(number: u64, branch: u8, parent_branch: u8) -> BlockRef {
        BlockRef {
            number,
            hash: hash(number, branch),
            parent_hash: hash(number - 1, parent_branch),
            timestamp: number,
        }
    }

    fn window(numbers: std::ops::RangeInclusive<u64>) -> Window {
        Window::from_blocks(numbers.map(|number| applied(number, 0))).unwrap()
    }

    #[test]
    fn a_child_of_the_newest_block_extends_the_window() {
        let mut window = window(1..=3);
        assert!(window.is_next(&header(4, 0, 0)));
        window.push(applied(4, 0));
        assert_eq!(window.last().number, 4);
    }

    #[test]
    fn a_block_with_another_parent_or_a_gap_does_not_extend_it() {
        let window = window(1..=3);
        assert!(!window.is_next(&header(4, 1, 1)));
        assert!(!window.is_next(&header(5, 0, 0)));
    }

    #[test]
    fn the_chains_part_at_the_newest_block_on_which_they_agree() {
        let headers = [header(1, 0, 0), header(2, 0, 0), header(3, 1, 0), header(4, 1, 1)];
        assert_eq!(window(1..=4).fork(&headers), Fork::Above(applied(2, 0)));
    }

    #[test]
    fn a_node_that_agrees_with_the_newest_block_has_not_reorganised() {
        assert_eq!(window(1..=4).fork(&[header(4, 0, 0)]), Fork::None);
    }

    #[test]
    fn a_node_that_agrees_with_nothing_is_out_of_reach() {
        assert_eq!(window(2..=4).fork(&[header(2, 1, 1), header(3, 1, 1)]), Fork::TooDeep);
        assert_eq!(window(2..=4).fork(&[]), Fork::TooDeep);
    }

    #[test]
    fn what_is_final_is_forgotten_but_never_the_newest_block() {
        let mut window = window(1..=4);
        window.forget_before(3);
        assert_eq!(window.first().number, 3);
        window.forget_before(9);
        assert_eq!(window.first(), window.last());
    }

    proptest! {
        #[test]
        fn truncating_to_the_fork_lets_the_other_branch_follow(length in 2u64..40, parts in 1u64..40) {
            let parts = parts.min(length);
            let mut window = window(1..=length);
            let headers: Vec<_> = (1..=length + 1)
                .map(|number| header(number, u8::from(number > parts), u8::from(number > parts + 1)))
                .collect();
            match window.fork(&headers) {
                Fork::None => prop_assert_eq!(parts, length),
                Fork::Above(block) => {
                    prop_assert_eq!(block.number, parts);
                    window.truncate_to(block.number);
                }
                Fork::TooDeep => prop_assert!(false, "they share the first block"),
            }
            prop_assert_eq!(window.last().number, parts);
            prop_assert!(window.is_next(&headers[usize::try_from(parts).unwrap()]));
        }
    }
}
