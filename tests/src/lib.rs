//! The harness of the end-to-end tests: a real Postgres, real chains, servers, and people who use them.
//!
//! - [`postgres`]: one cluster for the whole test process, a database for each test.
//! - [`people`]: people with wallets, who sign in; [`charts`]: what they note of patients.
//! - [`binary`]: the program itself, as a process that can be killed; [`bundles`]: what it imports.
//! - [`chain`]: a chain for each test, and its accounts; [`proxy`]: a node of it that lies; [`besu`]: one that behaves like Besu.
//! - [`site`]: the program as a hospital runs it, on a node and a database that are there already; [`rest`]: its clients;
//!   [`wire`]: a line to a service that can be cut.
//! - [`log`]: an event log on such a chain, and somebody who appends to it; [`history`]: what they append; [`following`]: a
//!   follower of it.
//!
//! A test that cannot run fails. Nothing that is started here outlives the test process, however that ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this crate is test code: it says what must hold by panicking when it does not"
)]

pub mod besu;
pub mod binary;
pub mod bundles;
pub mod chain;
pub mod charts;
pub mod clinic;
pub mod code;
pub mod following;
pub mod history;
pub mod log;
pub mod people;
pub mod postgres;
pub mod proxy;
pub mod rest;
pub mod site;
pub mod system;
pub mod wire;
