//! What can be asked of the log of who has read.

use super::read::Read;

/// A command to the log of who has read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccessLogCommand {
    /// Put reads into the log. None of them changes nothing.
    Log(Vec<Read>),
}
