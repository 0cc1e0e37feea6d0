//! Packing with zstd: for long sections. The dictionary is the vocabulary's words.
//!
//! Packed bytes are `content length:varint frame length:varint frame`, and zero bytes as padding. The frame has no magic number, dictionary id or
//! checksum: the format says the first two, and the seal does better than the last. There is one way to write a frame's header, and nothing stands behind it, so that every reader takes
//! and refuses the same.

use std::cell::RefCell;
use std::sync::OnceLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{CParameter, DParameter, FrameFormat};

use super::vocabulary::Vocabulary;
use super::{MAX_CONTENT, varint};

/// As small as it gets: bytes on the chain cost more than time.
const LEVEL: i32 = 19;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(compressor().ok());
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = RefCell::new(decompressor().ok());
}

fn compressor() -> std::io::Result<Compressor<'static>> {
    static DICTIONARY: OnceLock<EncoderDictionary<'static>> = OnceLock::new();
    let dictionary = DICTIONARY.get_or_init(|| EncoderDictionary::copy(&Vocabulary::get().dictionary(), LEVEL));
    let mut compressor = Compressor::with_prepared_dictionary(dictionary)?;
    for parameter in [
        CParameter::Format(FrameFormat::Magicless),
        CParameter::ContentSizeFlag(false),
        CParameter::ChecksumFlag(false),
        CParameter::DictIdFlag(false),
    ] {
        compressor.set_parameter(parameter)?;
    }
    Ok(compressor)
}

fn decompressor() -> std::io::Result<Decompressor<'static>> {
    static DICTIONARY: OnceLock<DecoderDictionary<'static>> = OnceLock::new();
    let dictionary = DICTIONARY.get_or_init(|| DecoderDictionary::copy(&Vocabulary::get().dictionary()));
    let mut decompressor = Decompressor::with_prepared_dictionary(dictionary)?;
    decompressor.set_parameter(DParameter::Format(FrameFormat::Magicless))?;
    Ok(decompressor)
}

/// Packs; `None` when zstd refuses.
pub(super) fn pack(content: &[u8]) -> Option<Vec<u8>> {
    let frame = COMPRESSOR.with_borrow_mut(|compressor| compressor.as_mut()?.compress(content).ok())?;
    let mut packed = Vec::with_capacity(frame.len() + 6);
    varint::put(&mut packed, content.len() as u64);
    varint::put(&mut packed, frame.len() as u64);
    packed.extend_from_slice(&frame);
    Some(packed)
}

/// Unpacks, padding and all; `None` when the bytes are not packed like this.
pub(super) fn unpack(mut packed: &[u8]) -> Option<Vec<u8>> {
    let length = varint::take_len(&mut packed).filter(|length| *length <= MAX_CONTENT)?;
    let length_of_frame = varint::take_len(&mut packed)?;
    let (frame, padding) = packed.split_at_checked(length_of_frame)?;
    if !is_one_frame(frame) || padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    let content = DECOMPRESSOR.with_borrow_mut(|decompressor| decompressor.as_mut()?.decompress(frame, length).ok())?;
    (content.len() == length).then_some(content)
}

/// The largest window that a frame may ask for is 8 MiB: as a frame's second byte writes it (RFC 8878, 3.1.1.1.2).
const LARGEST_WINDOW: u8 = (23 - 10) << 3;

/// Whether bytes are one frame (RFC 8878, 3.1.1), without a magic number and with nothing in its header but the window, and nothing behind it. What is in its blocks the decoder sees.
fn is_one_frame(frame: &[u8]) -> bool {
    let Some(([0, window], mut blocks)) = frame.split_first_chunk() else {
        return false;
    };
    loop {
        let Some(([a, b, c], rest)) = blocks.split_first_chunk() else {
            return false;
        };
        let header = u32::from_le_bytes([*a, *b, *c, 0]);
        let size = match header >> 1 & 0b11 {
            // Repeated, one byte says which.
            1 => 1,
            _ => usize::try_from(header >> 3).unwrap_or(usize::MAX),
        };
        let Some(rest) = rest.get(size..) else { return false };
        if header & 1 == 1 {
            return rest.is_empty() && *window <= LARGEST_WINDOW;
        }
        blocks = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_packed_unpacks_however_it_is_padded(content in any::<Vec<u8>>(), padding in 0..64_usize) {
            let mut packed = pack(&content).unwrap();
            packed.resize(packed.len() + padding, 0);
            prop_assert_eq!(unpack(&packed), Some(content));
        }

        #[test]
        fn any_bytes_unpack_or_are_refused(packed in any::<Vec<u8>>()) {
            let _ = unpack(&packed);
        }
    }

    /// A frame as it is packed, with what is said of both lengths.
    fn packed_as(frame: &[u8], content: usize, behind: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        varint::put(&mut packed, content as u64);
        varint::put(&mut packed, frame.len() as u64);
        [&packed, frame, behind].concat()
    }

    #[test]
    fn one_frame_with_nothing_else_is_taken_and_any_other_is_refused() {
        let content = b"what was found, and what was found again and again and again".repeat(9);
        let packed = pack(&content).unwrap();
        let mut rest = packed.as_slice();
        varint::take_len(&mut rest).unwrap();
        let length = varint::take_len(&mut rest).unwrap();
        let frame = &rest[..length];
        assert_eq!(unpack(&packed_as(frame, content.len(), &[0; 5])), Some(content.clone()));
        assert_eq!(unpack(&packed_as(frame, content.len(), &[0, 1])), None, "padding");
        let twice = [frame, frame].concat();
        assert_eq!(unpack(&packed_as(&twice, 2 * content.len(), &[])), None, "two frames");
        let junk = [frame, &[0, 0]].concat();
        assert_eq!(
            unpack(&packed_as(&junk, content.len(), &[])),
            None,
            "junk behind a frame"
        );
        // A checksum, a content size, a dictionary's id, and a window of 16 MiB.
        for (at, byte) in [(0, 0b100), (0, 0b0100_0000), (0, 0b1), (1, (24 - 10) << 3)] {
            let mut other = frame.to_vec();
            other[at] = byte;
            assert_eq!(unpack(&packed_as(&other, content.len(), &[])), None, "{at}: {byte}");
        }
    }

    #[test]
    fn a_frame_that_claims_to_be_huge_is_refused() {
        let mut packed = Vec::new();
        varint::put(&mut packed, MAX_CONTENT as u64 + 1);
        packed.extend_from_slice(&[0; 40]);
        assert_eq!(unpack(&packed), None);
    }
}
