//! What can be asked of a data subject's erasure.

use super::KeyName;

/// A command to a data subject's erasure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ErasureCommand {
    /// Erase the subject, for ever. Doing so again changes nothing.
    Erase {
        /// All keys that were ever theirs; at least one.
        keys: Vec<KeyName>,
    },
}
