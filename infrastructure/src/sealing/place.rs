//! Where a payload stands: it opens nowhere else, and only beside the entries that were sealed with it.

use application::log::StreamId;
use ring::{digest, hmac};

use super::mac::{MAC, Mac};
use crate::log::{AppendedEntry, LogLocation};

/// The length of a commit's secret, with which the first sections of a commit of several entries begin: the key of its MAC.
pub(super) const SECRET: usize = 16;

/// `stream:32 version:8 before:32 count:2 index:2`.
const PLACE: usize = 32 + 8 + 32 + 2 + 2;

/// Which section of the payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Section {
    /// What the namespace reads.
    Shared = 1,
    /// What stands beside that, under a person's key.
    Personal = 2,
    /// All of an event, under a person's key alone.
    Whole = 3,
    /// No section: the tag of a beginning.
    Beginning = 4,
}

/// The place of an entry in its stream and in its commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The stream.
    pub stream: StreamId,
    /// Its number in the stream, from 1.
    pub version: u64,
    /// keccak-256 of the stream's last payload before the commit; zeros when the commit begins the stream.
    pub before: [u8; 32],
    /// How many entries the commit has.
    pub count: u16,
    /// Which of them it is, from 0.
    pub index: u16,
}

impl Place {
    /// Where the contract has put an entry.
    pub const fn of(entry: &AppendedEntry, before: [u8; 32]) -> Self {
        Self {
            stream: entry.stream,
            version: entry.version,
            before,
            count: entry.origin.count,
            index: entry.origin.index,
        }
    }

    /// Whether the commit has other entries, so that a MAC must tell whether they are there.
    pub(super) const fn has_siblings(&self) -> bool {
        self.count > 1
    }

    /// How many bytes of a payload here are the commit's MAC.
    pub(super) const fn mac_length(&self) -> usize {
        if self.has_siblings() && self.index == self.count.saturating_sub(1) {
            MAC
        } else {
            0
        }
    }

    /// The place in bytes, numbers big-endian.
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.stream.0);
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.before);
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.index.to_be_bytes());
    }

    /// The associated data of a section: `header chain id:8 contract:20 place section:1`, and for the first section the sealed personal one
    /// that follows it, so that neither can be exchanged. In the header of a beginning are zeros in the place of its tag, which is over the
    /// same with the sealed section.
    pub(super) fn associated_data(
        &self,
        header: &[u8],
        location: &LogLocation,
        section: Section,
        rest: &[u8],
    ) -> Vec<u8> {
        let mut data = Vec::with_capacity(header.len() + 8 + 20 + PLACE + 1 + rest.len());
        data.extend_from_slice(header);
        data.extend_from_slice(&location.chain_id.to_be_bytes());
        data.extend_from_slice(&location.contract);
        self.write(&mut data);
        data.push(section as u8);
        data.extend_from_slice(rest);
        data
    }
}

/// Whether the entries of a commit are those that were sealed together, as far as it can be seen without a key: for each of them SHA-256 of
/// its place and its payload, and the MAC over these with which the last payload ends. Whoever can open one of the entries has the MAC's
/// key, so that all who can open any of them come to the same.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommitProof {
    digests: Vec<u8>,
    mac: Option<Mac>,
}

impl CommitProof {
    /// Of a commit's entries, in order.
    pub fn of<'a>(entries: impl IntoIterator<Item = (Place, &'a [u8])>) -> Self {
        let mut proof = Self::default();
        for (place, payload) in entries {
            let length = payload.len().saturating_sub(place.mac_length());
            let (payload, mac) = payload.split_at_checked(length).unwrap_or_default();
            proof.take_in(&place, payload);
            proof.mac = mac.try_into().ok().map(Mac);
        }
        proof
    }

    /// The MAC of a commit whose last payload lacks it.
    pub(super) fn mac_of<'a>(entries: impl IntoIterator<Item = (Place, &'a [u8])>, secret: &[u8; SECRET]) -> Mac {
        let mut proof = Self::default();
        for (place, payload) in entries {
            proof.take_in(&place, payload);
        }
        proof.expected(secret)
    }

    /// Whether the MAC is right.
    pub(super) fn holds(&self, secret: &[u8; SECRET]) -> bool {
        self.mac == Some(self.expected(secret))
    }

    fn take_in(&mut self, place: &Place, payload: &[u8]) {
        let mut bytes = Vec::with_capacity(PLACE + payload.len());
        place.write(&mut bytes);
        bytes.extend_from_slice(payload);
        self.digests
            .extend_from_slice(digest::digest(&digest::SHA256, &bytes).as_ref());
    }

    fn expected(&self, secret: &[u8; SECRET]) -> Mac {
        Mac::of(&hmac::Key::new(hmac::HMAC_SHA256, secret), &self.digests)
    }
}

/// Whether an entry's commit is all there.
#[derive(Clone, Copy, Debug)]
pub enum Siblings<'a> {
    /// It is to be seen from this.
    Proof(&'a CommitProof),
    /// The follower has seen it when it applied the commit.
    Seen,
}
