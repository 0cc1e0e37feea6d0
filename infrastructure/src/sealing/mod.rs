//! What is written on the chain, and who can read it.
//!
//! A payload is a header and one or two sealed sections, in whole 32-byte words:
//!
//! ```text
//! format:1  organisation key id:4  nonce:12  [person key id:8  shared length:varint]   the header, in the clear
//! shared section    AES-256-GCM under the stream's key      what the stream's rules need
//! personal section  AES-256-GCM under the person's key      what concerns a person; who acted, and why
//! ```
//!
//! - The stream's key is derived from the organisation's master secret and the stream id; the person's key is random and can be
//!   destroyed. One random nonce serves both, for the keys differ.
//! - The associated data binds the header, chain id, contract, stream, version and the section's place, so nothing can be moved or put
//!   together from parts.
//! - What repeats is taken out before sealing: frequent phrases by number (`vocabulary`), long texts with zstd over the same words.
//! - The padding to whole words is inside the sealed sections.
//!
//! The stream id itself is sealed as well ([`StreamNames`]): it names nobody, and the holder of the master secret reads the aggregate
//! from it. Formats are for ever: what a test here calls frozen is on chains.

mod associated;
mod capacity;
mod content;
mod header;
mod names;
mod opener;
mod packing;
mod phrases;
mod sealer;
#[cfg(test)]
mod tests;
mod varint;
mod vocabulary;
mod zstd_frame;

pub use capacity::fits;
pub(crate) use header::FORMAT;
pub use names::StreamNames;
pub use opener::{OpenError, Opener, Opening, PersonalPart};
pub use sealer::{SealError, Sealed, Sealer};

/// Payloads are made of whole words: the ABI pads its byte strings to them anyway.
const WORD: usize = 32;

/// The largest payload. A transaction of the common nodes holds 128 KB, and this must fit in one with room to spare.
const MAX_PAYLOAD: usize = 96 * 1024;

/// The largest section before it is packed.
const MAX_CONTENT: usize = 1024 * 1024;
