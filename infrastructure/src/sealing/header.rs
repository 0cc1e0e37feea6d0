//! The part of a payload that is in the clear.

use ring::aead::NONCE_LEN;

use super::packing::Packing;
use super::varint;
use crate::log::KeyId;

/// The format written today: the top two bits of the first byte.
pub(crate) const FORMAT: u8 = 1;

/// The bits of the first byte.
const PERSONAL: u8 = 0b0010_0000;
const SHARED_PACKING_SHIFT: u8 = 3;
const PERSONAL_PACKING_SHIFT: u8 = 1;
const RESERVED: u8 = 0b0000_0001;

/// What a header says about the personal section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PersonalHeader {
    pub(super) key_id: KeyId,
    pub(super) packing: Packing,
    /// The length of the sealed shared section before it.
    pub(super) shared_length: usize,
}

/// A payload's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) org_key_id: [u8; 4],
    pub(super) nonce: [u8; NONCE_LEN],
    pub(super) shared_packing: Packing,
    pub(super) personal: Option<PersonalHeader>,
}

/// Why a header cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HeaderError {
    /// Its format is newer than this program.
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
        out.extend_from_slice(&self.org_key_id);
        out.extend_from_slice(&self.nonce);
        if let Some(personal) = personal {
            out.extend_from_slice(&personal.key_id);
            varint::put(out, personal.shared_length as u64);
        }
    }

    /// Reads the header off the front, and answers with what follows it.
    pub(super) fn read(payload: &[u8]) -> Result<(Self, &[u8]), HeaderError> {
        let (&format, rest) = payload.split_first().ok_or(HeaderError::Malformed)?;
        if format >> 6 != FORMAT {
            return Err(HeaderError::UnknownFormat(format >> 6));
        }
        Self::read_fields(format, rest).ok_or(HeaderError::Malformed)
    }

    fn read_fields(format: u8, rest: &[u8]) -> Option<(Self, &[u8])> {
        let (org_key_id, rest) = rest.split_first_chunk()?;
        let (nonce, mut rest) = rest.split_first_chunk()?;
        let shared_packing = Packing::from_code(format >> SHARED_PACKING_SHIFT & 0b11)?;
        let personal_packing = Packing::from_code(format >> PERSONAL_PACKING_SHIFT & 0b11)?;
        let personal = if format & PERSONAL == 0 {
            None
        } else {
            let (key_id, after) = rest.split_first_chunk()?;
            rest = after;
            let shared_length = varint::take_len(&mut rest)?;
            Some(PersonalHeader {
                key_id: *key_id,
                packing: personal_packing,
                shared_length,
            })
        };
        (format & RESERVED == 0).then_some(())?;
        Some((
            Self {
                org_key_id: *org_key_id,
                nonce: *nonce,
                shared_packing,
                personal,
            },
            rest,
        ))
    }
}
