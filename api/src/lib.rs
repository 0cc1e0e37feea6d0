//! The one binary with its subcommands ([`cli`]). What they do is in the crates beside this one:
//!
//! - [`api_server`]: a server from what it is told ([`api_config`]). [`api_http`]: its interface, in the words of `api_wire`.
//! - [`api_dev`]: a Postgres and a chain of one's own, and signing in from a shell.
//! - [`api_import`], [`api_check_node`] and [`api_bench`].

pub mod cli;
