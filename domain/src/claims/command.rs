//! What can be asked of a bucket of claims.

use super::event::Claim;

/// A command to a bucket of claims.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClaimsCommand {
    /// Claim a name for somebody. Doing so again changes nothing; what is somebody else's is refused.
    Claim(Claim),
    /// Give it back, if it is theirs: somebody else may claim it. What is not theirs stays as it is.
    Release(Claim),
}
