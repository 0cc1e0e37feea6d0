//! HTTP, composition root, and the one binary with its subcommands.
//!
//! - [`compose`]: a system from what it is told ([`api_config`]).
//! - [`cli`]: the subcommands. [`dev`]: a Postgres and a chain of one's own for them. [`api_import`], [`login`],
//!   [`check_node`] and [`mod@bench`]: what they do.

pub mod bench;
pub mod check_node;
pub mod cli;
pub mod compose;
pub mod dev;
pub mod login;
mod metrics;
mod status;
