//! The erasure of a data subject: the last that happens in their stream.
//!
//! It is readable by the organisation, for it outlives what it erases: it names the keys that are to be destroyed, so that a backup that
//! brings one back destroys it again. What stood in the stream before it cannot be read any more once they are, and nothing comes after it.

mod aggregate;
mod command;
mod contradiction;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::Erasure;
pub use command::ErasureCommand;
pub use error::ErasureError;
pub use event::{ErasureEvent, KeyName};
