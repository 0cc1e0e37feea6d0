//! What an encounter decides.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::aggregate::Encounter;
use super::command::{EncounterCommand, Told};
use super::error::EncounterError;
use super::event::{Conclusion, EncounterEvent, EncounterStatus, Ending, Filed, Outcome};
use super::names::EncounterNames;
use crate::kernel::time::whole_millis;
use crate::kernel::{ClinicAggregate, Contradiction, EncounterId, Personal};

type Decision = Result<Vec<EncounterEvent>, EncounterError>;

impl ClinicAggregate for Encounter {
    type Id = EncounterId;
    type Command = EncounterCommand;
    type Event = EncounterEvent;
    type Error = EncounterError;

    fn decide(&self, command: EncounterCommand) -> Decision {
        match command {
            EncounterCommand::File(told) => self.file(told),
            EncounterCommand::Name(names) => Ok(self.named(&names)),
            EncounterCommand::Conclude { ending, now } => self.conclude(ending, now),
        }
    }

    fn apply(&mut self, event: EncounterEvent) {
        self.change_by(event);
    }

    fn contradiction(&self, event: &EncounterEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}

impl Encounter {
    /// A newer state of the source takes the place of what was told before, if the caller says that it corrects it.
    fn file(&self, told: Told) -> Decision {
        let Told {
            filed,
            recognised,
            corrects,
            now,
        } = told;
        let told = as_kept(filed);
        if told.slot.minutes == 0 {
            return Err(EncounterError::Empty);
        }
        let filed = match self.filed() {
            None => told,
            Some(Personal::Sealed) => return Err(EncounterError::Sealed),
            Some(Personal::Known(known)) if is_another(&known.names, &told.names, recognised) => {
                return Err(EncounterError::AnotherVisit);
            }
            Some(Personal::Known(known)) => {
                // What became of an open one since does not matter: it was recorded as it is told now.
                if is_same(known, &told) {
                    let is_newer = corrects && told.as_of > self.as_of() && !self.is_reopened_by(known, &told);
                    let names = known.names.with(&told.names);
                    return Ok(match is_newer {
                        true => vec![filed_as(Filed { names, ..told })],
                        false => self.named(&told.names),
                    });
                }
                if !corrects {
                    return Err(EncounterError::AlreadyExists);
                }
                // Two states of which one is not dated are in the order in which they are told.
                let order = told.as_of.zip(self.as_of()).map(|(told, known)| told.cmp(&known));
                let is_no_newer = match order {
                    Some(Ordering::Less) => true,
                    // Of two states of one moment the later stage counts, or else the one that is told first.
                    Some(Ordering::Equal) => {
                        stage(told.outcome) <= stage(known.outcome) && !tells_the_reason(known, &told)
                    }
                    Some(Ordering::Greater) | None => false,
                };
                if is_no_newer || self.is_reopened_by(known, &told) {
                    return Err(EncounterError::Superseded);
                }
                let names = known.names.with(&told.names);
                Filed { names, ..told }
            }
        };
        if filed.slot.start > now {
            return Err(EncounterError::NotYetBegun);
        }
        let outweighs = self.as_of().is_some() && filed.outcome != Outcome::Open;
        Ok(vec![filed_as(dated(filed, outweighs, now))])
    }

    /// Further names are kept, whatever became of it.
    fn named(&self, names: &EncounterNames) -> Vec<EncounterEvent> {
        let known = self.filed().and_then(Personal::known).map(|filed| &filed.names);
        let all = known.map(|known| (known, known.with(names)));
        let further = all.filter(|(known, all)| all != *known);
        let names = further.map(|(_, names)| EncounterEvent::Named {
            names: Personal::Known(names),
        });
        names.into_iter().collect()
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
                conclusion: Personal::Known(Conclusion {
                    ending,
                    as_of: whole_millis(now),
                }),
            }]),
            status => Err(EncounterError::WrongStatus { status }),
        }
    }
}

/// Whether what is told has the id of this encounter and is not it: what was recognised, only if it certainly is not.
fn is_another(known: &EncounterNames, told: &EncounterNames, recognised: bool) -> bool {
    let may_be = match recognised {
        true => !known.is_certainly_another_than(told),
        false => known.is_empty() || told.is_empty() || known.is_one_with(told),
    };
    !may_be
}

/// As the log keeps it, so that what is told can be compared with what was.
fn as_kept(filed: Filed) -> Filed {
    Filed {
        slot: filed.slot.on_whole_seconds(),
        as_of: filed.as_of.map(whole_millis),
        ..filed
    }
}

/// Whether two states say the same, as of whenever and under whatever names.
fn is_same(known: &Filed, told: &Filed) -> bool {
    let (as_of, names) = (known.as_of, known.names.clone());
    *known
        == Filed {
            as_of,
            names,
            ..told.clone()
        }
}

/// What comes later in the life of a visit.
const fn stage(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Open => 0,
        Outcome::Completed => 1,
        Outcome::Cancelled => 2,
        Outcome::EnteredInError => 3,
    }
}

/// Whether what is told is the same with a reason, which is not known yet.
fn tells_the_reason(known: &Filed, told: &Filed) -> bool {
    let reason = told.reason.clone().filter(|_| known.reason.is_none());
    reason.is_some()
        && is_same(
            &Filed {
                reason,
                ..known.clone()
            },
            told,
        )
}

const fn filed_as(filed: Filed) -> EncounterEvent {
    EncounterEvent::Filed {
        encounter: Personal::Known(filed),
    }
}

/// What takes an encounter back, or takes the place of what was dated, is as of some time, so that no older state undoes it: without a date
/// as of now.
fn dated(filed: Filed, outweighs: bool, now: DateTime<Utc>) -> Filed {
    let is_dated = outweighs || filed.outcome == Outcome::EnteredInError;
    Filed {
        as_of: filed.as_of.or_else(|| is_dated.then(|| whole_millis(now))),
        ..filed
    }
}
