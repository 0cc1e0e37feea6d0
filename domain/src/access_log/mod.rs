//! Who has read what is known of a patient: the log that the patient opens. It stands in their record, under its key for access.
//!
//! A read is noted before its answer leaves the server, and the notes of a while are put into the log together.

mod aggregate;
mod command;
mod contradiction;
mod error;
mod event;
mod read;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::AccessLog;
pub use command::AccessLogCommand;
pub use error::AccessLogError;
pub use event::{AccessLogEvent, Reads};
pub use read::{Basis, Named, OpenedAs, Prepared, Read, Reader, Reading, Shown};
