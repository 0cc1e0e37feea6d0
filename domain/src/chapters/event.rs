//! What can happen to a record's chapters.

use serde::{Deserialize, Serialize};

/// An event of a record's chapters. The variants' order is their encoding: add only at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ChaptersEvent {
    /// The chapter in which this stands is closed: it is the last that counts there.
    Closed,
}
