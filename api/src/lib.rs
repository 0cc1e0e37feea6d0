//! HTTP, composition root, and the one binary with its subcommands.
//!
//! - [`api_server`]: a system from what it is told ([`api_config`]).
//! - [`cli`]: the subcommands. [`api_dev`]: a Postgres and a chain of one's own for them. [`api_import`],
//!   [`check_node`] and [`api_bench`]: what they do.

pub mod check_node;
pub mod cli;
