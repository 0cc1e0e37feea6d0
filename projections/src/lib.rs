//! The read models: what lists, searches and single views are answered from.
//!
//! One folder per read model, with the same files in each: `rows.rs` (its tables, each described once: `table/`; and, of rows
//! that are one aggregate's, the fold: pure, a row and an event give a row), `fold.rs` (where a row is made of more), `indexes.sql`, `query.rs`
//! (what is asked of it; what several are asked alike stands beside the folders). The changes of all read models are written in one
//! statement, but for relationships, which are counted from the appointments just written, and for what is erased (`erasures.rs`). Start in
//! [`ReadModels`].
//!
//! What is promised:
//! - Rows depend on the events alone, in the order of the log, however they were cut into blocks.
//! - No event can stop the projection: what Postgres cannot hold is made to fit (`column.rs`), and folds never fail.
//! - Everything here can be thrown away and made again from the log.

mod access_log;
mod accounts;
mod aggregate_row;
mod appointments;
mod batch;
mod calendars;
mod charts;
mod column;
mod emergencies;
mod engagements;
mod erasures;
mod grants;
mod hash;
mod identifiers;
mod patients;
mod practitioners;
mod projector;
mod queries;
mod registries;
mod relationships;
mod search;
mod stamp;
mod table;
#[cfg(test)]
mod tests;
mod untold;
mod writes;

pub use projector::{ProjectionError, ReadModels};
pub use queries::PgQueries;
