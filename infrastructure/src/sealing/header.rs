//! The part of a payload that is in the clear.
//!
//! ```text
//! first:1  epoch:varint  nonce:12
//!          [reference:10  length of the first section:varint]       before a personal section
//!          [reference:10  commitment:32  tag:16]                    where a chapter of a record begins
//!
//! first    bits 7-6  the format, 2
//!          bit 5     a personal section follows the first one
//!          bits 4-3  the packing of the first section
//!          bits 2-1  the packing of the personal section
//!          bit 0     a chapter of a record begins
//! ```

use ring::aead::NONCE_LEN;

use super::mac::Mac;
use super::packing::Packing;
use super::reference::{BLINDED, Blinded};
use super::varint;

/// The format written today: the top two bits of the first byte.
pub(crate) const FORMAT: u8 = 2;

/// The bits of the first byte.
const PERSONAL: u8 = 0b0010_0000;
const PACKING_SHIFT: u8 = 3;
const PERSONAL_PACKING_SHIFT: u8 = 1;
const BEGINS: u8 = 0b0000_0001;

/// What a header says about the personal section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PersonalHeader {
    /// Under which key it is, for the organisation alone.
    pub(super) reference: Blinded,
    pub(super) packing: Packing,
    /// The length of the sealed section before it.
    pub(super) first_length: usize,
}

/// What a header says where a chapter of a record begins: which root its keys come from, for the organisation alone, and which keys these are, for whoever is
/// handed one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BeginningHeader {
    pub(super) reference: Blinded,
    /// The root of a tree over the keys of all categories.
    pub(super) commitment: [u8; 32],
    /// Whether the namespace says so: without the root's key nothing else in the payload tells.
    pub(super) tag: Mac,
}

/// A payload's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    /// Which of the namespace's secrets is used.
    pub(super) epoch: u64,
    pub(super) nonce: [u8; NONCE_LEN],
    pub(super) packing: Packing,
    pub(super) personal: Option<PersonalHeader>,
    pub(super) beginning: Option<BeginningHeader>,
}

/// Why a header cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HeaderError {
    /// Its format is none that this program knows.
    UnknownFormat(u8),
    /// It is too short, or says what no header says.
    Malformed,
}

/// What everybody can tell of how a payload was written, whether or not the rest of it is a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Written {
    /// The format.
    pub(crate) format: u8,
    /// The epoch; `None` when there is none to read, and in formats that this program does not know.
    pub(crate) epoch: Option<u64>,
}

impl Written {
    /// Reads it off the front; `None` when there is nothing.
    pub(crate) fn of(payload: &[u8]) -> Option<Self> {
        let (first, mut rest) = payload.split_first()?;
        let format = first >> 6;
        let epoch = if format == FORMAT {
            varint::take(&mut rest)
        } else {
            None
        };
        Some(Self { format, epoch })
    }
}

/// An epoch as headers that are sealed here have it, behind their first byte.
pub(crate) fn epoch_in_header(epoch: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint::put(&mut bytes, epoch);
    bytes
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
                | self.packing.code() << PACKING_SHIFT
                | self.beginning.map_or(0, |_| BEGINS),
        );
        varint::put(out, self.epoch);
        out.extend_from_slice(&self.nonce);
        if let Some(personal) = personal {
            out.extend_from_slice(&personal.reference.0);
            varint::put(out, personal.first_length as u64);
        }
        if let Some(beginning) = &self.beginning {
            out.extend_from_slice(&beginning.reference.0);
            out.extend_from_slice(&beginning.commitment);
            out.extend_from_slice(&beginning.tag.0);
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
        let packing = Packing::from_code(first >> PACKING_SHIFT & 0b11)?;
        let personal_packing = Packing::from_code(first >> PERSONAL_PACKING_SHIFT & 0b11)?;
        let personal = if first & PERSONAL == 0 {
            None
        } else {
            let (reference, after) = rest.split_first_chunk::<BLINDED>()?;
            rest = after;
            let first_length = varint::take_len(&mut rest)?;
            Some(PersonalHeader {
                reference: Blinded(*reference),
                packing: personal_packing,
                first_length,
            })
        };
        let beginning = if first & BEGINS == 0 {
            None
        } else {
            let (reference, after) = rest.split_first_chunk::<BLINDED>()?;
            let (commitment, after) = after.split_first_chunk()?;
            let (tag, after) = after.split_first_chunk()?;
            rest = after;
            Some(BeginningHeader {
                reference: Blinded(*reference),
                commitment: *commitment,
                tag: Mac(*tag),
            })
        };
        // A record's events have one section.
        (personal.is_none() || beginning.is_none()).then_some(())?;
        Some((
            Self {
                epoch,
                nonce: *nonce,
                packing,
                personal,
                beginning,
            },
            rest,
        ))
    }
}
