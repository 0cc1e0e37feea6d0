//! HTTP, composition root, and the one binary with its subcommands.
//!
//! - [`http`]: routes, authentication, problems; generic over the write side and the read side.
//! - [`openapi`]: the document that describes them.

pub mod compose;
pub mod config;
pub mod dev;
pub mod http;
pub mod import;
pub mod login;
pub mod openapi;
mod status;
