//! The appender: commits become transactions, and stay until they are final.
//!
//! - [`machine`]: what to do, decided without I/O. Start there.
//! - `runner` (with `dispatch` and `worker`): does it. `outbox`: what is durable. `lease`: who may sign with a key now.
//! - `heir`: what becomes of transactions whose key nobody signs with any more. `adoption`: why their commits may be signed anew.
//! - `call_handle`, `call_waiters`, `call_receipt` and `call_witnesses`: what calls of other contracts have of their own.
//! - [`handle`] and [`status`]: how commits are handed over and waited for, and how things stand. `door`: where both commits and calls come in.
//! - [`fees`]: what a transaction offers for its gas; how much it takes, [`crate::chain::gas`] says. `refusal`, `receipts` and `reverted`: what nodes
//!   say of it, and what became of it.

mod adoption;
mod call_handle;
mod call_receipt;
mod call_waiters;
mod call_witnesses;
mod checkpoint;
mod config;
mod dispatch;
mod door;
pub mod fees;
mod gas_probes;
pub mod handle;
mod heir;
mod lease;
pub mod machine;
mod market;
mod message;
mod outbox;
mod receipts;
mod refusal;
mod reverted;
mod runner;
#[cfg(test)]
mod scripted_nodes;
pub mod status;
mod worker;

pub use call_handle::{CallHandle, CallTicket};
pub use config::AppenderConfig;
pub use handle::{AppenderHandle, Ticket};
pub use runner::Appender;
pub use status::{AppenderStatus, Counters};
