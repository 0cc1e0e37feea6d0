//! Given-when-then, by topic.

mod findings;
mod reports;
