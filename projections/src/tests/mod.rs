//! The folds, without a database: what single events do, and that rows depend on the events alone.

mod folds;
mod golden;
mod memory;
mod properties;
