//! How sure it is that the chain keeps something, in JSON.

use application::log;

use super::wire_enum;

wire_enum!(
    /// How sure it is that the chain keeps something: `included` (it is in a block that a reorganisation may still drop) or `final` (it is
    /// final by the configured rule).
    Finality = log::Finality
);
