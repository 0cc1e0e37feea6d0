//! Which auditors are engaged to examine who has read what.

mod query;
mod rows;

pub(crate) use query::{about, list, one};
pub(crate) use rows::EngagementRow;
