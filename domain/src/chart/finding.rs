//! What can be found of a patient.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use strum::{VariantArray, VariantNames};

use super::abated::Abated;
use super::concepts::same;
use super::error::{ChartError, FindingPlace};
use super::list::ListKind;
use crate::kernel::{Concept, SourceId, Sources};

/// A condition in the patient's history (FHIR R4 `Condition`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Condition {
    /// What it is.
    pub concept: Concept,
    /// Since when, if known.
    #[serde(with = "crate::kernel::time::compact_optional_date")]
    pub onset: Option<NaiveDate>,
    /// Until when; `None` while it is active.
    pub abated: Option<Abated>,
    /// As of when it was told, by its source if that said, or here: an older state of a source does not replace it.
    #[serde(with = "crate::kernel::time::compact_optional_millis")]
    pub as_of: Option<DateTime<Utc>>,
    /// What its sources call the resources that tell it, if they told: a later state of one of them takes the place of this, or stands
    /// beside it while another one tells it still.
    pub sources: Sources,
}

/// An allergy or intolerance (FHIR R4 `AllergyIntolerance`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Allergy {
    /// To what.
    pub concept: Concept,
    /// How bad a reaction may be, if that is told.
    pub criticality: Option<Criticality>,
    /// As of when it was told, by its source if that said, or here: an older state of a source does not replace it.
    #[serde(with = "crate::kernel::time::compact_optional_millis")]
    pub as_of: Option<DateTime<Utc>>,
    /// What its sources call the resources that tell it, if they told: a later state of one of them takes the place of this, or stands
    /// beside it while another one tells it still.
    pub sources: Sources,
}

/// A medication (FHIR R4 `MedicationRequest` or `MedicationStatement`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Medication {
    /// Which one.
    pub concept: Concept,
    /// Since when, if known.
    #[serde(with = "crate::kernel::time::compact_optional_date")]
    pub since: Option<NaiveDate>,
    /// Whether it is being taken now.
    pub active: bool,
    /// As of when it was told, by its source if that said, or here: an older state of a source does not replace it.
    #[serde(with = "crate::kernel::time::compact_optional_millis")]
    pub as_of: Option<DateTime<Utc>>,
    /// What its sources call the resources that tell it, if they told: a later state of one of them takes the place of this, or stands
    /// beside it while another one tells it still.
    pub sources: Sources,
}

/// A symptom, in the patient's own words. No source tells it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Symptom {
    /// The words.
    pub text: String,
}

/// How bad a reaction to a substance may be (FHIR R4 `AllergyIntolerance.criticality`; what cannot be assessed is not told).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, VariantArray, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Criticality {
    /// No reaction is expected to be life-threatening.
    Low,
    /// A reaction may be life-threatening.
    High,
}

/// Kinds of allergies and intolerances of which a source may say that none are known, and leave the others open.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, VariantArray, VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum AllergyKind {
    /// To drugs.
    Medication,
    /// To food.
    Food,
    /// To what is in the environment: pollen, dust, mould.
    Environment,
    /// To animals.
    Animal,
    /// To insects and their venoms.
    Insect,
    /// To latex.
    Latex,
}

/// A finding of any list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AnyFinding {
    /// A condition.
    Condition(Condition),
    /// An allergy.
    Allergy(Allergy),
    /// A medication.
    Medication(Medication),
    /// A symptom.
    Symptom(Symptom),
}

impl AnyFinding {
    /// In which list it belongs.
    pub const fn list(&self) -> ListKind {
        match self {
            Self::Condition(_) => ListKind::Conditions,
            Self::Allergy(_) => ListKind::Allergies,
            Self::Medication(_) => ListKind::Medications,
            Self::Symptom(_) => ListKind::Symptoms,
        }
    }
}

/// An entry of a list.
pub trait Finding: Clone + PartialEq {
    /// Which list.
    const LIST: ListKind;

    /// The same as far as it is said now; as of when it was told, and what its sources call it, is kept.
    fn changed_to(&self, new: Self) -> Self;

    /// The same, told here by people, as of now: what sources told before does not undo it.
    fn told_here(self, now: DateTime<Utc>) -> Self;

    /// Since when it is, and since when it is over, as far as a day is told.
    fn days(&self) -> (Option<NaiveDate>, Option<NaiveDate>);

    /// Whether the days can be true. `latest` is the last day that is no day to come, wherever one is.
    ///
    /// # Errors
    /// [`ChartError::BeginsInTheFuture`], [`ChartError::EndsInTheFuture`], [`ChartError::EndsBeforeItBegins`].
    fn check_days(&self, latest: NaiveDate, place: FindingPlace) -> Result<(), ChartError> {
        match self.days() {
            (Some(begun), _) if begun > latest => Err(ChartError::BeginsInTheFuture(place)),
            (_, Some(ended)) if ended > latest => Err(ChartError::EndsInTheFuture(place)),
            (Some(begun), Some(ended)) if ended < begun => Err(ChartError::EndsBeforeItBegins(place)),
            _ => Ok(()),
        }
    }
}

/// A finding that another system may tell.
pub trait SourcedFinding: Finding {
    /// What it is.
    fn concept(&self) -> &Concept;
    /// Since when.
    fn since(&self) -> Option<NaiveDate>;
    /// As of when its source told it.
    fn as_of(&self) -> Option<DateTime<Utc>>;
    /// What its sources call it.
    fn sources(&self) -> &Sources;
    /// What the source calls it that told it last: of what is reported, the one that tells it.
    fn source(&self) -> Option<SourceId> {
        self.sources().last()
    }
    /// As of when one of its sources told it, if that is known.
    fn told_by(&self, source: SourceId) -> Option<DateTime<Utc>> {
        match self.source() {
            Some(last) if last.may_be(source) => self.as_of(),
            _ => self.sources().told_as_of(source),
        }
    }
    /// The same without one of its sources: as of when the last of the others told it, if that is known.
    fn not_told_by(self, source: Option<SourceId>) -> Self {
        let others = self.sources().clone().without(source);
        let last = others.last().and_then(|last| self.told_by(last));
        let as_of = last.or(self.as_of());
        let others = match others.last() {
            Some(last) => others.with(Some(last)),
            None => others,
        };
        self.told(as_of, others)
    }
    /// Whether it is over.
    fn is_over(&self) -> bool;
    /// Whether what is known of its end is known of this one too, or may be.
    fn ends_like(&self, known: &Self) -> bool;
    /// The same with what another state tells of it and it does not. If it `is_whole`, its resource told all that there is to tell, and
    /// only how critical an allergy is may be left open.
    fn completed(self, other: &Self, is_whole: bool) -> Self;
    /// The same, as of another time, and called otherwise.
    fn told(self, as_of: Option<DateTime<Utc>>, sources: Sources) -> Self;
}

impl Condition {
    /// The days between which it is, as far as they are known.
    fn span(&self) -> (Option<NaiveDate>, Option<NaiveDate>) {
        (self.onset, self.abated.and_then(Abated::day))
    }
}

macro_rules! sourced {
    ($kind:ident, $list:ident, $days:expr, { $($rules:item)* }) => {
        impl Finding for $kind {
            const LIST: ListKind = ListKind::$list;

            fn changed_to(&self, new: Self) -> Self {
                Self {
                    as_of: self.as_of,
                    sources: self.sources.clone(),
                    ..new
                }
            }

            fn told_here(self, now: DateTime<Utc>) -> Self {
                Self {
                    as_of: self.as_of.max(Some(now)),
                    ..self
                }
            }

            fn days(&self) -> (Option<NaiveDate>, Option<NaiveDate>) {
                let days: fn(&Self) -> (Option<NaiveDate>, Option<NaiveDate>) = $days;
                days(self)
            }
        }

        impl SourcedFinding for $kind {
            fn concept(&self) -> &Concept {
                &self.concept
            }

            fn since(&self) -> Option<NaiveDate> {
                self.days().0
            }

            fn as_of(&self) -> Option<DateTime<Utc>> {
                self.as_of
            }

            fn sources(&self) -> &Sources {
                &self.sources
            }

            fn told(self, as_of: Option<DateTime<Utc>>, sources: Sources) -> Self {
                Self {
                    as_of,
                    sources,
                    ..self
                }
            }

            $($rules)*
        }
    };
}

sourced!(Condition, Conditions, Condition::span, {
    fn is_over(&self) -> bool {
        self.abated.is_some()
    }

    fn ends_like(&self, known: &Self) -> bool {
        match (self.abated, known.abated) {
            (Some(Abated::On(one)), Some(Abated::On(two))) => one == two,
            (told, Some(Abated::On(_))) => told.is_some(),
            _ => true,
        }
    }

    fn completed(self, other: &Self, is_whole: bool) -> Self {
        if is_whole {
            return self;
        }
        let abated = match self.abated {
            Some(Abated::Unknown) => other.abated.or(self.abated),
            told => told,
        };
        Self {
            onset: self.onset.or(other.onset),
            abated,
            ..self
        }
    }
});
sourced!(Allergy, Allergies, |_| (None, None), {
    fn is_over(&self) -> bool {
        false
    }

    fn ends_like(&self, _: &Self) -> bool {
        true
    }

    fn completed(self, other: &Self, _: bool) -> Self {
        // Of another substance that says nothing: a state may have been corrected.
        let other = other.criticality.filter(|_| same(&self.concept, &other.concept));
        Self {
            criticality: self.criticality.or(other),
            ..self
        }
    }
});
sourced!(Medication, Medications, |medication| (medication.since, None), {
    fn is_over(&self) -> bool {
        !self.active
    }

    fn ends_like(&self, _: &Self) -> bool {
        true
    }

    fn completed(self, other: &Self, is_whole: bool) -> Self {
        Self {
            since: self.since.or(other.since.filter(|_| !is_whole)),
            ..self
        }
    }
});

impl Finding for Symptom {
    const LIST: ListKind = ListKind::Symptoms;

    fn changed_to(&self, new: Self) -> Self {
        new
    }

    fn told_here(self, _: DateTime<Utc>) -> Self {
        self
    }

    fn days(&self) -> (Option<NaiveDate>, Option<NaiveDate>) {
        (None, None)
    }
}
