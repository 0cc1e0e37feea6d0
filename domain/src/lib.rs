//! The rules of the clinic.
//!
//! Everything here is pure: no clock, no randomness, no I/O, no async work. A command carries the time, the ids and the
//! facts that its decision needs; an aggregate answers with events or with a typed error; `apply` never fails.
//!
//! [`table`] lists the aggregates; ids, references and the encoding of events are made from it. One folder per aggregate, with the
//! same files in each: `aggregate.rs` (state and decisions), `command.rs`, `event.rs`, `error.rs`, and given-when-then tests in
//! `tests`. Start in [`calendar`], which owns the rule
//! that a slot is never booked twice, and has so many rules that its decisions have a file of their own, `decision.rs`.
//! [`kernel`] holds what the aggregates share, [`event`] and [`state`] an event and the state
//! of any of them. [`consent`] is what patients sign, [`registries`] what the contracts record that decide about it.

#[macro_use]
pub mod table;

pub mod kernel;

pub mod access_log;
pub mod account;
pub mod calendar;
pub mod chapters;
pub mod chart;
pub mod claims;
pub mod consent;
pub mod emergency;
pub mod encounter;
pub mod engagement;
pub mod erasure;
pub mod event;
pub mod grants;
pub mod patient;
pub mod practitioner;
pub mod registries;
pub mod state;
pub mod treatment;

#[cfg(test)]
mod encoding_tests;
#[cfg(test)]
mod samples;
