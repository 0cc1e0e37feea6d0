//! Where aggregates are found. Each says so beside its handlers.

use domain::kernel::{AggregateRef, ChaptersId, ErasureId};

/// What is found at a path of the interface.
pub trait Located {
    /// The path.
    fn path(&self) -> String;
}

impl Located for AggregateRef {
    fn path(&self) -> String {
        domain::with_id!(self, id => id.path())
    }
}

/// An erasure has no path of its own: it is found where its subject was.
impl Located for ErasureId {
    fn path(&self) -> String {
        self.0.aggregate().path()
    }
}

/// Nor have the chapters of a record: they are found where its patient is.
impl Located for ChaptersId {
    fn path(&self) -> String {
        self.0.path()
    }
}
