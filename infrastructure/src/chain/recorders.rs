//! Other contracts that write to the log by `record`, and are believed.

use application::log::Registry;
use serde::{Deserialize, Serialize};

use super::Address;
use crate::log::Namespace;

/// A contract whose plain entries are believed. It has opened a namespace of plain entries, owns it, and writes in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorder {
    /// Its address.
    pub contract: Address,
    /// The namespace in which it writes.
    pub namespace: Namespace,
    /// Which of our contracts it is. What another one records is shown, and nothing follows from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Registry>,
}
