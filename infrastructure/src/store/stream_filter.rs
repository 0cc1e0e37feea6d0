//! Which streams exist, as far as the journal has told: so that the first command on a new stream asks no database.
//!
//! A Bloom filter of fixed size over the stream ids, which are as good as random. It may say of a stream that it exists when
//! it does not, which costs a read. That it says of a stream that it does not exist is as true as the journal was
//! when the last notice was heard, which is what a read of the journal says as well; and the contract has the last word.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use application::log::StreamId;

/// 2^26 bits are 8 MiB: one wrong answer in 200 at five million streams.
const WORDS: usize = 1 << 20;

/// The filter.
pub(super) struct KnownStreams {
    words: Box<[AtomicU64]>,
    complete: AtomicBool,
}

impl KnownStreams {
    pub(super) fn new() -> Self {
        Self {
            words: (0..WORDS).map(|_| AtomicU64::new(0)).collect(),
            complete: AtomicBool::new(false),
        }
    }

    /// The stream exists.
    pub(super) fn insert(&self, stream: &StreamId) {
        for (word, bit) in places(stream) {
            if let Some(word) = self.words.get(word) {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }

    /// Whether the stream may exist. Until the filter is complete, every one may.
    pub(super) fn may_exist(&self, stream: &StreamId) -> bool {
        let set = |(word, bit): (usize, u64)| {
            self.words
                .get(word)
                .is_none_or(|word| word.load(Ordering::Relaxed) & bit != 0)
        };
        !self.complete.load(Ordering::Acquire) || places(stream).all(set)
    }

    /// Whether every stream of the journal is in it, and every further one will be.
    pub(super) fn set_complete(&self, complete: bool) {
        self.complete.store(complete, Ordering::Release);
    }
}

/// Four places, each from four bytes of the name after the namespace, which all of them have: the word, and the bit in it.
fn places(stream: &StreamId) -> impl Iterator<Item = (usize, u64)> + use<> {
    let (numbers, _) = stream.0.as_chunks::<4>();
    let numbers: [u32; 8] = std::array::from_fn(|at| numbers.get(at).map_or(0, |bytes| u32::from_le_bytes(*bytes)));
    numbers.into_iter().skip(1).take(4).map(|number| {
        let place = usize::try_from(number).unwrap_or_default() % (WORDS * 64);
        (place / 64, 1 << (place % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Namespace;

    fn stream(number: u64) -> StreamId {
        let secret = crate::keys::MasterSecret::new([1; 32]);
        let patient = domain::kernel::PatientId::new(uuid::Uuid::from_u128(number.into()));
        crate::sealing::StreamNames::new(&secret, Namespace(1)).seal(&patient.into())
    }

    #[test]
    fn a_known_stream_is_never_thought_new() {
        let known = KnownStreams::new();
        known.set_complete(true);
        for number in 0..2_000 {
            known.insert(&stream(number));
        }
        assert!((0..2_000).all(|number| known.may_exist(&stream(number))));
        let wrong = (2_000..4_000)
            .filter(|number| known.may_exist(&stream(*number)))
            .count();
        assert!(wrong < 5, "{wrong} of 2000 new streams are thought to exist");
    }

    #[test]
    fn until_it_is_complete_every_stream_may_exist() {
        let known = KnownStreams::new();
        assert!(known.may_exist(&stream(1)));
    }
}
