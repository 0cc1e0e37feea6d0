//! Which closings could not have been decided.

use super::aggregate::Chapters;
use super::event::ChaptersEvent;
use crate::kernel::{Contradiction, contradicts};

impl Chapters {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &ChaptersEvent) -> Option<Contradiction> {
        let ChaptersEvent::Closed = event;
        contradicts(self.closed() == u16::MAX, Contradiction::Impossible)
    }
}
