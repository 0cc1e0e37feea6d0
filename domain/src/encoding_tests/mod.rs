//! The encodings of all events: what was written once must be read for ever.
//!
//! `golden.rs` pins the bytes of one example of every variant (`examples.rs`); `round_trips.rs` reads back whatever
//! `strategies.rs` generates, and survives whatever bytes there are.

mod examples;
mod golden;
mod round_trips;
mod strategies;
