//! The appender.
pub mod fees;
pub mod gas;
pub mod machine;
