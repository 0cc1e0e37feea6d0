//! The part of a payload that is in the clear.
//!
//! ```text
//! first:1  epoch:varint  nonce:12  [reference:10  length of the shared section:varint]
//!
//! first    bits 7-6  the format, 2
//!          bit 5     a personal section follows the shared one: kind 1, or else kind 0
//!          bits 4-3  the packing of the shared section
//!          bits 2-1  the packing of the personal section
//!          bit 0     0
//! ```

use ring::aead::NONCE_LEN;

use super::packing::Packing;
use super::reference::{BLINDED, Blinded};
use super::varint;

/// The format written today: the top two bits of the first byte.
pub(crate) const FORMAT: u8 = 2;

/// The bits of the first byte.
const PERSONAL: u8 = 0b0010_0000;
const SHARED_PACKING_SHIFT: u8 = 3;
const PERSONAL_PACKING_SHIFT: u8 = 1;
const RESERVED: u8 = 0b0000_0001;

/// What a header says about the personal section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PersonalHeader {
    /// Under which key it is, for the organisation alone.
    pub(super) reference: Blinded,
    pub(super) packing: Packing,
    /// The length of the sealed shared section before it.
    pub(super) shared_length: usize,
}

/// A payload's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    /// Which of the namespace's secrets the shared section is under.
    pub(super) epoch: u64,
    pub(super) nonce: [u8; NONCE_LEN],
    pub(super) shared_packing: Packing,
    pub(super) personal: Option<PersonalHeader>,
}

/// Why a header cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HeaderError {
    /// Its format is none that this program knows.
    UnknownFormat(u8),
    /// It is too short, or says what no header says.
    Malformed,
}

impl Header {
    /// Appends the header.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let personal = self.personal.as_ref();
        out.push(
            FORMAT << 6
                | personal.map_or(0, |personal| {
                    PERSONAL | personal.packing.code() << PERSONAL_PACKING_SHIFT
                })
                | self.shared_packing.code() << SHARED_PACKING_SHIFT,
        );
        varint::put(out, self.epoch);
        out.extend_from_slice(&self.nonce);
        if let Some(personal) = personal {
            out.extend_from_slice(&personal.reference.0);
            varint::put(out, personal.shared_length as u64);
        }
    }

    /// Reads the header off the front, and answers with what follows it.
    pub(super) fn read(payload: &[u8]) -> Result<(Self, &[u8]), HeaderError> {
        let (&first, rest) = payload.split_first().ok_or(HeaderError::Malformed)?;
        if first >> 6 != FORMAT {
            return Err(HeaderError::UnknownFormat(first >> 6));
        }
        Self::read_fields(first, rest).ok_or(HeaderError::Malformed)
    }

    fn read_fields(first: u8, mut rest: &[u8]) -> Option<(Self, &[u8])> {
        let epoch = varint::take(&mut rest)?;
        let (nonce, mut rest) = rest.split_first_chunk()?;
        let shared_packing = Packing::from_code(first >> SHARED_PACKING_SHIFT & 0b11)?;
        let personal_packing = Packing::from_code(first >> PERSONAL_PACKING_SHIFT & 0b11)?;
        let personal = if first & PERSONAL == 0 {
            None
        } else {
            let (reference, after) = rest.split_first_chunk::<BLINDED>()?;
            rest = after;
            let shared_length = varint::take_len(&mut rest)?;
            Some(PersonalHeader {
                reference: Blinded(*reference),
                packing: personal_packing,
                shared_length,
            })
        };
        (first & RESERVED == 0).then_some(())?;
        Some((
            Self {
                epoch,
                nonce: *nonce,
                shared_packing,
                personal,
            },
            rest,
        ))
    }
}
