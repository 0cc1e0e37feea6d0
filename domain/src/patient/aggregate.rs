//! The state of a patient's record and its decisions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::command::PatientCommand;
use super::error::{PatientError, Place};
use super::event::{Intake, PatientDetails, PatientEvent, Registration};
use crate::kernel::{ClinicAggregate, PatientId, Personal, Teller};

/// A patient's record. A snapshot of it holds nothing personal: it reads back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Patient {
    is_registered: bool,
    registration: Personal<Registration>,
    details: Option<Personal<PatientDetails>>,
    intake: Option<Personal<Intake>>,
}

impl Patient {
    /// Whether the patient is registered.
    pub const fn is_registered(&self) -> bool {
        self.is_registered
    }

    /// Who the patient is now. `None` when they are not registered, or it is sealed.
    pub fn details(&self) -> Option<&PatientDetails> {
        match &self.details {
            Some(updated) => updated.known(),
            None => self.registration.known().map(|registration| &registration.details),
        }
    }

    /// What the patient brings now. `None` when they are not registered, or it is sealed.
    pub fn intake(&self) -> Option<&Intake> {
        match &self.intake {
            Some(updated) => updated.known(),
            None => self.registration.known().map(|registration| &registration.intake),
        }
    }

    /// Registering the record as it stands, as of whenever, changes nothing. What was registered first and was changed since is other content: a
    /// source may return to it.
    fn register(&self, registration: Registration, now: DateTime<Utc>) -> Result<Vec<PatientEvent>, PatientError> {
        if !self.is_registered() {
            registration.details.check(now)?;
            registration.intake.check(now)?;
            return Ok(vec![PatientEvent::Registered {
                registration: Personal::Known(registration),
            }]);
        }
        let (_, details, intake) = self.opened()?;
        if registration.is_told(details, intake) {
            Ok(Vec::new())
        } else {
            Err(PatientError::AlreadyRegistered)
        }
    }

    fn update_details(
        &self,
        mut new: PatientDetails,
        teller: Teller,
        now: DateTime<Utc>,
    ) -> Result<Vec<PatientEvent>, PatientError> {
        let (_, details, _) = self.opened()?;
        if new.identifier != details.identifier {
            return Err(PatientError::IdentifierIsFixed);
        }
        if teller == Teller::Person {
            if new.other_identifiers != details.other_identifiers {
                return Err(PatientError::NamesAreTheHospitals);
            }
            if new.as_of.is_some() && new.as_of != details.as_of {
                return Err(PatientError::DatesAreTheHospitals(Place::Details));
            }
            new.as_of = details.as_of;
        }
        if new == *details {
            return Ok(Vec::new());
        }
        new.check(now)?;
        Ok(vec![PatientEvent::DetailsUpdated {
            details: Personal::Known(new),
        }])
    }

    fn update_intake(
        &self,
        new: Intake,
        teller: Teller,
        now: DateTime<Utc>,
    ) -> Result<Vec<PatientEvent>, PatientError> {
        let (_, _, intake) = self.opened()?;
        if new == *intake {
            return Ok(Vec::new());
        }
        if teller == Teller::Person {
            new.check_told_by_a_person(intake)?;
        }
        new.check(now)?;
        Ok(vec![PatientEvent::IntakeUpdated {
            intake: Personal::Known(new),
        }])
    }

    /// The record, all of it: nothing is decided on a part, because whatever is sealed shares one key, destroyed or not ours.
    fn opened(&self) -> Result<(&Registration, &PatientDetails, &Intake), PatientError> {
        if !self.is_registered() {
            return Err(PatientError::NotRegistered);
        }
        match (self.registration.known(), self.details(), self.intake()) {
            (Some(registration), Some(details), Some(intake)) => Ok((registration, details, intake)),
            _ => Err(PatientError::Sealed),
        }
    }
}

impl ClinicAggregate for Patient {
    type Id = PatientId;
    type Command = PatientCommand;
    type Event = PatientEvent;
    type Error = PatientError;

    fn decide(&self, command: PatientCommand) -> Result<Vec<PatientEvent>, PatientError> {
        match command {
            PatientCommand::Register { registration, now } => self.register(registration, now),
            PatientCommand::UpdateDetails { details, teller, now } => self.update_details(details, teller, now),
            PatientCommand::UpdateIntake { intake, teller, now } => self.update_intake(intake, teller, now),
        }
    }

    fn apply(&mut self, event: PatientEvent) {
        match event {
            PatientEvent::Registered { registration } => {
                self.is_registered = true;
                self.registration = registration;
            }
            PatientEvent::DetailsUpdated { details } => self.details = Some(details),
            PatientEvent::IntakeUpdated { intake } => self.intake = Some(intake),
        }
    }
}
