//! Which events an encounter could not have decided upon.

use super::aggregate::Encounter;
use super::event::{EncounterEvent, EncounterStatus};
use crate::kernel::{Contradiction, Personal, contradicts};

impl Encounter {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &EncounterEvent) -> Option<Contradiction> {
        let known = self.filed().and_then(Personal::known);
        match event {
            EncounterEvent::Filed { encounter } => {
                let new = encounter.known()?;
                contradicts(new.slot.minutes == 0, Contradiction::Impossible)
                    .or_else(|| contradicts(known == Some(new), Contradiction::ChangesNothing))
            }
            EncounterEvent::Named { .. } | EncounterEvent::Concluded { .. } if self.filed().is_none() => {
                Some(Contradiction::BeforeTheBeginning)
            }
            EncounterEvent::Named { names } => {
                let (filed, names) = known.zip(names.known())?;
                contradicts(filed.names == *names, Contradiction::ChangesNothing)
            }
            EncounterEvent::Concluded { .. } => {
                contradicts(self.status()? != EncounterStatus::Open, Contradiction::WrongStatus)
            }
        }
    }
}
