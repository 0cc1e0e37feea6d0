//! The associated data: where a payload stands. It opens nowhere else.

use application::log::StreamId;

use crate::log::LogLocation;

/// Which section of the payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Section {
    Shared = 1,
    Personal = 2,
}

/// `header chain id:8 contract:20 stream:32 version:8 section:1`, numbers big-endian.
pub(super) fn associated_data(
    header: &[u8],
    location: &LogLocation,
    stream: &StreamId,
    version: u64,
    section: Section,
) -> Vec<u8> {
    let mut data = Vec::with_capacity(header.len() + 69);
    data.extend_from_slice(header);
    data.extend_from_slice(&location.chain_id.to_be_bytes());
    data.extend_from_slice(&location.contract);
    data.extend_from_slice(&stream.0);
    data.extend_from_slice(&version.to_be_bytes());
    data.push(section as u8);
    data
}
