//! What is made of the log in Postgres, and made anew.

mod journal;
mod newer_versions;
mod plans;
mod projections;
mod rebuild;
