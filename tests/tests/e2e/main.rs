//! The end-to-end suites, in one binary so that they share one Postgres.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking when it does not"
)]

mod administrators;
mod auth;
mod authorization;
mod bad_input;
mod bench;
mod check_node;
mod cli;
mod crash_points;
mod database_outages;
mod dev_chain;
mod dev_system;
mod finality;
mod first_visit;
mod gas;
mod heirs;
mod hostile;
mod import_states;
mod imported_record;
mod imported_visits;
mod imports;
mod journal;
mod key_drills;
mod keys;
mod kills;
mod limited_nodes;
mod lying_node;
mod names;
mod newer_versions;
mod node_outages;
mod operations;
mod patient_details;
mod plans;
mod production;
mod projections;
mod quotas;
mod races;
mod rebuild;
mod registration;
mod reorganisations;
mod replicas;
mod retries;
mod revocations;
mod sources;
mod spine;
mod stores;
mod tooling;
mod transactions;
mod visits;
mod waits;
mod wallets;
