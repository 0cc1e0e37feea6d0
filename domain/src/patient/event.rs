//! What can happen to a patient's record.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use strum::{VariantArray, VariantNames};

use super::abated::Abated;
use super::deceased::{Deceased, last_day_anywhere};
use super::error::{PatientError, Place};
use super::findings::Findings;
use super::matter::Matter;
use crate::kernel::{Address, Concept, Gender, HumanName, Identifier, Personal, PersonalValue, SourceId, Sources};

/// Who a patient is (FHIR R4 `Patient`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PatientDetails {
    /// The official name.
    pub name: HumanName,
    /// Date of birth.
    #[serde(with = "crate::kernel::time::compact_date")]
    pub birth_date: NaiveDate,
    /// Administrative gender.
    pub gender: Gender,
    /// Home address, if given.
    pub address: Option<Address>,
    /// Telephone number, if given.
    pub phone: Option<String>,
    /// E-mail address, if given.
    pub email: Option<String>,
    /// The patient's death, if they have died.
    pub deceased: Option<Deceased>,
    /// The id in the system the patient came from, if any. It names the patient's stream and never changes.
    pub identifier: Option<Identifier>,
    /// The other ids that name this patient and nobody else, in the same system or in others.
    pub other_identifiers: Vec<Identifier>,
    /// As of when the source told these details, if it said: an older state of the source does not replace them.
    #[serde(with = "crate::kernel::time::compact_optional_millis")]
    pub as_of: Option<DateTime<Utc>>,
}

impl PersonalValue for PatientDetails {}

impl PatientDetails {
    /// How many other ids a patient may have, and how many are looked for at once.
    pub const MOST_IDENTIFIERS: usize = 50;

    /// How far ahead of ours a source's clock may be.
    pub const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);

    /// Whether the days of birth and death, and the time as of which this is told, can be true.
    ///
    /// # Errors
    /// [`PatientError::BornInTheFuture`], [`PatientError::DiedInTheFuture`], [`PatientError::DiedBeforeBirth`],
    /// [`PatientError::ToldInTheFuture`]. The benefit of the doubt is given wherever the time zone or the day of death is not known,
    /// and to a clock that is a day ahead.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), PatientError> {
        let today = last_day_anywhere(now).unwrap_or(NaiveDate::MAX);
        let death = |day: fn(Deceased) -> Option<NaiveDate>| self.deceased.and_then(day);
        if self.birth_date > today {
            Err(PatientError::BornInTheFuture)
        } else if death(Deceased::first_day).is_some_and(|died| died > today) {
            Err(PatientError::DiedInTheFuture)
        } else if death(Deceased::last_day).is_some_and(|died| died < self.birth_date) {
            Err(PatientError::DiedBeforeBirth)
        } else if self.as_of.is_some_and(|told| is_to_come(told, now)) {
            Err(PatientError::ToldInTheFuture(Place::Details))
        } else {
            Ok(())
        }
    }

    /// All the ids by which the patient is called.
    pub fn names(&self) -> impl Iterator<Item = &Identifier> {
        self.identifier.iter().chain(&self.other_identifiers)
    }

    /// Whether this is one of the patient's ids.
    pub fn is_called(&self, name: &Identifier) -> bool {
        self.names().any(|known| known == name)
    }
}

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
    /// As of when the source told it, if it said: an older state of the source does not replace it.
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
    /// Whether a reaction may be life-threatening (FHIR criticality `high`).
    pub high_criticality: bool,
    /// As of when the source told it, if it said: an older state of the source does not replace it.
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
    /// As of when the source told it, if it said: an older state of the source does not replace it.
    #[serde(with = "crate::kernel::time::compact_optional_millis")]
    pub as_of: Option<DateTime<Utc>>,
    /// What its sources call the resources that tell it, if they told: a later state of one of them takes the place of this, or stands
    /// beside it while another one tells it still.
    pub sources: Sources,
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

/// A finding that its source has taken back: it was entered in error, refuted, deleted, or an allergy that has passed. It is kept so
/// that an older state of the source does not bring it back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Withdrawn {
    /// In which list it was.
    pub matter: Matter,
    /// What it was. `None` where nothing is told but that it was deleted: then [`Self::source`] tells what is meant.
    pub concept: Option<Concept>,
    /// Since when it was said to be, if that was known.
    #[serde(with = "crate::kernel::time::compact_optional_date")]
    pub since: Option<NaiveDate>,
    /// What the source calls the resource that told it, if that is known.
    pub source: Option<SourceId>,
    /// As of when the source took it back; where it does not say, when that was told here.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub as_of: DateTime<Utc>,
}

/// When a source said last that none are known, or that this is so no longer. What it told before does not overrule it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Word {
    /// Of what none are known.
    pub matter: Matter,
    /// Of which kind of allergies, if it is one.
    pub kind: Option<AllergyKind>,
    /// Whether it is said still; otherwise it was taken back.
    pub holds: bool,
    /// What the source calls the resource that says so, if that is known.
    pub source: Option<SourceId>,
    /// As of when the source says so; where it does not say, when that was told here.
    #[serde(with = "crate::kernel::time::compact_millis")]
    pub as_of: DateTime<Utc>,
}

/// What a patient brings before a visit (R9).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Intake {
    /// Illness history.
    pub conditions: Findings<Condition>,
    /// Allergies.
    pub allergies: Findings<Allergy>,
    /// Of which kinds of allergies none are known, each once. That none are known at all is a value of [`Intake::allergies`].
    pub no_known_allergies_to: Vec<AllergyKind>,
    /// Medications.
    pub medications: Findings<Medication>,
    /// Symptoms in the patient's own words.
    pub symptoms: Vec<String>,
    /// What a source has taken back.
    pub withdrawn: Vec<Withdrawn>,
    /// When sources said that none are known.
    pub words: Vec<Word>,
}

impl PersonalValue for Intake {}

impl Intake {
    /// How many items a list takes.
    pub const MOST: usize = 1000;

    /// Whether the times as of which it is told can be true.
    ///
    /// # Errors
    /// [`PatientError::ToldInTheFuture`], with the first place of such a time.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), PatientError> {
        let told = self
            .told()
            .filter_map(|told| Some((Place::Finding(told.matter, told.index), told.as_of?)));
        let withdrawn = self.withdrawn.iter().enumerate();
        let withdrawn = withdrawn.map(|(index, gone)| (Place::Withdrawn(Some(index)), gone.as_of));
        let words = self.words.iter().enumerate();
        let words = words.map(|(index, word)| (Place::Words(Some(index)), word.as_of));
        let all = told.chain(withdrawn).chain(words);
        let mut to_come = all.filter(|(_, as_of)| is_to_come(*as_of, now));
        to_come
            .next()
            .map_or(Ok(()), |(place, _)| Err(PatientError::ToldInTheFuture(place)))
    }

    /// Whether a person may tell it, of whom this is `known`: as of when a source has told a finding, what it calls it, what it has taken
    /// back, and when it said that none are known, is not theirs to say. They may leave findings out.
    ///
    /// # Errors
    /// [`PatientError::DatesAreTheHospitals`], with the first place of what is not known.
    pub fn check_told_by_a_person(&self, known: &Self) -> Result<(), PatientError> {
        let is_known = |told: &ToldFinding<'_>| known.told().any(|known| known.says_as_much_as(told));
        if self.withdrawn != known.withdrawn {
            let is_new = |gone| !known.withdrawn.contains(gone);
            let new = self.withdrawn.iter().position(is_new);
            return Err(PatientError::DatesAreTheHospitals(Place::Withdrawn(new)));
        }
        if self.words != known.words {
            let is_new = |word| !known.words.contains(word);
            let new = self.words.iter().position(is_new);
            return Err(PatientError::DatesAreTheHospitals(Place::Words(new)));
        }
        match self.told().find(|told| !is_known(told)) {
            Some(told) => Err(PatientError::DatesAreTheHospitals(told.new_to(known))),
            None => Ok(()),
        }
    }

    /// The findings that a source has told as of some time, or by a name of its own.
    fn told(&self) -> impl Iterator<Item = ToldFinding<'_>> {
        let conditions = self.conditions.list().iter();
        let conditions = conditions.map(|one| (&one.concept, one.as_of, &one.sources));
        let allergies = self.allergies.list().iter();
        let allergies = allergies.map(|one| (&one.concept, one.as_of, &one.sources));
        let medications = self.medications.list().iter();
        let medications = medications.map(|one| (&one.concept, one.as_of, &one.sources));
        let conditions = ToldFinding::among(Matter::Conditions, conditions);
        let allergies = ToldFinding::among(Matter::Allergies, allergies);
        conditions
            .chain(allergies)
            .chain(ToldFinding::among(Matter::Medications, medications))
    }

    /// The same as of no time: what it says, and not who told it when.
    fn undated(&self) -> Self {
        Self {
            conditions: self.conditions.clone().map(|one| Condition { as_of: None, ..one }),
            allergies: self.allergies.clone().map(|one| Allergy { as_of: None, ..one }),
            medications: self.medications.clone().map(|one| Medication { as_of: None, ..one }),
            withdrawn: self
                .withdrawn
                .iter()
                .map(|one| Withdrawn {
                    as_of: DateTime::UNIX_EPOCH,
                    ..one.clone()
                })
                .collect(),
            words: self
                .words
                .iter()
                .map(|one| Word {
                    as_of: DateTime::UNIX_EPOCH,
                    ..one.clone()
                })
                .collect(),
            ..self.clone()
        }
    }
}

/// A finding that a source has told as of some time, or by a name of its own, and where it stands.
struct ToldFinding<'a> {
    matter: Matter,
    index: usize,
    concept: &'a Concept,
    as_of: Option<DateTime<Utc>>,
    sources: &'a Sources,
}

impl<'a> ToldFinding<'a> {
    /// Those of a list that say as of when, or what the source calls them.
    fn among(
        matter: Matter,
        list: impl Iterator<Item = (&'a Concept, Option<DateTime<Utc>>, &'a Sources)>,
    ) -> impl Iterator<Item = Self> {
        let told = list.enumerate().map(move |(index, (concept, as_of, sources))| Self {
            matter,
            index,
            concept,
            as_of,
            sources,
        });
        told.filter(|told| told.as_of.is_some() || *told.sources != Sources::default())
    }

    /// What of it a source has not told, as far as is `known`: as of when, or else what it calls it.
    fn new_to(&self, known: &Intake) -> Place {
        let dated = |known: ToldFinding<'_>| {
            (self.matter, self.concept, self.as_of) == (known.matter, known.concept, known.as_of)
        };
        if self.as_of.is_none() || known.told().any(dated) {
            Place::Source(self.matter, self.index)
        } else {
            Place::Finding(self.matter, self.index)
        }
    }

    /// Whether both are told of the same by the same as of the same time, wherever they stand.
    fn says_as_much_as(&self, other: &ToldFinding<'_>) -> bool {
        (self.matter, self.concept, self.as_of, self.sources)
            == (other.matter, other.concept, other.as_of, other.sources)
    }
}

/// Whether a source says to have told something at a time that is to come, however much its clock may be ahead.
fn is_to_come(told: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    told - now > PatientDetails::CLOCKS_DIFFER
}

/// A registration: details and intake together.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Registration {
    /// Who the patient is.
    pub details: PatientDetails,
    /// What they bring.
    pub intake: Intake,
}

impl PersonalValue for Registration {}

impl Registration {
    /// Whether a record of these details and this intake says what this says, as of whenever: a source that does not date its states
    /// tells them as of another time whenever it tells them.
    pub fn is_told(&self, details: &PatientDetails, intake: &Intake) -> bool {
        let undated = |details: &PatientDetails| PatientDetails {
            as_of: None,
            ..details.clone()
        };
        undated(&self.details) == undated(details) && self.intake.undated() == intake.undated()
    }
}

/// An event in a patient's stream. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PatientEvent {
    /// The patient registered.
    Registered {
        /// Details and intake.
        registration: Personal<Registration>,
    },
    /// The details changed; these are the new ones, whole.
    DetailsUpdated {
        /// The new details.
        details: Personal<PatientDetails>,
    },
    /// The intake changed; this is the new one, whole.
    IntakeUpdated {
        /// The new intake.
        intake: Personal<Intake>,
    },
}
