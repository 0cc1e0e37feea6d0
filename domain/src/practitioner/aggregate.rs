//! The state of a practitioner's entry and its decisions.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::command::PractitionerCommand;
use super::error::PractitionerError;
use super::event::{PractitionerDetails, PractitionerEvent, RegisterEntry};
use crate::claims::{Called, Name};
use crate::kernel::time::whole_millis;
use crate::kernel::{ClinicAggregate, Contradiction, DataSubject, Personal, PractitionerId, Teller};

type Decision = Result<Vec<PractitionerEvent>, PractitionerError>;

/// A practitioner's entry. A snapshot of it holds nothing personal: it reads back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Practitioner {
    time_zone: Option<Tz>,
    details: Personal<PractitionerDetails>,
    register_entry: Personal<RegisterEntry>,
    is_sealed: bool,
}

impl Practitioner {
    /// Whether the practitioner is registered.
    pub const fn is_registered(&self) -> bool {
        self.time_zone.is_some()
    }

    /// The time zone of their days, sealed or not. `None` when they are not registered.
    pub const fn time_zone(&self) -> Option<Tz> {
        self.time_zone
    }

    /// Who the practitioner is now. `None` when they are not registered, or it is sealed.
    pub const fn details(&self) -> Option<&PractitionerDetails> {
        self.details.known()
    }

    /// Where a public register has the practitioner. `None` when nobody has told it, or it is sealed.
    pub const fn register_entry(&self) -> Option<&RegisterEntry> {
        self.register_entry.known()
    }

    /// Registering the entry as it stands changes nothing. What was registered first and was changed since is other content: a
    /// source may return to it.
    fn register(&self, mut details: PractitionerDetails, now: DateTime<Utc>) -> Decision {
        check_specializations(&details)?;
        if !self.is_registered() {
            details.as_of.get_or_insert(now);
            return Ok(vec![PractitionerEvent::Registered {
                time_zone: details.time_zone,
                details: Personal::Known(details),
            }]);
        }
        let known = self.opened()?;
        details.as_of = details.as_of.or(known.as_of);
        if *known == details {
            Ok(Vec::new())
        } else {
            Err(PractitionerError::AlreadyRegistered)
        }
    }

    /// What is told without a date, or with the one that is recorded, is told now: no older state of a source undoes it.
    fn update(&self, mut new: PractitionerDetails, teller: Teller, now: DateTime<Utc>) -> Decision {
        let details = self.opened()?;
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
        Ok(vec![PractitionerEvent::DetailsUpdated {
            details: Personal::Known(new),
        }])
    }

    fn tell_register_entry(&self, entry: RegisterEntry) -> Decision {
        self.opened()?;
        let known = self.register_entry.known();
        if known.is_some_and(|known| known.identifier == entry.identifier) {
            return Ok(Vec::new());
        }
        Ok(vec![PractitionerEvent::RegisterEntryTold {
            entry: Personal::Known(entry),
        }])
    }

    /// The details: nothing is decided once any of them were sealed, because whatever is sealed shares one key, destroyed or not ours.
    fn opened(&self) -> Result<&PractitionerDetails, PractitionerError> {
        if !self.is_registered() {
            return Err(PractitionerError::NotRegistered);
        }
        let details = self.details().filter(|_| !self.is_sealed);
        details.ok_or(PractitionerError::Sealed)
    }
}

fn check_specializations(details: &PractitionerDetails) -> Result<(), PractitionerError> {
    if details.specializations.is_empty() {
        Err(PractitionerError::NoSpecialization)
    } else {
        Ok(())
    }
}

impl Called for Practitioner {
    fn subject(id: PractitionerId) -> DataSubject {
        DataSubject::Practitioner(id)
    }

    fn called(&self) -> BTreeSet<Name> {
        let names = self.details().into_iter().flat_map(|details| details.names());
        names.cloned().map(Name::OfPractitioner).collect()
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
            PractitionerCommand::TellRegisterEntry { entry } => self.tell_register_entry(entry),
        }
    }

    fn apply(&mut self, event: PractitionerEvent) {
        let details = match event {
            PractitionerEvent::Registered { time_zone, details } => {
                self.time_zone = Some(time_zone);
                details
            }
            PractitionerEvent::DetailsUpdated { details } => details,
            PractitionerEvent::RegisterEntryTold { entry } => {
                self.is_sealed |= entry.known().is_none();
                self.register_entry = entry;
                return;
            }
        };
        self.is_sealed |= details.known().is_none();
        self.details = details;
    }

    fn contradiction(&self, event: &PractitionerEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}
