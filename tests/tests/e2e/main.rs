//! The end-to-end suites, in one binary so that they share one Postgres. `README.md` says what stands where.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking when it does not"
)]

mod import;
mod nodes;
mod outages;
mod people;
mod read_models;
mod records;
mod requests;
mod running;
