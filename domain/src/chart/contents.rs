//! What a chart says.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::finding::{Allergy, AllergyKind, Condition, Medication, SourcedFinding, Symptom};
use super::list::{Absence, FindingId, List, ListKind};
use crate::kernel::{Category, Concept, SourceId};

/// A finding that was taken back: refuted here, or entered in error, refuted, deleted or over at its source. It is kept so that an older
/// state of the source does not bring it back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Withdrawn {
    /// In which list it was.
    pub list: ListKind,
    /// What it was. `None` where nothing is told but that it was deleted: then [`Self::source`] tells what is meant.
    pub concept: Option<Concept>,
    /// Since when it was said to be, if that was known.
    #[serde(with = "crate::kernel::time::compact_optional_date")]
    pub since: Option<NaiveDate>,
    /// What the source calls the resource that told it, if that is known.
    pub source: Option<SourceId>,
    /// As of when it was taken back; where the source does not say, when that was told here.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub as_of: DateTime<Utc>,
}

impl Withdrawn {
    /// What is forgotten first has the lowest: what only keeps out whatever a resource may have told (a draft, a deletion), before what was
    /// found not to be so, and then the oldest.
    pub(super) const fn rank(&self) -> (bool, DateTime<Utc>) {
        (self.concept.is_some(), self.as_of)
    }
}

/// When a source, or somebody here, said last that none are known, or that this is so no longer. What it told before does not overrule it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Negation {
    /// Of what none are known.
    pub list: ListKind,
    /// Of which kind of allergies, if it is one.
    pub kind: Option<AllergyKind>,
    /// Whether it is said still; otherwise it was taken back.
    pub holds: bool,
    /// What the source calls the resource that says so, if that is known. `None` also where people say so here.
    pub source: Option<SourceId>,
    /// As of when the source says so; where it does not say, when that was told here.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub as_of: DateTime<Utc>,
}

/// What a chart says now.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Contents {
    /// Conditions.
    pub conditions: List<Condition>,
    /// Allergies.
    pub allergies: List<Allergy>,
    /// Of which kinds of allergies none are known, each once. That none are known at all is the absence of [`Self::allergies`].
    pub no_known_allergies_to: Vec<AllergyKind>,
    /// Medications.
    pub medications: List<Medication>,
    /// Symptoms.
    pub symptoms: List<Symptom>,
    /// What was taken back.
    pub withdrawn: Vec<Withdrawn>,
    /// When sources said that none are known.
    pub negations: Vec<Negation>,
}

impl Contents {
    /// The categories of which it holds something.
    pub const CATEGORIES: &[Category] = &[Category::Summary, Category::Medication];

    /// The same without what is of these categories.
    #[must_use]
    pub fn without(self, withheld: &[Category]) -> Self {
        fn shown<T: Default>(value: T, is_shown: bool) -> T {
            if is_shown { value } else { T::default() }
        }
        let is_shown = |list: ListKind| !withheld.contains(&list.category());
        let Self {
            conditions,
            allergies,
            no_known_allergies_to,
            medications,
            symptoms,
            mut withdrawn,
            mut negations,
        } = self;
        withdrawn.retain(|one| is_shown(one.list));
        negations.retain(|one| is_shown(one.list));
        Self {
            conditions: shown(conditions, is_shown(ListKind::Conditions)),
            allergies: shown(allergies, is_shown(ListKind::Allergies)),
            no_known_allergies_to: shown(no_known_allergies_to, is_shown(ListKind::Allergies)),
            medications: shown(medications, is_shown(ListKind::Medications)),
            symptoms: shown(symptoms, is_shown(ListKind::Symptoms)),
            withdrawn,
            negations,
        }
    }

    /// What sources have told of it: findings that one of them tells, as they stand now, and their words about whole lists. What people alone have noted and said is left out.
    #[must_use]
    pub fn told_by_sources(self) -> Self {
        fn told<T: SourcedFinding>(list: List<T>, is_told_empty: bool) -> List<T> {
            let mut entries = list.entries;
            entries.retain(|entry| entry.finding.source().is_some());
            let absence = if is_told_empty { list.absence } else { Absence::NotAsked };
            List { entries, absence }
        }
        let Self {
            conditions,
            allergies,
            mut no_known_allergies_to,
            medications,
            mut withdrawn,
            mut negations,
            ..
        } = self;
        // What has no source is of people, or of a source that does not say which.
        withdrawn.retain(|one| one.source.is_some());
        negations.retain(|one| one.source.is_some());
        let is_told = |list, kind| {
            let is_it = |one: &Negation| one.holds && one.list == list && one.kind == kind;
            negations.iter().any(is_it)
        };
        no_known_allergies_to.retain(|kind| is_told(ListKind::Allergies, Some(*kind)));
        let [no_conditions, no_allergies, no_medications] =
            [ListKind::Conditions, ListKind::Allergies, ListKind::Medications].map(|list| is_told(list, None));
        Self {
            conditions: told(conditions, no_conditions),
            allergies: told(allergies, no_allergies),
            medications: told(medications, no_medications),
            no_known_allergies_to,
            symptoms: List::default(),
            withdrawn,
            negations,
        }
    }

    /// In which list a finding is.
    pub fn list_of(&self, id: FindingId) -> Option<ListKind> {
        let lists = [
            (ListKind::Conditions, self.conditions.get(id).is_some()),
            (ListKind::Allergies, self.allergies.get(id).is_some()),
            (ListKind::Medications, self.medications.get(id).is_some()),
            (ListKind::Symptoms, self.symptoms.get(id).is_some()),
        ];
        lists.into_iter().find_map(|(list, has_it)| has_it.then_some(list))
    }

    /// How many [`Self::withdrawn`] and [`Self::negations`] are kept; the oldest are forgotten first.
    pub const MOST_KEPT: usize = 1000;
}
