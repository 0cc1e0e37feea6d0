//! What the samples of events are made of, which stand beside each aggregate (`samples.rs`): fixed values, and any.

pub(crate) mod strategies;
pub(crate) mod values;
