//! The state of a practitioner's entry and its decisions.

use serde::{Deserialize, Serialize};

use super::command::PractitionerCommand;
use super::error::PractitionerError;
use super::event::{PractitionerDetails, PractitionerEvent};
use crate::kernel::{ClinicAggregate, PractitionerId, Teller};

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
    fn register(&self, details: PractitionerDetails) -> Result<Vec<PractitionerEvent>, PractitionerError> {
        check_specializations(&details)?;
        if !self.is_registered() {
            Ok(vec![PractitionerEvent::Registered { details }])
        } else if self.details() == Some(&details) {
            Ok(Vec::new())
        } else {
            Err(PractitionerError::AlreadyRegistered)
        }
    }

    fn update(
        &self,
        mut new: PractitionerDetails,
        teller: Teller,
    ) -> Result<Vec<PractitionerEvent>, PractitionerError> {
        let details = self.details().ok_or(PractitionerError::NotRegistered)?;
        check_specializations(&new)?;
        if new.identifier != details.identifier || new.time_zone != details.time_zone {
            return Err(PractitionerError::IdentityIsFixed);
        }
        if teller == Teller::Person {
            if new.as_of.is_some() && new.as_of != details.as_of {
                return Err(PractitionerError::DatesAreTheHospitals);
            }
            new.as_of = details.as_of;
        }
        Ok(if new == *details {
            Vec::new()
        } else {
            vec![PractitionerEvent::DetailsUpdated { details: new }]
        })
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
            PractitionerCommand::Register { details } => self.register(details),
            PractitionerCommand::UpdateDetails { details, teller } => self.update(details, teller),
        }
    }

    fn apply(&mut self, event: PractitionerEvent) {
        match event {
            PractitionerEvent::Registered { details } => self.registered = Some(details),
            PractitionerEvent::DetailsUpdated { details } => self.updated = Some(details),
        }
    }
}
