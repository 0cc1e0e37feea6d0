//! The state of a practitioner's entry and its decisions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::command::PractitionerCommand;
use super::error::PractitionerError;
use super::event::{PractitionerDetails, PractitionerEvent};
use crate::kernel::time::whole_millis;
use crate::kernel::{ClinicAggregate, PractitionerId, Teller};

type Decision = Result<Vec<PractitionerEvent>, PractitionerError>;

/// A practitioner's entry.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Practitioner {
    registered: Option<PractitionerDetails>,
    updated: Option<PractitionerDetails>,
}

impl Practitioner {
    /// Whether the practitioner is registered.
    pub const fn is_registered(&self) -> bool {
        self.registered.is_some()
    }

    /// Who the practitioner is now. `None` when they are not registered.
    pub fn details(&self) -> Option<&PractitionerDetails> {
        self.updated.as_ref().or(self.registered.as_ref())
    }

    /// Registering the entry as it stands changes nothing. What was registered first and was changed since is other content: a
    /// source may return to it.
    fn register(&self, mut details: PractitionerDetails, now: DateTime<Utc>) -> Decision {
        check_specializations(&details)?;
        let known = self.details();
        details.as_of = details.as_of.or_else(|| known.map_or(Some(now), |known| known.as_of));
        if !self.is_registered() {
            Ok(vec![PractitionerEvent::Registered { details }])
        } else if known == Some(&details) {
            Ok(Vec::new())
        } else {
            Err(PractitionerError::AlreadyRegistered)
        }
    }

    /// What is told without a date, or with the one that is recorded, is told now: no older state of a source undoes it.
    fn update(&self, mut new: PractitionerDetails, teller: Teller, now: DateTime<Utc>) -> Decision {
        let details = self.details().ok_or(PractitionerError::NotRegistered)?;
        check_specializations(&new)?;
        if new.identifier != details.identifier || new.time_zone != details.time_zone {
            return Err(PractitionerError::IdentityIsFixed);
        }
        if teller == Teller::Person {
            if new.other_identifiers != details.other_identifiers {
                return Err(PractitionerError::NamesAreTheHospitals);
            }
            if new.as_of.is_some() && new.as_of != details.as_of {
                return Err(PractitionerError::DatesAreTheHospitals);
            }
        }
        new.as_of = new.as_of.or(details.as_of);
        if new == *details {
            return Ok(Vec::new());
        }
        // A new identifier leaves the date of the other details as it is.
        let is_told_anew = !new.differs_by_names_alone(details);
        if is_told_anew && new.as_of == details.as_of {
            new.as_of = Some(now);
        }
        Ok(vec![PractitionerEvent::DetailsUpdated { details: new }])
    }
}

fn check_specializations(details: &PractitionerDetails) -> Result<(), PractitionerError> {
    if details.specializations.is_empty() {
        Err(PractitionerError::NoSpecialization)
    } else {
        Ok(())
    }
}

impl ClinicAggregate for Practitioner {
    type Id = PractitionerId;
    type Command = PractitionerCommand;
    type Event = PractitionerEvent;
    type Error = PractitionerError;

    fn decide(&self, command: PractitionerCommand) -> Result<Vec<PractitionerEvent>, PractitionerError> {
        match command {
            PractitionerCommand::Register { details, now } => self.register(details, whole_millis(now)),
            PractitionerCommand::UpdateDetails { details, teller, now } => {
                self.update(details, teller, whole_millis(now))
            }
        }
    }

    fn apply(&mut self, event: PractitionerEvent) {
        match event {
            PractitionerEvent::Registered { details } => self.registered = Some(details),
            PractitionerEvent::DetailsUpdated { details } => self.updated = Some(details),
        }
    }
}
