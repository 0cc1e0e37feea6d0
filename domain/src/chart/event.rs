//! What can happen to a chart.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::contents::{Negation, Withdrawn};
use super::finding::{Allergy, AllergyKind, Condition, Medication, Symptom};
use super::list::{Absence, FindingId, ListKind};
use crate::kernel::{Personal, PersonalValue, compact_uuid};

/// Findings of one list that were noted together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Noted<T> {
    /// What the ids of the new ones are made of ([`FindingId::in_batch`]).
    #[serde(with = "compact_uuid")]
    pub batch: Uuid,
    /// New ones.
    pub new: Vec<T>,
    /// Those that are in another state from now on.
    pub changed: Vec<(FindingId, T)>,
}

impl<T: Serialize + for<'de> Deserialize<'de>> PersonalValue for Noted<T> {}

/// What is no longer among some values, and what is new among them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Revision<T> {
    /// No longer.
    pub gone: Vec<T>,
    /// New, at the end.
    pub new: Vec<T>,
}

impl<T> Default for Revision<T> {
    fn default() -> Self {
        Self {
            gone: Vec::new(),
            new: Vec::new(),
        }
    }
}

impl<T: Clone + PartialEq> Revision<T> {
    /// What changed from some values to others.
    pub(super) fn between(before: &[T], after: &[T]) -> Self {
        let missing = |from: &[T], of: &[T]| {
            let all = of.iter().filter(|one| !from.contains(one));
            all.cloned().collect()
        };
        Self {
            gone: missing(after, before),
            new: missing(before, after),
        }
    }

    /// As far as it is about some of the values.
    pub(super) fn of(&self, is_meant: impl Fn(&T) -> bool) -> Self {
        let some = |values: &[T]| values.iter().filter(|one| is_meant(one)).cloned().collect();
        Self {
            gone: some(&self.gone),
            new: some(&self.new),
        }
    }

    /// Whether nothing changed.
    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.new.is_empty()
    }

    /// The values after that.
    pub(super) fn change(self, values: &mut Vec<T>) {
        values.retain(|one| !self.gone.contains(one));
        values.extend(self.new);
    }
}

/// Findings of one list that are none, or that sources have taken back.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Refuted {
    /// Those that were in the chart.
    pub findings: Vec<FindingId>,
    /// What keeps older states of the sources out.
    pub withdrawn: Revision<Withdrawn>,
}

impl PersonalValue for Refuted {}

/// What was said of one list as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Statement {
    /// Of which list.
    pub list: ListKind,
    /// Why there are no findings.
    pub absence: Absence,
    /// Kinds of allergies of which none are known.
    pub no_known_allergies_to: Revision<AllergyKind>,
    /// What sources said of it.
    pub negations: Revision<Negation>,
}

impl PersonalValue for Statement {}

/// An event of a chart. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ChartEvent {
    /// Conditions were noted, or are in another state.
    ConditionsNoted {
        /// Which ones.
        conditions: Personal<Noted<Condition>>,
    },
    /// Conditions were refuted.
    ConditionsRefuted {
        /// Which ones.
        conditions: Personal<Refuted>,
    },
    /// Allergies were noted, or are in another state.
    AllergiesNoted {
        /// Which ones.
        allergies: Personal<Noted<Allergy>>,
    },
    /// Allergies were refuted.
    AllergiesRefuted {
        /// Which ones.
        allergies: Personal<Refuted>,
    },
    /// Symptoms were noted, or told otherwise.
    SymptomsNoted {
        /// Which ones.
        symptoms: Personal<Noted<Symptom>>,
    },
    /// Symptoms were refuted, or are gone.
    SymptomsRefuted {
        /// Which ones.
        symptoms: Personal<Refuted>,
    },
    /// Something was said of conditions, allergies or symptoms as a whole.
    AbsenceStated {
        /// What.
        statement: Personal<Statement>,
    },
    /// Medications were noted, or are in another state.
    MedicationsNoted {
        /// Which ones.
        medications: Personal<Noted<Medication>>,
    },
    /// Medications were refuted, or are gone: they were never taken, were called off, or are deleted at their source.
    MedicationsRefuted {
        /// Which ones.
        medications: Personal<Refuted>,
    },
    /// Something was said of medications as a whole.
    MedicationAbsenceStated {
        /// What.
        statement: Personal<Statement>,
    },
}
