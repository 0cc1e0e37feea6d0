//! What a schema must have been made by for a follower to write into it: this program's SQL, and the contracts that it believes.

use super::FollowerError;
use super::schema_hash::SchemaHash;
use crate::chain::recorders::RecorderNames;

/// Of which kind a schema must be for this follower to write into it. A rebuild of another program, or with another configuration, may have put another one in
/// the place of its own at any time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kind {
    /// Which SQL made it.
    pub(super) shape: SchemaHash,
    /// Whose plain entries were believed.
    pub(super) recorders: RecorderNames,
}

impl Kind {
    /// Whether a schema that has this shape and these contracts is of this kind.
    ///
    /// # Errors
    /// [`FollowerError::OtherShape`] or [`FollowerError::OtherRecorders`].
    pub(super) fn expect(&self, shape: &[u8], recorders: &RecorderNames) -> Result<(), FollowerError> {
        self.shape.expect(shape)?;
        if *recorders == self.recorders {
            Ok(())
        } else {
            Err(FollowerError::OtherRecorders {
                found: recorders.clone(),
                configured: self.recorders.clone(),
            })
        }
    }
}
