//! Packing with zstd: for long sections. The dictionary is the vocabulary's words.
//!
//! Packed bytes are `content length:varint frame length:varint frame`, and zero bytes as padding. The frame has no magic number, dictionary id or
//! checksum: the format says the first two, and the seal does better than the last.

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
    let frame = varint::take_len(&mut packed).and_then(|length| packed.get(..length))?;
    let content = DECOMPRESSOR.with_borrow_mut(|decompressor| decompressor.as_mut()?.decompress(frame, length).ok())?;
    (content.len() == length).then_some(content)
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

    #[test]
    fn a_frame_that_claims_to_be_huge_is_refused() {
        let mut packed = Vec::new();
        varint::put(&mut packed, MAX_CONTENT as u64 + 1);
        packed.extend_from_slice(&[0; 40]);
        assert_eq!(unpack(&packed), None);
    }
}
