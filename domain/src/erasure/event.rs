//! What can happen to a data subject as such.

use serde::{Deserialize, Serialize};

/// The name of a data subject's root key, as the references in payloads have it.
pub type KeyName = [u8; 8];

/// An event of a data subject's erasure. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ErasureEvent {
    /// The subject is erased.
    Erased {
        /// All keys that were ever theirs here. They are destroyed when this is final, wherever they are kept.
        keys: Vec<KeyName>,
    },
}
