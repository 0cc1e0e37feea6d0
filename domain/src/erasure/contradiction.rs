//! Which erasures could not have been decided.

use super::aggregate::Erasure;
use super::event::ErasureEvent;
use crate::kernel::{Contradiction, contradicts};

impl Erasure {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &ErasureEvent) -> Option<Contradiction> {
        let ErasureEvent::Erased { keys } = event;
        contradicts(self.is_erased(), Contradiction::Twice)
            .or_else(|| contradicts(keys.is_empty(), Contradiction::Impossible))
    }
}
