//! The state of an emergency, and its decisions.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::command::{EmergencyCommand, Opening};
use super::error::EmergencyError;
use super::event::{EmergencyEvent, Flag, Justification, Opened};
use crate::kernel::time::whole_millis;
use crate::kernel::{Category, ClinicAggregate, Contradiction, EmergencyId, Personal, PractitionerId, TextRule};

/// An emergency. A snapshot of it holds nothing personal: it reads back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Emergency {
    exists: bool,
    justified: bool,
    flagged: bool,
    /// Who has opened what, if that can be read.
    #[serde(skip)]
    opened: Option<Opened>,
    /// What was said to justify it, if that can be read.
    #[serde(skip)]
    said: Option<String>,
}

impl Emergency {
    /// What is open now to this practitioner. What cannot be read opens nothing.
    pub fn open_to(&self, practitioner: PractitionerId, now: DateTime<Utc>) -> &[Category] {
        let is_open = |opened: &&Opened| opened.practitioner == practitioner && now < opened.until;
        self.opened
            .as_ref()
            .filter(is_open)
            .map_or(&[], |opened| &opened.categories)
    }

    pub(super) const fn exists(&self) -> bool {
        self.exists
    }

    pub(super) const fn is_justified(&self) -> bool {
        self.justified
    }

    pub(super) const fn is_flagged(&self) -> bool {
        self.flagged
    }

    pub(super) const fn opened(&self) -> Option<&Opened> {
        self.opened.as_ref()
    }

    fn open(&self, opening: Opening) -> Result<Vec<EmergencyEvent>, EmergencyError> {
        let is_full = opening.open >= Opened::MOST;
        let opened = opened(opening)?;
        match (self.exists, &self.opened) {
            (false, _) if is_full => Err(EmergencyError::TooMany),
            (false, _) => Ok(vec![EmergencyEvent::Opened {
                opened: Personal::Known(opened),
            }]),
            (true, Some(known)) if *known == opened => Ok(Vec::new()),
            (true, _) => Err(EmergencyError::Exists),
        }
    }

    fn justify(&self, by: PractitionerId, justification: Justification) -> Result<Vec<EmergencyEvent>, EmergencyError> {
        check(&justification.text).map_err(EmergencyError::Justification)?;
        let opened = self.known()?;
        if opened.practitioner != by {
            return Err(EmergencyError::NotOpened);
        }
        match &self.said {
            _ if !self.justified => {
                // Who is late is flagged, though nobody has looked yet.
                let mut events = self.flag(justification.at).unwrap_or_default();
                events.push(EmergencyEvent::Justified {
                    justification: Personal::Known(justification),
                });
                Ok(events)
            }
            Some(said) if *said == justification.text => Ok(Vec::new()),
            _ => Err(EmergencyError::Justified),
        }
    }

    fn flag(&self, now: DateTime<Utc>) -> Result<Vec<EmergencyEvent>, EmergencyError> {
        let opened = self.known()?;
        let at = whole_millis(now);
        if self.justified || self.flagged {
            Ok(Vec::new())
        } else if at < opened.justify_by {
            Err(EmergencyError::NotDue)
        } else {
            Ok(vec![EmergencyEvent::Flagged {
                flag: Personal::Known(Flag { at }),
            }])
        }
    }

    /// What is known of it, which somebody has opened.
    fn known(&self) -> Result<&Opened, EmergencyError> {
        match (&self.opened, self.exists) {
            (Some(opened), _) => Ok(opened),
            (None, true) => Err(EmergencyError::Sealed),
            (None, false) => Err(EmergencyError::NotOpened),
        }
    }
}

/// Whether a reason or a justification is one.
pub(super) fn check(text: &str) -> Result<(), crate::kernel::Flaw> {
    TextRule::EMERGENCY.flaw(text).map_or(Ok(()), Err)
}

/// Whether this can be opened.
pub(super) fn check_categories(categories: &[Category]) -> Result<(), EmergencyError> {
    let is_for_emergencies = |category: &Category| Opened::CATEGORIES.contains(category);
    match categories.iter().all(is_for_emergencies) {
        true => Ok(()),
        false => Err(EmergencyError::NotForEmergencies),
    }
}

/// What the log keeps of it.
fn opened(opening: Opening) -> Result<Opened, EmergencyError> {
    let Opening {
        practitioner,
        system,
        open: _,
        reason,
        mut categories,
        minutes,
        to_justify,
        now,
    } = opening;
    check(&reason).map_err(EmergencyError::Reason)?;
    if categories.is_empty() {
        return Err(EmergencyError::Nothing);
    }
    check_categories(&categories)?;
    if !Opened::MINUTES.contains(&minutes) {
        return Err(EmergencyError::Minutes);
    }
    categories.push(Category::Identity);
    categories.sort_unstable();
    categories.dedup();
    let at = whole_millis(now);
    let later = |period: TimeDelta| at.checked_add_signed(period).map_or(at, whole_millis);
    Ok(Opened {
        practitioner,
        system,
        reason,
        categories,
        at,
        until: later(TimeDelta::minutes(minutes.into())),
        justify_by: later(to_justify),
    })
}

impl ClinicAggregate for Emergency {
    type Id = EmergencyId;
    type Command = EmergencyCommand;
    type Event = EmergencyEvent;
    type Error = EmergencyError;

    fn decide(&self, command: EmergencyCommand) -> Result<Vec<EmergencyEvent>, EmergencyError> {
        match command {
            EmergencyCommand::Open(opening) => self.open(opening),
            EmergencyCommand::Justify {
                practitioner,
                system,
                text,
                now,
            } => {
                let at = whole_millis(now);
                self.justify(practitioner, Justification { text, system, at })
            }
            EmergencyCommand::Flag { now } => self.flag(now),
        }
    }

    fn apply(&mut self, event: EmergencyEvent) {
        match event {
            EmergencyEvent::Opened { opened } => {
                self.exists = true;
                self.opened = opened.known().cloned();
            }
            EmergencyEvent::Justified { justification } => {
                self.justified = true;
                self.said = justification.known().map(|known| known.text.clone());
            }
            EmergencyEvent::Flagged { .. } => self.flagged = true,
        }
    }

    fn contradiction(&self, event: &EmergencyEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}
