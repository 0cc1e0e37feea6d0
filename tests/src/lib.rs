//! The harness of the end-to-end tests: servers, and people who use them, on the Postgres, the chains and the logs of [`fixtures`].
//!
//! - [`office`]: the registries, and a registrar.
//! - [`people`]: people with wallets, who sign in; [`charts`]: what they note of patients.
//! - [`binary`]: the program itself, as a process that can be killed; [`bundles`]: what it imports.
//! - [`proxy`]: a node of a chain that lies; [`besu`]: one that behaves like Besu; [`code`]: what stands on a chain beside the log.
//! - [`outside`]: a mail server, and another system that is told by webhook.
//! - [`site`]: the program as a hospital runs it, on a node and a database that are there already; [`rest`]: its clients;
//!   [`wire`]: a line to a service that can be cut.
//!
//! A test that cannot run fails. Nothing that is started here outlives the test process, however that ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this crate is test code: it says what must hold by panicking when it does not"
)]

pub use fixtures::{chain, following, history, log, postgres};

pub mod besu;
pub mod binary;
pub mod bundles;
pub mod charts;
pub mod clinic;
pub mod code;
pub mod office;
pub mod outside;
pub mod people;
pub mod proxy;
pub mod rest;
pub mod site;
pub mod system;
pub mod wire;
