//! What an encounter decides.

use chrono::{DateTime, Utc};

use super::aggregate::Encounter;
use super::command::{EncounterCommand, Told};
use super::error::EncounterError;
use super::event::{EncounterEvent, EncounterStatus, Ending, Filed, Outcome};
use crate::kernel::time::whole_millis;
use crate::kernel::{ClinicAggregate, EncounterId, Personal};

type Decision = Result<Vec<EncounterEvent>, EncounterError>;

impl ClinicAggregate for Encounter {
    type Id = EncounterId;
    type Command = EncounterCommand;
    type Event = EncounterEvent;
    type Error = EncounterError;

    fn decide(&self, command: EncounterCommand) -> Decision {
        match command {
            EncounterCommand::File(told) => self.file(told),
            EncounterCommand::Conclude { ending, now } => self.conclude(ending, now),
        }
    }

    fn apply(&mut self, event: EncounterEvent) {
        self.change_by(event);
    }
}

impl Encounter {
    /// A newer state of the source takes the place of what was told before, if the caller says that it corrects it; whether two sources
    /// mean one encounter cannot be seen here.
    fn file(&self, told: Told) -> Decision {
        let Told { filed, corrects, now } = told;
        let filed = as_kept(filed);
        if filed.slot.minutes == 0 {
            return Err(EncounterError::Empty);
        }
        let is_changed = match self.filed() {
            None => true,
            Some(Personal::Sealed) => return Err(EncounterError::Sealed),
            // What became of an open one since does not matter: it was recorded as it is told now.
            Some(Personal::Known(known)) if is_same(known, &filed) => {
                if !corrects || filed.as_of <= self.as_of() || self.is_reopened_by(known, &filed) {
                    return Ok(Vec::new());
                }
                false
            }
            Some(Personal::Known(_)) if !corrects => return Err(EncounterError::AlreadyExists),
            Some(Personal::Known(known)) => {
                // Two states of which one is not dated are in the order in which they are told.
                let is_older = filed.as_of.zip(self.as_of()).is_some_and(|(told, known)| told < known);
                if is_older || self.is_reopened_by(known, &filed) {
                    return Err(EncounterError::Superseded);
                }
                true
            }
        };
        if is_changed && filed.slot.start > now {
            return Err(EncounterError::NotYetBegun);
        }
        Ok(vec![EncounterEvent::Filed {
            encounter: Personal::Known(dated(filed, now)),
        }])
    }

    /// Whether a state leaves open what is concluded. Only a source that concluded it itself may take that back, by a newer state.
    fn is_reopened_by(&self, known: &Filed, told: &Filed) -> bool {
        let is_dated_later = self.as_of().is_some() && told.as_of > self.as_of();
        let takes_back = known.outcome != Outcome::Open && is_dated_later;
        told.outcome == Outcome::Open && self.status() != Some(EncounterStatus::Open) && !takes_back
    }

    fn conclude(&self, ending: Ending, now: DateTime<Utc>) -> Decision {
        let filed = self.filed().ok_or(EncounterError::Unknown)?;
        let filed = filed.known().ok_or(EncounterError::Sealed)?;
        let ended = EncounterStatus::from(&ending);
        match self.status().ok_or(EncounterError::Sealed)? {
            stands if stands == ended => Ok(Vec::new()),
            EncounterStatus::Open if ended != EncounterStatus::Cancelled && now < filed.slot.start => {
                Err(EncounterError::NotYetBegun)
            }
            EncounterStatus::Open => Ok(vec![EncounterEvent::Concluded {
                ending: Personal::Known(ending),
            }]),
            status => Err(EncounterError::WrongStatus { status }),
        }
    }
}

/// As the log keeps it, so that what is told can be compared with what was.
fn as_kept(filed: Filed) -> Filed {
    Filed {
        slot: filed.slot.on_whole_seconds(),
        as_of: filed.as_of.map(whole_millis),
        ..filed
    }
}

/// Whether two states say the same, as of whenever.
fn is_same(known: &Filed, told: &Filed) -> bool {
    let as_of = known.as_of;
    *known == Filed { as_of, ..told.clone() }
}

/// What takes an encounter back is as of some time, so that no older state brings it back: without a date as of now.
fn dated(filed: Filed, now: DateTime<Utc>) -> Filed {
    let takes_back = filed.outcome == Outcome::EnteredInError;
    Filed {
        as_of: filed.as_of.or_else(|| takes_back.then(|| whole_millis(now))),
        ..filed
    }
}
