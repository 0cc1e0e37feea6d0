//! The chapters of a patient's record: it is cut into them, so that whoever was given the keys of one reads nothing of the next.
//!
//! Each chapter is a stream with keys of its own, the first one and those that follow it by number. A chapter ends with its closing, which is
//! readable by the organisation: whether an entry counts must not depend on keys that can be destroyed. What later commits put into it means
//! nothing, and the next chapter begins behind it.

mod aggregate;
mod command;
mod contradiction;
mod error;
mod event;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use aggregate::Chapters;
pub use command::ChaptersCommand;
pub use error::ChaptersError;
pub use event::ChaptersEvent;
