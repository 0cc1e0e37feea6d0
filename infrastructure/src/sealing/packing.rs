//! Takes out of a section what repeats, by whichever way makes it smallest.

use super::vocabulary::Vocabulary;
use super::{phrases, zstd_frame};

/// Below this, the frame of zstd costs more than it saves over phrases.
const WORTH_ZSTD: usize = 96;

/// How a section is packed. The numbers are written in the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Packing {
    /// As it is. It has no room for padding, so it is for a section that another one follows.
    Plain = 0,
    /// [`phrases`].
    Phrases = 1,
    /// [`zstd_frame`].
    Zstd = 2,
}

impl Packing {
    /// The number in the header.
    pub(super) const fn code(self) -> u8 {
        self as u8
    }

    /// The packing behind a number.
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Plain),
            1 => Some(Self::Phrases),
            2 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Packs a section so that zero bytes may follow.
pub(super) fn pack_last(content: &[u8]) -> (Packing, Vec<u8>) {
    let packed = phrases::pack(Vocabulary::get(), content);
    if content.len() >= WORTH_ZSTD
        && let Some(frame) = zstd_frame::pack(content)
        && frame.len() < packed.len()
    {
        return (Packing::Zstd, frame);
    }
    (Packing::Phrases, packed)
}

/// Packs a section that another one follows.
pub(super) fn pack_first(content: Vec<u8>) -> (Packing, Vec<u8>) {
    let (packing, packed) = pack_last(&content);
    if packed.len() < content.len() {
        (packing, packed)
    } else {
        (Packing::Plain, content)
    }
}

/// Unpacks; `None` when the bytes are not packed like this.
pub(super) fn unpack(packing: Packing, packed: Vec<u8>) -> Option<Vec<u8>> {
    match packing {
        Packing::Plain => Some(packed),
        Packing::Phrases => phrases::unpack(Vocabulary::get(), &packed),
        Packing::Zstd => zstd_frame::unpack(&packed),
    }
}
