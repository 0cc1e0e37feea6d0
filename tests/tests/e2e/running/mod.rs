//! What those who run a server meet: the command line, `dev`, keys, rights, measurements.

mod bench;
mod cli;
mod dev_chain;
mod dev_system;
mod erasures;
mod key_drills;
mod key_rotation;
mod namespaces;
mod operations;
mod production;
mod registries;
mod tooling;
