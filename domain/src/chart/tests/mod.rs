//! Given-when-then, by topic.

mod contradictions;
mod findings;
mod reports;
