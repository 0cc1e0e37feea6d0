//! What could not have happened to a treatment.

use super::aggregate::{Treatment, check};
use super::event::{How, Saying, TreatmentEvent};
use crate::kernel::{Contradiction, contradicts};

impl Treatment {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &TreatmentEvent) -> Option<Contradiction> {
        let (TreatmentEvent::Agreed { saying } | TreatmentEvent::Ended { saying }) = event;
        let saying = saying.known();
        let is_twice = match event {
            TreatmentEvent::Agreed { .. } => saying.is_some_and(|saying| !self.would_begin(saying)),
            TreatmentEvent::Ended { .. } => self.has_ended(),
        };
        let agrees = matches!(event, TreatmentEvent::Agreed { .. });
        let is_impossible = |saying: &Saying| {
            check(saying).is_err() || !is_in_order(saying) || agrees && self.check_new(saying).is_err()
        };
        contradicts(is_twice, Contradiction::Twice)
            .or_else(|| contradicts(saying.is_some_and(is_impossible), Contradiction::Impossible))
    }
}

/// Whether the practitioners whom a paper names are in order, each once.
fn is_in_order(saying: &Saying) -> bool {
    match &saying.how {
        How::OnPaper(paper) => paper.practitioners.is_sorted_by(|one, next| one < next),
        How::SignedIn => true,
    }
}
