//! What is made of the log in Postgres, and made anew.

mod newer_versions;
mod plans;
mod rebuilds;
