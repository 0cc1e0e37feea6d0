//! The write side: the [`application::ports::command::CommandExecutor`] over the journal, the commits in flight and the appender.
//!
//! - [`Executor`] runs commands: load, decide, seal, hand over, wait for the outcome; again when somebody else was faster.
//! - `attempt` is one attempt at one command: it takes the turns, loads, has it decided and hands it over.
//! - `closing` closes the chapters of records that are full (`full_chapter`).
//! - `streams` holds the streams lately used, in memory: each at its optimistic head, the journal plus the commits in flight. A stream
//!   may hold several aggregates; each is loaded when a command is about it.
//! - [`Journal`] and `reader` bring the rest from Postgres.
//!
//! Commands on one stream take turns from loading to handing over, and do not wait for each other's block. Correctness
//! rests on the head that every commit names and the contract compares; what is in memory only makes it fast. So it may be
//! dropped at any time, and is, as soon as something speaks against it.
//!
//! No answer rests on what may still be rejected or dropped: a refusal, and a decision that nothing needs to change, wait
//! until what they were decided upon is final. A command that was issued before is looked up before it is decided (`earlier`).
//!
//! A command is either handed over in good time or certainly never: until then every wait has an end.

mod attempt;
mod closing;
mod command_lookup;
mod core;
mod executor;
mod failure;
mod final_progress;
mod full_chapter;
mod hand_over;
mod in_flight;
mod journal;
mod options;
mod reader;
#[cfg(test)]
mod simulation;
mod stream;
mod stream_filter;
mod streams;
#[cfg(test)]
mod tests;

pub use executor::{Executor, Parts};
pub use journal::{Journal, JournalError, Journaled, PostgresJournal};
pub use options::ExecutorOptions;
