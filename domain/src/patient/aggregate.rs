//! The state of a patient's record and its decisions.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::command::PatientCommand;
use super::details::PatientDetails;
use super::error::PatientError;
use super::event::PatientEvent;
use crate::claims::{Called, Name};
use crate::kernel::time::whole_millis;
use crate::kernel::{ClinicAggregate, Contradiction, DataSubject, PatientId, Personal, Teller};

/// A patient's record. A snapshot of it holds nothing personal: it reads back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Patient {
    is_registered: bool,
    details: Personal<PatientDetails>,
    is_sealed: bool,
}

impl Patient {
    /// Whether the patient is registered.
    pub const fn is_registered(&self) -> bool {
        self.is_registered
    }

    /// Who the patient is now. `None` when they are not registered, or it is sealed.
    pub const fn details(&self) -> Option<&PatientDetails> {
        self.details.known()
    }

    /// Registering the record as it stands, as of whenever, changes nothing: a source that does not date its states tells them as of another
    /// time whenever it tells them. What was registered first and was changed since is other content: a source may return to it.
    fn register(&self, mut details: PatientDetails, now: DateTime<Utc>) -> Result<Vec<PatientEvent>, PatientError> {
        if !self.is_registered() {
            details.check(now)?;
            details.as_of.get_or_insert_with(|| whole_millis(now));
            return Ok(vec![PatientEvent::Registered {
                details: Personal::Known(details),
            }]);
        }
        if details.undated() == self.opened()?.undated() {
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
        let details = self.opened()?;
        if new.identifier != details.identifier {
            return Err(PatientError::IdentifierIsFixed);
        }
        if teller == Teller::Person {
            if new.other_identifiers != details.other_identifiers {
                return Err(PatientError::NamesAreTheHospitals);
            }
            if new.as_of.is_some() && new.as_of != details.as_of {
                return Err(PatientError::DatesAreTheHospitals);
            }
            if !new.detail_dates.is_empty() && new.detail_dates != details.detail_dates {
                return Err(PatientError::DetailDatesAreTheHospitals);
            }
        }
        if new.leaves_the_dates_of(details) {
            new = new.changed_at(details, whole_millis(now));
        }
        new.as_of = new.as_of.or(details.as_of);
        if new == *details {
            return Ok(Vec::new());
        }
        new.check(now)?;
        Ok(vec![PatientEvent::DetailsUpdated {
            details: Personal::Known(new),
        }])
    }

    /// The details: nothing is decided once any of them were sealed, because whatever is sealed shares one key, destroyed or not ours.
    fn opened(&self) -> Result<&PatientDetails, PatientError> {
        if !self.is_registered() {
            return Err(PatientError::NotRegistered);
        }
        let details = self.details().filter(|_| !self.is_sealed);
        details.ok_or(PatientError::Sealed)
    }
}

impl Called for Patient {
    fn subject(id: PatientId) -> DataSubject {
        DataSubject::Patient(id)
    }

    fn called(&self) -> BTreeSet<Name> {
        let names = self.details().into_iter().flat_map(|details| details.names());
        names.cloned().map(Name::OfPatient).collect()
    }
}

impl ClinicAggregate for Patient {
    type Id = PatientId;
    type Command = PatientCommand;
    type Event = PatientEvent;
    type Error = PatientError;

    fn decide(&self, command: PatientCommand) -> Result<Vec<PatientEvent>, PatientError> {
        match command {
            PatientCommand::Register { details, now } => self.register(details, now),
            PatientCommand::UpdateDetails { details, teller, now } => self.update_details(details, teller, now),
        }
    }

    fn apply(&mut self, event: PatientEvent) {
        let details = match event {
            PatientEvent::Registered { details } => {
                self.is_registered = true;
                details
            }
            PatientEvent::DetailsUpdated { details } => details,
        };
        self.is_sealed |= details.known().is_none();
        self.details = details;
    }

    fn contradiction(&self, event: &PatientEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}
