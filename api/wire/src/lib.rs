//! What goes over the wire: the server answers with it, and clients read it. No server and no client is in it.
//!
//! - [`dto`]: what stands in bodies. [`page`]: lists of it. [`answer`]: what a command is answered with.
//! - [`json`] and [`strict_serde`]: how bodies are read. [`check`]: how they become values of the domain.
//! - [`problem`]: what is said when something is wrong.
//! - [`wallet_address`]: wallets as people read and write them.

pub mod answer;
pub mod check;
pub mod dto;
pub mod json;
pub mod page;
pub mod problem;
pub mod strict_serde;
pub mod wallet_address;
