//! Given-when-then.
