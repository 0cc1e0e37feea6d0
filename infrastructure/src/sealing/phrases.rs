//! Packing with phrases: for short sections, where the frame of a general compressor would cost more than it saves.
//!
//! Packed bytes are turns of `length:varint literal bytes  phrase number:varint`. Number 0 is the empty phrase, and a turn may end after its
//! literals; so any number of zero bytes at the end says nothing, and is the padding.

use super::vocabulary::Vocabulary;
use super::{MAX_CONTENT, varint};

/// Packs. What has no phrases grows by the bytes of its length.
pub(super) fn pack(vocabulary: &Vocabulary, content: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(content.len() + 2);
    let (mut done, mut at) = (0, 0);
    while let Some(rest) = content.get(at..).filter(|rest| !rest.is_empty()) {
        let Some((number, length)) = vocabulary.longest_at(rest) else {
            at += 1;
            continue;
        };
        put_literal(&mut packed, content.get(done..at).unwrap_or_default());
        varint::put(&mut packed, number);
        at += length;
        done = at;
    }
    if let Some(rest) = content.get(done..).filter(|rest| !rest.is_empty()) {
        put_literal(&mut packed, rest);
    }
    packed
}

/// Unpacks, padding and all; `None` when the bytes are not packed like this.
pub(super) fn unpack(vocabulary: &Vocabulary, mut packed: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(packed.len() + 64);
    while !packed.is_empty() {
        let literal = varint::take_len(&mut packed)?;
        content.extend_from_slice(packed.get(..literal)?);
        packed = packed.get(literal..)?;
        if !packed.is_empty() {
            content.extend_from_slice(vocabulary.phrase(varint::take(&mut packed)?)?);
        }
        if content.len() > MAX_CONTENT {
            return None;
        }
    }
    Some(content)
}

fn put_literal(packed: &mut Vec<u8>, literal: &[u8]) {
    varint::put(packed, literal.len() as u64);
    packed.extend_from_slice(literal);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_packed_unpacks_however_it_is_padded(content in any::<Vec<u8>>(), padding in 0..64_usize) {
            let vocabulary = Vocabulary::get();
            let mut packed = pack(vocabulary, &content);
            packed.resize(packed.len() + padding, 0);
            prop_assert_eq!(unpack(vocabulary, &packed), Some(content));
        }

        #[test]
        fn texts_of_the_vocabulary_unpack(numbers in prop::collection::vec(1..322_u64, 0..20), between in any::<Vec<u8>>()) {
            let vocabulary = Vocabulary::get();
            let mut content = Vec::new();
            for number in numbers {
                content.extend_from_slice(vocabulary.phrase(number).unwrap());
                content.extend_from_slice(&between);
            }
            prop_assert_eq!(unpack(vocabulary, &pack(vocabulary, &content)), Some(content));
        }

        #[test]
        fn any_bytes_unpack_or_are_refused(packed in any::<Vec<u8>>()) {
            let _ = unpack(Vocabulary::get(), &packed);
        }
    }

    #[test]
    fn a_frequent_phrase_costs_two_bytes() {
        let vocabulary = Vocabulary::get();
        assert_eq!(pack(vocabulary, vocabulary.phrase(1).unwrap()), [0, 1]);
    }
}
