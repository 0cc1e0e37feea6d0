//! What a schema must have been made by for a follower to write into it: this program's SQL, of what it reads.

use super::FollowerError;
use super::made_of::MadeOf;
use super::schema_hash::SchemaHash;

/// Of which kind a schema must be for this follower to write into it. A rebuild of another program, or with another configuration, may have put another one in
/// the place of its own at any time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kind {
    /// Which SQL made it.
    pub(super) shape: SchemaHash,
    /// What it was made of.
    pub(super) made_of: MadeOf,
}

impl Kind {
    /// Whether a schema that has this shape and was made of this is of this kind.
    ///
    /// # Errors
    /// [`FollowerError::OtherShape`] or [`FollowerError::MadeOfOther`].
    pub(super) fn expect(&self, shape: &[u8], made_of: &MadeOf) -> Result<(), FollowerError> {
        self.shape.expect(shape)?;
        if *made_of == self.made_of {
            Ok(())
        } else {
            Err(FollowerError::MadeOfOther {
                found: made_of.clone(),
                configured: self.made_of.clone(),
            })
        }
    }
}
