//! Anything dies or hangs at any time, and nothing that was acknowledged is lost.

mod crash_points;
mod database_outages;
mod heirs;
mod kills;
mod replicas;
mod waits;
