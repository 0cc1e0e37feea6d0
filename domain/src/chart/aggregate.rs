//! The state of a chart.

use serde::{Deserialize, Serialize};

use super::contents::Contents;
use super::error::ChartError;
use super::event::{ChartEvent, Noted, Refuted, Statement};
use super::list::{FindingId, List, ListKind};
use crate::kernel::Personal;

/// A chart. A snapshot of it holds nothing personal: it reads back sealed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Chart {
    contents: Personal<Contents>,
}

impl Default for Chart {
    fn default() -> Self {
        Self {
            contents: Personal::Known(Contents::default()),
        }
    }
}

impl Chart {
    #[cfg(test)]
    pub(super) const fn saying(contents: Contents) -> Self {
        Self {
            contents: Personal::Known(contents),
        }
    }

    /// What it says now. `None` when any of it is sealed.
    pub const fn contents(&self) -> Option<&Contents> {
        self.contents.known()
    }

    pub(super) fn opened(&self) -> Result<&Contents, ChartError> {
        self.contents().ok_or(ChartError::Sealed)
    }

    pub(super) fn change_by(&mut self, event: ChartEvent) {
        let opened = match &mut self.contents {
            Personal::Known(contents) => contents.change_by(event),
            Personal::Sealed => None,
        };
        if opened.is_none() {
            self.contents = Personal::Sealed;
        }
    }
}

impl Contents {
    /// The contents after an event; `None` when it is sealed, and has changed nothing.
    pub fn change_by(&mut self, event: ChartEvent) -> Option<()> {
        match event {
            ChartEvent::ConditionsNoted { conditions } => self.conditions.note(opened(conditions)?),
            ChartEvent::AllergiesNoted { allergies } => self.allergies.note(opened(allergies)?),
            ChartEvent::MedicationsNoted { medications } => self.medications.note(opened(medications)?),
            ChartEvent::SymptomsNoted { symptoms } => self.symptoms.note(opened(symptoms)?),
            ChartEvent::ConditionsRefuted { conditions } => {
                let refuted = self.withdraw(opened(conditions)?);
                self.conditions.remove(&refuted);
            }
            ChartEvent::AllergiesRefuted { allergies } => {
                let refuted = self.withdraw(opened(allergies)?);
                self.allergies.remove(&refuted);
            }
            ChartEvent::MedicationsRefuted { medications } => {
                let refuted = self.withdraw(opened(medications)?);
                self.medications.remove(&refuted);
            }
            ChartEvent::SymptomsRefuted { symptoms } => {
                let refuted = self.withdraw(opened(symptoms)?);
                self.symptoms.remove(&refuted);
            }
            ChartEvent::AbsenceStated { statement } | ChartEvent::MedicationAbsenceStated { statement } => {
                self.state(opened(statement)?);
            }
        }
        Some(())
    }

    fn withdraw(&mut self, refuted: Refuted) -> Vec<FindingId> {
        refuted.withdrawn.change(&mut self.withdrawn);
        refuted.findings
    }

    fn state(&mut self, statement: Statement) {
        match statement.list {
            ListKind::Conditions => self.conditions.absence = statement.absence,
            ListKind::Allergies => self.allergies.absence = statement.absence,
            ListKind::Medications => self.medications.absence = statement.absence,
            ListKind::Symptoms => self.symptoms.absence = statement.absence,
        }
        statement.no_known_allergies_to.change(&mut self.no_known_allergies_to);
        statement.negations.change(&mut self.negations);
    }
}

impl<T> List<T> {
    fn note(&mut self, noted: Noted<T>) {
        let new = noted.new.into_iter().enumerate();
        let new = new.map(|(index, finding)| (FindingId::in_batch(noted.batch, index), finding));
        for (id, finding) in noted.changed.into_iter().chain(new) {
            self.put(id, finding);
        }
    }
}

fn opened<T>(value: Personal<T>) -> Option<T> {
    match value {
        Personal::Known(value) => Some(value),
        Personal::Sealed => None,
    }
}
