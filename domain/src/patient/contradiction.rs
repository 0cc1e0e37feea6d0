//! Which events a patient's record could not have decided upon.

use super::aggregate::Patient;
use super::event::PatientEvent;
use crate::kernel::{Contradiction, contradicts};

impl Patient {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &PatientEvent) -> Option<Contradiction> {
        match event {
            PatientEvent::Registered { .. } => contradicts(self.is_registered(), Contradiction::Twice),
            PatientEvent::DetailsUpdated { .. } if !self.is_registered() => Some(Contradiction::BeforeTheBeginning),
            PatientEvent::DetailsUpdated { details } => {
                let (known, new) = self.details().zip(details.known())?;
                contradicts(known.identifier != new.identifier, Contradiction::IdentityChanged)
                    .or_else(|| contradicts(known == new, Contradiction::ChangesNothing))
            }
        }
    }
}
