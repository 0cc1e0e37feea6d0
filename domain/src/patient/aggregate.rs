//! The state of a patient's record and its decisions.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::command::PatientCommand;
use super::error::{PatientError, Place};
use super::event::{Intake, PatientDetails, PatientEvent, Registration};
use crate::kernel::{ClinicAggregate, PatientId, Personal, Teller, emit};

/// A patient's record. A snapshot of it holds nothing personal: it reads back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Patient {
    version: u64,
    registration: Personal<Registration>,
    details: Option<Personal<PatientDetails>>,
    intake: Option<Personal<Intake>>,
}

impl Patient {
    /// How many events the record has: the version of its stream.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Whether the patient is registered.
    pub const fn is_registered(&self) -> bool {
        self.version > 0
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
        expected: Option<u64>,
    ) -> Result<Vec<PatientEvent>, PatientError> {
        self.check_version(expected)?;
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
        expected: Option<u64>,
    ) -> Result<Vec<PatientEvent>, PatientError> {
        self.check_version(expected)?;
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

    fn check_version(&self, expected: Option<u64>) -> Result<(), PatientError> {
        if !self.is_registered() {
            return Err(PatientError::NotRegistered);
        }
        match expected {
            Some(expected) if expected != self.version => Err(PatientError::VersionMismatch {
                expected,
                current: self.version,
            }),
            _ => Ok(()),
        }
    }

    /// The record, all of it: nothing is decided on a part, because whatever is sealed shares one key, destroyed or not ours.
    fn opened(&self) -> Result<(&Registration, &PatientDetails, &Intake), PatientError> {
        match (self.registration.known(), self.details(), self.intake()) {
            (Some(registration), Some(details), Some(intake)) => Ok((registration, details, intake)),
            _ => Err(PatientError::Sealed),
        }
    }
}

impl ClinicAggregate for Patient {
    type Id = PatientId;

    fn decide(&self, command: PatientCommand) -> Result<Vec<PatientEvent>, PatientError> {
        match command {
            PatientCommand::Register { registration, now } => self.register(registration, now),
            PatientCommand::UpdateDetails {
                details,
                teller,
                now,
                expected_version,
            } => self.update_details(details, teller, now, expected_version),
            PatientCommand::UpdateIntake {
                intake,
                teller,
                now,
                expected_version,
            } => self.update_intake(intake, teller, now, expected_version),
        }
    }
}

impl Aggregate for Patient {
    const TYPE: &'static str = "patient";
    type Command = PatientCommand;
    type Event = PatientEvent;
    type Error = PatientError;
    type Services = ();

    async fn handle(&mut self, command: PatientCommand, (): &(), sink: &EventSink<Self>) -> Result<(), PatientError> {
        emit(self.decide(command)?, self, sink).await;
        Ok(())
    }

    fn apply(&mut self, event: PatientEvent) {
        self.version = self.version.saturating_add(1);
        match event {
            PatientEvent::Registered { registration } => self.registration = registration,
            PatientEvent::DetailsUpdated { details } => self.details = Some(details),
            PatientEvent::IntakeUpdated { intake } => self.intake = Some(intake),
        }
    }
}
