//! What is written on the chain, and who can read it.
//!
//! A payload is a header, one or two sealed sections, and at the end of a commit of several entries a MAC, in whole 32-byte words:
//!
//! ```text
//! format:1  epoch  nonce:12  [reference ...]                     the header, in the clear
//! shared section    AES-256-GCM under the stream's key           what the stream's rules need
//! personal section  AES-256-GCM under a key of the person's      what concerns a person; who acted, and why
//! whole section     AES-256-GCM under a key of the person's      in a patient's record, in the place of both
//! [commit MAC:16]   HMAC-SHA256 under the commit's secret        over the whole commit, in its last payload
//! ```
//!
//! - The stream's key is derived from the secret of the namespace's epoch that the header names, and the stream id; at first that is the organisation's master
//!   secret, or in a namespace that is shared the one that all who share it hold (`stream_keys`, `profile`). A person's keys, one for each category, are
//!   derived from a random root that can be destroyed; which root it is the header tells the organisation alone (`reference`), for a
//!   record where it begins, with what proves a key that is handed over (`commitments`, `scoped`). From
//!   either key the section's own is derived, with the payload's random nonce (`event_key`).
//! - The associated data binds the header, chain id, contract, and the [`Place`]: stream, version, what the stream ended with before, and
//!   which of how many entries of its commit it is. The shared section binds the personal one, and the MAC all entries of the commit to each
//!   other: its key stands in each of their shared sections. So nothing can be moved, put behind something else, put together from parts, or left out.
//! - What repeats is taken out before sealing: frequent phrases by number (`vocabulary`), long texts with zstd over the same words.
//! - The padding to whole words is inside the sealed sections.
//!
//! `payload` is this form; `sealer` makes commits of events and `opener` events of entries. What is in a stream of ours and does not
//! authenticate is [`Void`]: anybody who may write can append it, and it means nothing.
//!
//! The stream id itself is sealed as well ([`StreamNames`]): it names nobody, and the holder of the master secret reads the aggregate
//! from it. Formats are for ever: what a test here calls frozen is on chains.

mod capacity;
mod commitments;
mod content;
mod error;
mod event_key;
mod header;
mod mac;
mod names;
mod opener;
mod packing;
mod payload;
mod phrases;
mod place;
mod profile;
mod reference;
mod scoped;
mod sealer;
mod stream_keys;
#[cfg(test)]
mod tests;
mod varint;
#[cfg(test)]
mod vectors;
mod vocabulary;
mod zstd_frame;

pub use capacity::fits;
pub use commitments::CommitmentProof;
pub use error::SealError;
pub use event_key::EventKey;
pub(crate) use header::{FORMAT, Written, epoch_in_header};
pub use names::{StreamName, StreamNames};
pub use opener::{Opener, Opening, PersonalPart, Undecodable};
pub use payload::{Overruled, Void};
pub use place::{CommitProof, Place, Siblings};
pub use profile::Profile;
pub use scoped::{HandedOver, NotCommitted, ScopedOpener, fold};
pub use sealer::{SealedCommit, Sealer, UnsealedEvent, UnsealedPart};

/// Payloads are made of whole words: the ABI pads its byte strings to them anyway.
const WORD: usize = 32;

/// The largest payload. A transaction of the common nodes holds 128 KB, and this must fit in one with room to spare.
const MAX_PAYLOAD: usize = 96 * 1024;

/// The largest section before it is packed.
const MAX_CONTENT: usize = 1024 * 1024;
