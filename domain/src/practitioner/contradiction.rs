//! Which events a practitioner's entry could not have decided upon.

use super::aggregate::Practitioner;
use super::event::{PractitionerDetails, PractitionerEvent};
use crate::kernel::{Contradiction, Personal, contradicts};

impl Practitioner {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &PractitionerEvent) -> Option<Contradiction> {
        let without_specialization = |details: &Personal<PractitionerDetails>| {
            let is_without = details
                .known()
                .is_some_and(|details| details.specializations.is_empty());
            contradicts(is_without, Contradiction::Impossible)
        };
        match event {
            PractitionerEvent::Registered { .. } if self.is_registered() => Some(Contradiction::Twice),
            PractitionerEvent::Registered { time_zone, details } => {
                let is_another = details.known().is_some_and(|details| details.time_zone != *time_zone);
                contradicts(is_another, Contradiction::Impossible).or_else(|| without_specialization(details))
            }
            _ if !self.is_registered() => Some(Contradiction::BeforeTheBeginning),
            PractitionerEvent::DetailsUpdated { details } => {
                let (known, new) = self.details().zip(details.known())?;
                let is_another = known.identifier != new.identifier || known.time_zone != new.time_zone;
                contradicts(is_another, Contradiction::IdentityChanged)
                    .or_else(|| contradicts(known == new, Contradiction::ChangesNothing))
                    .or_else(|| without_specialization(details))
            }
            PractitionerEvent::RegisterEntryTold { entry } => {
                let (known, new) = self.register_entry().zip(entry.known())?;
                contradicts(known.identifier == new.identifier, Contradiction::ChangesNothing)
            }
        }
    }
}
