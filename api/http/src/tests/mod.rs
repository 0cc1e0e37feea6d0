//! Tests of the whole HTTP layer over backends in memory.

mod authorization;
mod bad_input;
mod commands;
mod consents;
mod emergencies;
mod events;
mod exports;
mod fakes;
mod limits;
mod pages;
mod posture;
mod reads;
mod sign_in;
mod treatments;
