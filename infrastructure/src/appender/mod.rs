//! The appender: commits become transactions, and stay until they are final.
//!
//! - [`machine`]: what to do, decided without I/O. Start there.
//! - `runner`: does it. `outbox`: what is durable. `lease`: who may sign with a key now.
//! - [`handle`]: how commits are handed over and waited for.
//! - [`fees`] and [`gas`]: what a transaction offers and takes.

pub mod fees;
pub mod gas;
pub mod handle;
mod lease;
pub mod machine;
mod outbox;
mod runner;

pub use handle::{AppenderHandle, AppenderStatus, Ticket};
pub use runner::{Appender, AppenderConfig};
