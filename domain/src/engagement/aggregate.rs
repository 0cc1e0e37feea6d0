//! The state of an engagement, and its decisions.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::command::{Beginning, EngagementCommand};
use super::error::EngagementError;
use super::event::{AuditScope, EngagementEvent, Terms};
use crate::kernel::time::whole_millis;
use crate::kernel::{AccountId, ClinicAggregate, Contradiction, EngagementId, Personal, TextRule};

/// An engagement. A snapshot of it holds nothing personal: whom it is about reads back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Engagement {
    begun: Option<(AuditScope, Terms)>,
    is_ended: bool,
}

impl Engagement {
    /// What is open now to this auditor. What is about a patient who cannot be read opens nothing.
    pub fn open_to(&self, auditor: AccountId, now: DateTime<Utc>) -> Option<(&AuditScope, &Terms)> {
        let (scope, terms) = self.begun.as_ref()?;
        let is_open = !self.is_ended && terms.auditor == auditor && now < terms.ends;
        let is_known = *scope != AuditScope::Patient(Personal::Sealed);
        (is_open && is_known).then_some((scope, terms))
    }

    pub(super) fn terms(&self) -> Option<&Terms> {
        self.begun.as_ref().map(|(_, terms)| terms)
    }

    pub(super) const fn is_ended(&self) -> bool {
        self.is_ended
    }

    fn begin(&self, beginning: Beginning) -> Result<Vec<EngagementEvent>, EngagementError> {
        let scope = beginning.scope.clone();
        let terms = terms(beginning)?;
        match &self.begun {
            None => Ok(vec![EngagementEvent::Begun { scope, terms }]),
            Some(known) if *known == (scope, terms) => Ok(Vec::new()),
            Some(_) => Err(EngagementError::Exists),
        }
    }

    fn end(&self, now: DateTime<Utc>) -> Result<Vec<EngagementEvent>, EngagementError> {
        let (_, terms) = self.begun.as_ref().ok_or(EngagementError::Missing)?;
        match self.is_ended || terms.ends <= now {
            true => Ok(Vec::new()),
            // Not before it began, by whatever clock that was.
            false => Ok(vec![EngagementEvent::Ended {
                at: whole_millis(now).max(terms.at),
            }]),
        }
    }
}

/// Whether these are such as an auditor is engaged for.
pub(super) fn check(terms: &Terms) -> Result<(), EngagementError> {
    let reference = terms.reference.as_deref();
    if let Some(flaw) = reference.and_then(|reference| TextRule::CASE.flaw(reference)) {
        return Err(EngagementError::Reference(flaw));
    }
    if terms.until <= terms.from {
        return Err(EngagementError::Backwards);
    }
    if terms.until.signed_duration_since(terms.from) > TimeDelta::days(Terms::MOST_DAYS.into()) {
        return Err(EngagementError::TooLong);
    }
    let open_for = terms.ends.signed_duration_since(terms.at);
    let days = |days: &u16| TimeDelta::days((*days).into());
    match days(Terms::DAYS.start()) <= open_for && open_for <= days(Terms::DAYS.end()) {
        true => Ok(()),
        false => Err(EngagementError::Days),
    }
}

/// What the log keeps of it.
fn terms(beginning: Beginning) -> Result<Terms, EngagementError> {
    let at = whole_millis(beginning.now);
    let ends = at.checked_add_signed(TimeDelta::days(beginning.days.into()));
    let terms = Terms {
        auditor: beginning.auditor,
        from: whole_millis(beginning.from),
        until: whole_millis(beginning.until),
        reason: beginning.reason,
        reference: beginning.reference,
        at,
        ends: ends.ok_or(EngagementError::Days)?,
    };
    check(&terms)?;
    Ok(terms)
}

impl ClinicAggregate for Engagement {
    type Id = EngagementId;
    type Command = EngagementCommand;
    type Event = EngagementEvent;
    type Error = EngagementError;

    fn decide(&self, command: EngagementCommand) -> Result<Vec<EngagementEvent>, EngagementError> {
        match command {
            EngagementCommand::Begin(beginning) => self.begin(beginning),
            EngagementCommand::End { now } => self.end(now),
        }
    }

    fn apply(&mut self, event: EngagementEvent) {
        match event {
            EngagementEvent::Begun { scope, terms } => self.begun = Some((scope, terms)),
            EngagementEvent::Ended { .. } => self.is_ended = true,
        }
    }

    fn contradiction(&self, event: &EngagementEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}
