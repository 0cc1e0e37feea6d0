//! `medconnect bench`: figures as ratios within one run.
//!
//! A figure alone says what machine it was measured on. Every figure here stands beside a baseline that was measured in the same run,
//! on the same Postgres and the same chain; the ratio is what docs/performance.md keeps.
//!
//! - [`commands`]: anchored commands over HTTP, beside plain `postgres-es`, beside the contract alone.
//! - [`rebuild`]: a rebuild of the read models from the chain, beside fetching, decoding and copying the same rows.
//! - [`gas`]: what an event costs, beside the least that it could.

mod baseline;
pub mod commands;
mod contract;
pub mod gas;
mod log;
mod measure;
mod memory;
pub mod rebuild;
mod rows;
mod workload;

pub use measure::Measured;
