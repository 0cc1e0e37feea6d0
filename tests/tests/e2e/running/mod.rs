//! What those who run a server meet: the command line, `dev`, keys, stores, rights, measurements.

mod bench;
mod cli;
mod dev_chain;
mod dev_system;
mod key_drills;
mod keys;
mod operations;
mod production;
mod stores;
mod tooling;
