//! Reading what a contract has packed: numbers and bytes behind each other, big-endian.

use crate::consent::SignerId;

/// What is not read yet.
pub(super) struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn signer(&mut self) -> Option<SignerId> {
        self.bytes().map(SignerId)
    }

    /// A `uint40`.
    pub(super) fn number(&mut self) -> Option<u64> {
        let [a, b, c, d, e] = self.bytes()?;
        Some(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
    }

    /// What was read, if that was all.
    pub(super) fn end<T>(self, read: T) -> Option<T> {
        self.0.is_empty().then_some(read)
    }
}
