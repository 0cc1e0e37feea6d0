//! The encodings of all events: what was written once must be read for ever.
//!
//! Beside each aggregate stand samples of its events (`samples.rs`).
//! `golden.rs` pins the bytes of one example of every variant; `round_trips.rs` reads back any event, and survives whatever
//! bytes there are.

mod golden;
mod round_trips;
