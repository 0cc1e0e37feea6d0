//! HTTP, composition root, and the one binary with its subcommands.

pub mod dev;
pub mod import;
